"""`--status`: the environment on one screen: stacks, version, alarms, dead letters, settings. Read-only."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from config import names
from deployer import connection
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import deployment_records, function_code, outputs, reading, termination_protection, tree
from deployer.stacks.tree import Stack
from operations.queues import lookup
from operations.queues.lookup import Queue
from operations.status import alarms, view

_SETTINGS = ("api-config", "feature-flags")
_SHOWN = 12
"""Characters of a hash that identify a version."""


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Return the report. Exit code 0 if the stacks could be read, whatever their state and the alarms'.

    A part that these credentials may not read is omitted and named in `unreadable`.
    """
    aws, stack = connection.deployed(ui, options, root)
    unreadable: dict[str, str] = {}
    for service in ("cloudformation", "cloudwatch", "lambda", "sqs", "ssm"):
        aws.client(service)  # boto3 clients must not be created in several threads

    def part(name: str, read: Callable, otherwise):
        try:
            return read()
        except Exception as error:
            explained = service_errors.explain(error)
            if explained is None:
                raise
            unreadable[name] = explained.message
            return otherwise

    with ui.step("Status") as step, ThreadPoolExecutor(8) as pool:
        alarms_found = pool.submit(part, "alarms", lambda: alarms.of_environment(aws, options.env), [])
        settings = pool.submit(part, "settings", lambda: _settings(aws, options.env), {})
        version = pool.submit(part, "version", lambda: _version(aws, stack), {})
        swapped = pool.submit(function_code.swapped, aws, stack)
        stacks = tree.read(aws, stack)
        dead_letter_queues = part("queues", lambda: _dead_letter_queues(aws, stacks, pool), [])
        alarms_found, settings, version = alarms_found.result(), settings.result(), version.result()
        step.result = f"{stack['StackName']}, {len(stacks)} stacks"
    url = outputs.usable(aws, stack).get("ApiUrl", "")
    if other := [*swapped.result()]:
        ui.warn(
            f"{', '.join(other)}: other code than the stack's package, as after --hotswap; a deployment restores it"
        )
    _show(ui, stacks, alarms_found, dead_letter_queues, settings, version, url)
    protected = termination_protection.is_on(stack)
    ui.line(f"Termination protection: {'on' if protected else 'off'}")
    for name, reason in unreadable.items():
        ui.warn(f"{name}: {reason}")
    return {
        "result": "read",
        "version": version,
        "otherCode": other,
        "apiUrl": url,
        "terminationProtection": protected,
        "stacks": view.stacks_as_json(stacks),
        "alarms": view.alarms_as_json(alarms_found),
        "deadLetterQueues": view.queues_as_json(dead_letter_queues),
        "settings": settings,
        "unreadable": unreadable,
    }


def _show(ui: Ui, stacks, alarms_found, dead_letter_queues, settings, version: Mapping[str, str], url: str) -> None:
    now = datetime.now(UTC)
    view.show_stacks(ui, stacks, now)
    ui.line("Version: " + ", ".join(f"{part} {value}" for part, value in version.items()))
    if alarms_found:
        view.show_alarms(ui, alarms_found, now)
    if dead_letter_queues:
        view.show_queues(ui, dead_letter_queues)
    view.show_settings(ui, settings)
    ui.line(f"API: {url}")


def _version(aws: Aws, stack: Mapping) -> dict[str, str]:
    """Return the version as --history and --rollback name it, and the packages' short hashes."""
    parameters = reading.parameters_of(stack)
    return {
        "id": deployment_records.deployed_version(aws, stack),
        "functions": _hash_in(parameters.get("FunctionsKey", "")),
        "layer": _hash_in(parameters.get("LayerKey", "")),
    }


def _hash_in(key: str) -> str:
    """Return the short hash of `packages/functions-<hash>.zip`."""
    return Path(key).stem.rpartition("-")[2][:_SHOWN]


def _settings(aws: Aws, environment: str) -> dict[str, dict]:
    """Return name -> document of the settings that exist."""
    paths = {names.parameter_path(environment, name): name for name in _SETTINGS}
    answer = aws.client("ssm").get_parameters(Names=list(paths), WithDecryption=True)
    return {paths[each["Name"]]: _document(each["Value"]) for each in answer["Parameters"]}


def _document(text: str) -> dict:
    """Parse a setting. If an operator broke it, the functions use the last good value or the default."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"not a JSON object": True}


def _dead_letter_queues(aws: Aws, stacks: list[Stack], pool: ThreadPoolExecutor) -> list[Queue]:
    """Return the dead-letter queues: those without a RedrivePolicy."""
    urls = [entry for stack in stacks for entry in stack.of_type(lookup.QUEUE).items()]
    found = list(pool.map(lambda entry: lookup.read(aws, *entry), urls))
    return [queue for queue in found if not queue.dead_letter_target]
