"""The steps that need this machine only: configuration, templates and packages of the checkout."""

import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

from deployer.artifacts import lint, packaging, wheels
from deployer.artifacts.lint import Finding
from deployer.artifacts.packaging import Package
from deployer.errors import Exit, Failure
from deployer.show.ui import Ui


def rendered(ui: Ui) -> dict[str, str]:
    """Template name -> YAML text, from the generator; a definition that it cannot render is Failure(LINT)."""
    with ui.step("Render") as step:
        try:
            from generator.render import render

            texts = render()
        except Exception as error:
            place = _place(error)
            if not place and isinstance(error, ModuleNotFoundError):
                raise
            raise Failure(
                Exit.LINT,
                f"the templates cannot be rendered: {place}: {type(error).__name__}: {' '.join(str(error).split())}",
                "python -m generator shows the whole traceback",
            ) from error
        step.result = ", ".join(f"{name}.yaml" for name in texts)
    return texts


def _place(error: Exception) -> str:
    """File and line, from the checkout, of the generator's innermost part in an error; "" if it has none."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno))
    ours = [(path, line) for path, line in frames if "generator" in Path(path).parts[-3:-1]]
    return f"{'/'.join(Path(ours[-1][0]).parts[-2:])}:{ours[-1][1]}" if ours else ""


def start_lint(rendered: Mapping[str, str], region: str, cache: Path) -> Future[list[Finding]]:
    """Lint in a thread, which ends with this process: it takes seconds, as do a download and the emulator's start."""
    future = Future()

    def run() -> None:
        try:
            future.set_result(lint.lint(rendered, region, cache / "lint"))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def check(ui: Ui, linting: Future[list[Finding]]) -> None:
    """Wait for what lint finds: warnings are shown; an error is Failure(LINT)."""
    with ui.step("Lint") as step:
        findings = linting.result()
        errors = lint.errors(findings)
        if errors:
            for finding in errors:
                ui.line(f"  {finding}", "red")
            raise Failure(
                Exit.LINT,
                f"cfn-lint found {len(errors)} error{'s' * (len(errors) > 1)} in the templates",
                "correct the generator, then render them with `python -m generator`",
            )
        step.result = f"{len(findings)} warning{'s' * (len(findings) > 1)}" if findings else "no findings"
    for finding in findings:
        ui.warn(str(finding))


def packages(ui: Ui, root: Path, cache: Path) -> tuple[Package, Package]:
    """Our functions and their layer."""
    with ui.step("Package") as step:
        try:
            functions = packaging.functions(root)
        except OSError as error:
            raise Failure(
                Exit.PACKAGING, f"the functions' sources cannot be read: {error}", "is the checkout whole? git status"
            ) from error
        layer = wheels.layer(root / "requirements" / "layer.txt", cache / "wheels")
        step.result = ", ".join(
            f"{package.name} {len(package.content) / 1000:.0f} kB" for package in (functions, layer)
        )
    return functions, layer
