"""Refuse to destroy what is protected, and ask for confirmation."""

from collections.abc import Callable, Iterator

from config import names
from config.environment import Environment
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import ask, can_ask
from deployer.stacks import termination_protection
from deployer.stacks.stack_status import recovery_action
from operations.destroy.inventory import Inventory
from operations.destroy.resources import BUCKET, DataResource


def check_stack(environment: Environment, found: Inventory, aws_command: Callable[[str], str]) -> None:
    """Refuse a stack that is changing, or whose termination protection no deployment has enabled.

    Where data is retained a deployment has; the name that must be typed there lifts it.
    `aws_command`: makes the complete command from the words that follow `aws`.
    """
    stack = names.root_stack(found.environment)

    def cli(words: str) -> str:
        return aws_command(f"cloudformation {words} --stack-name {stack}")

    if found.status.is_running and found.status.name != "DELETE_IN_PROGRESS":
        raise Failure(Exit.PREFLIGHT, f"stack {stack} is in {found.status}", recovery_action(found.status, cli))
    if found.stack and termination_protection.is_on(found.stack) and environment.data.retention != "Retain":
        raise Failure(
            Exit.REFUSED,
            f"stack {stack} has termination protection",
            f"disable it: {cli('update-termination-protection --no-enable-termination-protection')}",
        )


def check_deletable(found: Inventory) -> None:
    """Refuse, before anything is changed, data that would make the stack's deletion fail half-way."""
    reasons = [f"{each.resource.path} ({each.id}) {why}" for each in found.deleted_data if (why := _obstacle(each))]
    if reasons:
        raise Failure(
            Exit.REFUSED,
            "; ".join(reasons),
            "save what you need, then add --delete-data, which deletes all data of the environment",
        )


def _obstacle(data: DataResource) -> str:
    """Return why CloudFormation cannot delete it; "" if it can."""
    if data.type == BUCKET and data.count:
        return f"holds {data.amount}, and CloudFormation deletes only empty buckets"
    if data.protected:
        return f"has deletion protection ({data.amount}), so DynamoDB refuses to delete it"
    return ""


def confirm(environment: Environment, found: Inventory, options: Options, place: str) -> None:
    """Ask for confirmation; where data is protected or retained, the environment's name must be typed."""
    if why := "; ".join(_protections(environment, found)):
        _confirm_name(environment.name, why)
        return
    keys = f" and revoke {len(found.partner_keys)} API keys of partners" * bool(found.partner_keys)
    confirm_by_question(f"Destroy environment {environment.name}{place}{keys}?", options)


def confirm_by_question(question: str, options: Options) -> None:
    if options.yes:
        return
    if not can_ask():
        raise Failure(Exit.REFUSED, "confirmation required, but stdin is not a terminal", "add --yes")
    if not ask(question):
        raise Failure(Exit.REFUSED, "not confirmed")


def _confirm_name(name: str, why: str) -> None:
    if not can_ask():
        raise Failure(
            Exit.REFUSED,
            f"the name of environment {name} must be typed at a terminal to destroy it: {why}",
            "--yes is not enough here",
        )
    try:
        typed = input(f"Type the name of the environment, {name}, to destroy it: ").strip()
    except EOFError:
        typed = ""
    if typed != name:
        raise Failure(Exit.REFUSED, "not confirmed")


def _protections(environment: Environment, found: Inventory) -> Iterator[str]:
    """Everything that protects data: in the environment's file, and as deployed."""
    file = f"environments/{environment.name}.toml"
    if environment.data.retention == "Retain":
        yield f"{file} sets data.retention to Retain"
    if environment.data.deletion_protection:
        yield f"{file} sets data.deletion_protection"
    if found.stack and termination_protection.is_on(found.stack):
        yield f"stack {names.root_stack(environment.name)} has termination protection"
    for data in found.data:
        resource = f"{data.resource.path} ({data.id})"
        if data.protected:
            yield f"{resource} has deletion protection"
        elif data.resource.retained and data.resource.stack:
            yield f"{resource} is retained by its deletion policy"
        elif data.resource.retained:
            yield f"{data.id} was retained by an earlier deployment"
