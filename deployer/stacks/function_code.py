"""The code that the functions run, compared with the package that CloudFormation deployed, and replaced.

CloudFormation does not notice other code: drift detection leaves Code out, and an update whose S3Key is the deployed one
does not touch the function. Package keys contain the SHA-256 that Lambda reports, so each function is its own record.
"""

import base64
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from config import names
from deployer.aws import advice, service_errors, waiting
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.stacks import outputs, reading, tree

LATEST = "$LATEST"
_OUTPUT = "Function"
_HASH = re.compile(r"[0-9a-f]{64}")


def functions(stack: Mapping[str, Any] | None) -> dict[str, str]:
    """Return logical id -> physical name of every function, from the root stack's DescribeStacks entry."""
    return {key: name for key, name in sorted(outputs.of_stack(stack or {}).items()) if key.endswith(_OUTPUT)}


def swapped(aws: Aws, stack: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the functions that run other code than the stack's package: after a hot swap, or a change in the console.

    None while an operation runs or is unfinished: the stack names the package that it is to have.
    """
    if not reading.status_of(stack).can_update:
        return {}
    expected = reading.parameters_of(stack).get("FunctionsKey", "")
    return advice.ask(
        aws,
        "the code that the functions run was not compared with the stack's package",
        lambda: running_other(aws, functions(stack), expected),
        {},
    )


def running_other(aws: Aws, among: Mapping[str, str], key: str, version: str = "") -> dict[str, str]:
    """Return the functions whose code, or that of their alias, is not the package `key`.

    `version`: what the alias is to invoke; "" is any published version. A function that does not exist is left out.
    """
    expected = _sha256(key)
    if not expected:
        return {}

    def differs(name: str) -> bool:
        latest, live = _configuration(aws, name), _configuration(aws, name, Qualifier=names.ALIAS)
        if any(each and each["CodeSha256"] != expected for each in (latest, live)):
            return True
        return live is not None and (live["Version"] != version if version else live["Version"] == LATEST)

    answers = _each(aws, among, differs)
    return {logical_id: name for logical_id, name in among.items() if answers[logical_id]}


def restore(aws: Aws, stack: Mapping[str, Any], among: Mapping[str, str]) -> None:
    """Give the functions the stack's package, and their aliases the stack's versions. Raises as `put`."""
    parameters = reading.parameters_of(stack)
    arns = [arn for each in tree.read(aws, stack) for arn in each.of_type("AWS::Lambda::Version").values()]
    versions = {arn.split(":")[-2]: arn.split(":")[-1] for arn in arns}
    put(aws, among, versions, S3Bucket=parameters["ArtifactBucket"], S3Key=parameters["FunctionsKey"])


def put(aws: Aws, among: Mapping[str, str], versions: Mapping[str, str], **code: Any) -> None:
    """Update the code of each function, wait until it is in use, then point its alias to it.

    `versions`: physical name -> version of its alias; $LATEST of others: only an unpublished version can change.
    `code`: parameters of UpdateFunctionCode. Raises Failure that names the functions that were and were not updated.
    """

    def update(name: str) -> Failure | None:
        try:
            aws.client("lambda").update_function_code(FunctionName=name, **code)
            _wait(aws, name)
            _point(aws, name, versions.get(name, LATEST))
        except Exception as error:
            failure = error if isinstance(error, Failure) else service_errors.explain(error)
            if failure is None:
                raise
            return failure
        return None

    failures = {name: failure for name, failure in _each(aws, among, update).items() if failure}
    if failures:
        (first, failure), done = next(iter(failures.items())), [name for name in among if name not in failures]
        raise Failure(
            failure.code,
            f"{len(done)} of {len(among)} functions run the code{': ' * bool(done)}{', '.join(done)}; "
            f"perhaps not {', '.join(failures)}; {first}: {failure.message}",
            failure.hint or "run the same command again: functions that run this code are left alone",
        )


def _each(aws: Aws, among: Mapping[str, str], call: Callable[[str], Any]) -> dict[str, Any]:
    """Call with the physical name of each function, concurrently; return logical id -> result."""
    aws.client("lambda")  # clients must not be created in several threads
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(among, pool.map(call, among.values()), strict=True))


def _configuration(aws: Aws, name: str, **qualifier: str) -> Mapping[str, Any] | None:
    try:
        return aws.client("lambda").get_function_configuration(FunctionName=name, **qualifier)
    except Exception as error:
        if service_errors.is_missing(error):
            return None
        raise


def _wait(aws: Aws, name: str) -> None:
    """Wait until Lambda uses the new code. Raises Failure(FAILED) with Lambda's reason."""
    done = waiting.until(
        lambda: aws.client("lambda").get_function_configuration(FunctionName=name),
        lambda found: found.get("LastUpdateStatus") != "InProgress",
        waiting.polling(aws).interval,
    )
    if done.get("LastUpdateStatus") == "Failed":
        raise Failure(Exit.FAILED, f"Lambda could not use the code: {done.get('LastUpdateStatusReason', 'no reason')}")


def _point(aws: Aws, name: str, version: str) -> None:
    """Point the alias to the version, if the function has the alias."""
    try:
        aws.client("lambda").update_alias(FunctionName=name, Name=names.ALIAS, FunctionVersion=version)
    except Exception as error:
        if not service_errors.is_missing(error):
            raise


def _sha256(key: str) -> str:
    """Return the hash in `packages/functions-<hash>.zip` as Lambda writes it; "" if there is none."""
    found = _HASH.search(key)
    return base64.b64encode(bytes.fromhex(found[0])).decode() if found else ""
