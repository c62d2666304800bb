"""The steps that call no AWS: render and lint the local templates, package the local functions."""

import traceback
from collections.abc import Callable
from pathlib import Path

from deployer.artifacts import lint, memo, packaging, rendering
from deployer.artifacts.lint import Finding
from deployer.artifacts.packaging import Package
from deployer.errors import Exit, Failure
from deployer.show.ui import Ui


def rendered(ui: Ui, root: Path, cache: Path) -> dict[str, str]:
    """Return template name -> YAML text. Raises Failure(LINT) if the generator fails."""
    with ui.step("Render") as step:
        try:
            texts = rendering.rendered(root, cache / "rendered")
        except Exception as error:
            location = _location(error)
            if not location and isinstance(error, ModuleNotFoundError):
                raise
            raise Failure(
                Exit.LINT,
                f"the templates cannot be rendered: {location}: {type(error).__name__}: {' '.join(str(error).split())}",
                "python -m generator shows the whole traceback",
            ) from error
        step.result = ", ".join(f"{name}.yaml" for name in texts)
    return texts


def _location(error: Exception) -> str:
    """Return file and line of the innermost frame in the generator; "" if there is none."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno))
    ours = [(path, line) for path, line in frames if "generator" in Path(path).parts[-3:-1]]
    return f"{'/'.join(Path(ours[-1][0]).parts[-2:])}:{ours[-1][1]}" if ours else ""


def check(ui: Ui, linted: Callable[[], list[Finding]]) -> None:
    """Wait for the findings, and show warnings. Raises Failure(LINT) for errors."""
    with ui.step("Lint") as step:
        findings = linted()
        errors = lint.errors(findings)
        if errors:
            for finding in errors:
                ui.line(f"  {finding}", "red")
            raise Failure(
                Exit.LINT,
                f"cfn-lint found {len(errors)} error{'s' * (len(errors) > 1)} in the templates",
                "fix them in generator/; `python -m generator` renders the lines named here",
            )
        step.result = f"{len(findings)} warning{'s' * (len(findings) > 1)}" if findings else "no findings"
    for finding in findings:
        ui.warn(str(finding))


def functions(root: Path, cache: Path) -> Package:
    """Return the package of the functions. Raises Failure(PACKAGING) for a source that cannot be packaged."""
    try:
        files = packaging.sources(root)
    except OSError as error:
        raise Failure(
            Exit.PACKAGING,
            f"the functions' sources cannot be read: {error}",
            "compare the checkout with git status",
        ) from error
    name = memo.key(*files, *files.values())
    return Package("functions", memo.remembered(cache, name, lambda: packaging.checked_zip(files)))


def packages(ui: Ui, functions: Package, layer: Callable[[], Package]) -> tuple[Package, Package]:
    """Wait for the layer, and return the packages of the functions and of their layer."""
    with ui.step("Package") as step:
        both = functions, layer()
        step.result = ", ".join(f"{package.name} {len(package.content) / 1000:.0f} kB" for package in both)
    return both
