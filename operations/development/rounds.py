"""One round of the watch: bring what has changed into the emulator, by the fastest way that is complete."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import names
from config.environment import Environment
from deployer.aws import local, session
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight import account_state
from deployer.stacks import function_code, reading
from emulator import control
from emulator.development import client
from operations.development import changes, local_code
from operations.logs import groups

ENDS_AFTER_SECONDS = 30
"""A deployment that gets SIGTERM has so long before it is killed."""


@dataclass
class Rounds:
    """`complete`: all that was saved so far is deployed, so a change of code alone needs no deployment.

    `number`: of the last round. `runs`: key of the package that this process put into the functions since then.
    """

    options: Options
    environment: Environment
    root: Path
    complete: bool = False
    number: int = 0
    runs: str = ""

    @property
    def state_directory(self) -> Path:
        return local.state_directory(self.root, self.options.local_dir)

    @property
    def emulator_runs(self) -> bool:
        return control.running(self.state_directory) is not None

    def first(self) -> int:
        """Deploy on the screen of this process; return the exit code."""
        stream = sys.stderr if self.options.output == "json" else None
        code, _, _ = self._deploy_py(self.options.at_the_same_place(yes=True), stream)
        self.complete = code == Exit.OK
        return code

    def carry_out(self, paths: list[str]) -> str:
        """Bring the changed files into the emulator; return what was done. Raises Failure; the next round tries again."""
        self.number += 1
        if self.complete and changes.is_code_only(paths) and (deployed := self.deployed()):
            return self._swap(*deployed)
        self.complete, self.runs = False, ""
        done = self._deployment()
        self.complete = True
        return done

    def _swap(self, aws: Aws, stack: Mapping[str, Any]) -> str:
        """Update the code without comparing, unless this process did it last: fewer calls before the answer."""
        package = local_code.package(self.root)
        if package.key == (self.runs or reading.parameters_of(stack)["FunctionsKey"]):
            return "no function differs"
        functions, self.runs = function_code.functions(stack), "perhaps some of it"
        local_code.carry_out(aws, stack, local_code.Swap(package, functions, local_code.is_deployed(stack, package)))
        self.runs = package.key
        return f"updated the code of {len(functions)} functions"

    def deployed(self) -> tuple[Aws, Mapping[str, Any]] | None:
        """Return the emulator's session and the stack; None if it does not run, or the stack is not ready."""
        if not self.emulator_runs:
            return None
        region = self.options.region
        aws = session.connect_local(self.environment, local.start(self.state_directory), region)
        try:
            stack = account_state.deployed(aws, self.environment)
        except Failure:
            return None
        return (aws, stack) if reading.status_of(stack).can_update else None

    def start_errors(self, paths: list[str], is_current: Callable[[], bool]) -> Iterator[tuple[str, dict]]:
        """Start a process of each function that the changed paths concern; yield name and error of those that cannot.

        A change of one handler concerns its function only. Stop when `is_current` is no longer true.
        """
        aws, stack = self.deployed() or (None, {})
        functions = {groups.dashed(key): name for key, name in function_code.functions(stack).items()}
        modules = {f"handlers/{name.replace('-', '_')}.py": name for name in functions}
        for name in [modules[path] for path in paths] if modules.keys() >= set(paths) else functions:
            if aws is None or not is_current():
                return
            if error := client.start_error(aws.endpoint_url or "", references(aws, stack, functions[name])):
                yield name, error

    def _deployment(self) -> str:
        """Deploy in another process: this one has imported the version of the sources with which it began."""
        options = self.options.at_the_same_place(yes=True, output="json")
        code, document, said = self._deploy_py(options, subprocess.PIPE, subprocess.PIPE)
        if code:
            raise Failure(Exit(code) if code in set(Exit) else Exit.FAILED, said.strip())
        report = json.loads(document)
        counted = report["plan"]["summary"]
        changed = [f"{counted[key]} {word}" for key, word in _WORDS.items() if counted[key]]
        return f"{report['result']}{': ' * bool(changed)}{', '.join(changed)}"

    def _deploy_py(self, options: Options, *streams: Any) -> tuple[int, str, str]:
        """Run deploy.py to its end; if this process is interrupted, have that one end as well."""
        words = [sys.executable, str(self.root / "deploy.py"), *shlex.split(options.command_line())[2:]]
        out, err = (*streams, None)[:2]
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True, process_group=0
        )  # a group of its own: Ctrl-C reaches this process only
        try:
            document, said = process.communicate()
        except BaseException:
            process.terminate()
            try:
                process.communicate(timeout=ENDS_AFTER_SECONDS)
            except BaseException:
                process.kill()
                process.wait()
            raise
        return process.returncode, document or "", said or ""


def references(aws: Aws, stack: Mapping[str, Any], function: str) -> list[str]:
    """Return the ARNs of the function as it is invoked, and of the function itself."""
    account = stack["StackId"].split(":")[4]
    arn = f"arn:aws:lambda:{aws.region}:{account}:function:{function}"
    return [f"{arn}:{names.ALIAS}", arn]


_WORDS = {
    "add": "added",
    "modify": "modified",
    "mayReplace": "perhaps replaced",
    "replace": "replaced",
    "remove": "removed",
}
