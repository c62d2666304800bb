"""What must be in order, and who must have said yes, before an environment is destroyed."""

from collections.abc import Callable, Iterator

from config import names
from config.environment import Environment
from deployer.commands.destroy.inventory import Inventory
from deployer.commands.destroy.stored_data import BUCKET, Holding
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import ask, can_ask
from deployer.stacks.stack_status import recovery_action


def refuse_obstacles(found: Inventory, aws_command: Callable[[str], str]) -> None:
    """`aws_command`: from what follows `aws` to the whole command."""
    stack = names.root_stack(found.environment)

    def cli(words: str) -> str:
        return aws_command(f"cloudformation {words} --stack-name {stack}")

    if found.status.is_running and found.status.name != "DELETE_IN_PROGRESS":
        raise Failure(Exit.PREFLIGHT, f"stack {stack} is in {found.status}", recovery_action(found.status, cli))
    if found.stack and found.stack.get("EnableTerminationProtection"):
        raise Failure(
            Exit.REFUSED,
            f"stack {stack} has termination protection",
            f"to lift it: {cli('update-termination-protection --no-enable-termination-protection')}",
        )


def refuse_data_in_the_way(found: Inventory) -> None:
    """What the stack's deletion would fail at, half way through."""
    reasons = [f"{held.fate.path} ({held.id}) {why}" for held in found.dying if (why := _obstacle(held))]
    if reasons:
        raise Failure(
            Exit.REFUSED,
            "; ".join(reasons),
            "save what you need, then add --delete-data, which deletes all data of the environment",
        )


def _obstacle(held: Holding) -> str:
    """Why CloudFormation would not delete it; "" if it would."""
    if held.type == BUCKET and held.number:
        return f"holds {held.amount}, and CloudFormation deletes only an empty bucket"
    if held.protected:
        return (
            f"has deletion protection switched on, whatever it holds ({held.amount}), so DynamoDB refuses to delete it"
        )
    return ""


def confirm(environment: Environment, found: Inventory, options: Options) -> None:
    """Where data is protected, by the file or as deployed, the environment's name is typed by a person."""
    if why := "; ".join(_protections(environment, found)):
        if not can_ask():
            raise Failure(
                Exit.REFUSED,
                f"the name of environment {environment.name} must be typed at a terminal to destroy it: {why}",
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


def _protections(environment: Environment, found: Inventory) -> Iterator[str]:
    """Everything that protects its data, each by its own name."""
    file = f"environments/{environment.name}.toml"
    if environment.data.retention == "Retain":
        yield f"{file} sets data.retention to Retain"
    if environment.data.deletion_protection:
        yield f"{file} sets data.deletion_protection"
    for held in found.stored:
        if held.protected:
            yield f"{held.fate.path} ({held.id}) has deletion protection switched on"
        elif held.fate.kept:
            yield (
                f"{held.fate.path} ({held.id}) is retained by its deletion policy"
                if held.fate.stack
                else (f"{held.id} was left by an earlier deployment")
            )


def _typed(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        return ""
