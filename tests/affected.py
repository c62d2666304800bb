"""Print the unit tests that a change can affect: `python -m tests.affected [BASE]`.

The change is what differs from the last commit, or from where the branch left BASE. A test depends on
- the modules that it imports, and theirs in turn, wherever in a file the import stands;
- the modules that a text names, as in `monkeypatch.setattr("handlers.http.now", …)`;
- the conftest.py of its folder and of those above it;
- the files, other than Python's, whose name or folder one of these names in a text;
- through the templates and the rendered documents, on what renders them;
- all sources, if it looks for `*.py` or reads requirements.md, which names tests.
"""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNIT = "tests/unit/"
CONFIGURES_ALL = {"setup.cfg", "pyproject.toml", "requirements/lock.txt"}
RENDERED = {"templates", "openapi.yaml", "asyncapi.yaml", "alarms.md"}
"""Names of what `python -m generator` writes."""
READS_SOURCES = {"*.py", "requirements.md"}
ANY_SOURCE = "any source"


def main(arguments: list[str]) -> None:
    files = listed("ls-files", "--cached", "--others", "--exclude-standard")
    print("\n".join(affected(files, changed(*arguments), ROOT)))


def changed(base: str = "") -> set[str]:
    """Return the files that differ from HEAD, or from where HEAD's branch left `base`; deleted ones included."""
    start = listed("merge-base", base, "HEAD")[0] if base else "HEAD"
    return {
        *listed("diff", "--name-only", "--no-renames", start),
        *listed("ls-files", "--others", "--exclude-standard"),
    }


def affected(files: Iterable[str], changes: set[str], root: Path) -> list[str]:
    """Return the unit tests among `files` that depend on one of the changes."""
    sources = {file for file in (*files, *changes) if file.endswith(".py")}
    modules = {module_name(file): file for file in sources}
    present = [file for file in sources if (root / file).is_file()]
    tests = [file for file in present if file.startswith(UNIT) and Path(file).name.startswith("test_")]
    if changes & CONFIGURES_ALL:
        return sorted(tests)
    dependents = defaultdict(set)
    for file in present:
        for dependency in dependencies(file, root, modules):
            dependents[dependency].add(file)
    reached = closure({node for change in changes for node in nodes_of(change)}, dependents)
    return sorted(reached & {*tests})


def nodes_of(change: str) -> Iterator[str]:
    """Yield what a changed file is in the graph: a source, or the names by which texts speak of another file."""
    if change.endswith(".py"):
        yield from (change, ANY_SOURCE)
    else:
        yield from (f"name:{part}" for part in change.split("/") if part not in ("tests", "unit"))


def dependencies(file: str, root: Path, modules: dict[str, str]) -> Iterator[str]:
    """Yield the nodes that a source file depends on."""
    folder = Path(file).parent
    if file.startswith("tests/"):
        yield from (str(above / "conftest.py") for above in (folder, *folder.parents))
    for node in ast.walk(ast.parse((root / file).read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
            parts = {*node.value.strip("/").split("/")}
            yield from (f"name:{part}" for part in parts)
            if parts & READS_SOURCES and file.startswith("tests/"):
                yield ANY_SOURCE
            names = ["generator.render"] if parts & RENDERED else [node.value] if "." in node.value else []
        else:
            continue
        for name in names:
            yield from imported(name, modules)


def imported(name: str, modules: dict[str, str]) -> Iterator[str]:
    """Yield the files that importing a dotted name runs: the module and the packages around it."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        if file := modules.get(".".join(parts[:length])):
            yield file


def module_name(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def closure(start: set[str], dependents: dict[str, set[str]]) -> set[str]:
    found, pending = set(start), list(start)
    while pending:
        new = dependents.get(pending.pop(), set()) - found
        found |= new
        pending += new
    return found


def listed(*command: str) -> list[str]:
    done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


if __name__ == "__main__":
    main(sys.argv[1:])
