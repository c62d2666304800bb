"""What must be in order, and who must have said yes, before an environment is destroyed."""

from config import names
from config.environment import Environment
from deployer.commands.options import Options
from deployer.errors import Exit, Failure
from deployer.show.ui import ask, can_ask
from deployer.stacks.holdings import BUCKET, Holding
from deployer.stacks.inventory import Inventory
from deployer.stacks.status import way_out


def refuse_obstacles(found: Inventory, region: str) -> None:
    stack = names.root_stack(found.environment)
    if found.status.is_running and found.status.name != "DELETE_IN_PROGRESS":
        raise Failure(Exit.PREFLIGHT, f"stack {stack} is in {found.status}", way_out(found.status, stack, region))
    if found.stack and found.stack.get("EnableTerminationProtection"):
        raise Failure(
            Exit.REFUSED,
            f"stack {stack} is protected against termination",
            "somebody meant it to stay. To lift it: aws cloudformation update-termination-protection "
            f"--no-enable-termination-protection --stack-name {stack} --region {region}",
        )


def refuse_data_in_the_way(found: Inventory) -> None:
    """What the stack's deletion would fail at, half way through."""
    for held in found.dying:
        if held.type == BUCKET and held.number:
            raise _in_the_way(held, f"holds {held.amount}, and CloudFormation deletes only an empty bucket")
        if held.protected:
            raise _in_the_way(held, f"holds {held.amount} and is protected against deletion")


def _in_the_way(held: Holding, why: str) -> Failure:
    return Failure(
        Exit.REFUSED,
        f"{held.fate.path} ({held.id}) {why}",
        "save what you need, then add --delete-data, which deletes all data of the environment",
    )


def confirm(environment: Environment, found: Inventory, options: Options) -> None:
    """Where data is protected, by the file or as deployed, the environment's name is typed by a person."""
    protected = environment.data.deletion_protection or environment.data.retention == "Retain"
    if protected or any(held.protected or held.fate.kept for held in found.holdings):
        if not can_ask():
            raise Failure(
                Exit.REFUSED,
                f"environment {environment.name} keeps its data, so its name must be typed at a terminal to destroy it",
                "--yes is not enough here",
            )
        if _typed(f"Type the name of the environment, {environment.name}, to destroy it: ") != environment.name:
            raise Failure(Exit.REFUSED, "not confirmed")
        return
    if options.yes:
        return
    if not can_ask():
        raise Failure(Exit.REFUSED, "nobody at a terminal to confirm it", "add --yes")
    if not ask(f"Destroy environment {environment.name}?"):
        raise Failure(Exit.REFUSED, "not confirmed")


def _typed(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        return ""
