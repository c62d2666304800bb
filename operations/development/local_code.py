"""The functions' package of the local version, and putting it into the deployed functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.artifacts import packaging
from deployer.artifacts.packaging import Package
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.stacks import function_code, reading


@dataclass(frozen=True)
class Swap:
    """`functions`: logical id -> physical name of those that do not run `package` yet.

    `restores`: the package is the stack's, so this swap ends the difference from CloudFormation.
    """

    package: Package
    functions: Mapping[str, str]
    restores: bool


def package(root: Path) -> Package:
    """Return the package. Raises Failure(PACKAGING) for a source that cannot be packaged."""
    try:
        return packaging.functions(root)
    except OSError as error:
        raise Failure(Exit.PACKAGING, f"the functions' sources cannot be read: {error}") from error


def swap(aws: Aws, stack: Mapping[str, Any], package: Package) -> Swap:
    """Compare the package with what the functions run."""
    functions = function_code.functions(stack)
    restores = is_deployed(stack, package)
    version = "" if restores else function_code.LATEST
    return Swap(package, function_code.running_other(aws, functions, package.key, version), restores)


def is_deployed(stack: Mapping[str, Any], package: Package) -> bool:
    """Return True if the package is the stack's."""
    return package.key == reading.parameters_of(stack)["FunctionsKey"]


def carry_out(aws: Aws, stack: Mapping[str, Any], swap: Swap) -> None:
    """Raises Failure that names the functions that were and were not updated."""
    if swap.restores:
        function_code.restore(aws, stack, swap.functions)
    else:
        function_code.put(aws, swap.functions, {}, ZipFile=swap.package.content)
