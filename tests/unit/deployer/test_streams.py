"""Output without a reader, space or encoding: no traceback, and the run continues."""

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deployer import cli, streams
from deployer.commands import interruptions, local_version
from deployer.errors import Exit, Failure
from deployer.show.ui import Ui

ROOT = Path(__file__).resolve().parents[3]


def shell(command: str, **environment: str) -> tuple[int, str]:
    """The exit code of deploy.py, which is `$DEPLOY`, and what the shell's command wrote to standard error."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=ROOT,
        env={**os.environ, "DEPLOY": f"{sys.executable} deploy.py", **environment},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr


def test_a_reader_that_leaves_is_no_failure():
    assert shell("$DEPLOY --completion bash | head -1") == (0, "")


def test_a_full_disk_is_one_line_and_no_success():
    code, said = shell("$DEPLOY --completion bash >/dev/full")
    assert code == Exit.FAILED and re.fullmatch(r"deploy\.py: output is lost: .*\n", said)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_end_nothing(closed, tmp_path):
    assert shell(f"$DEPLOY --local --local-dir {tmp_path / 'none'} --stop {closed}") == (0, "")


def test_a_working_directory_that_is_gone_is_one_line(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code, said = shell(f"cd {gone}; rmdir {gone}; {sys.executable} {ROOT}/deploy.py --env dev --plan")
    assert code == Exit.USAGE and "Traceback" not in said and "working directory" in said


class Broken(io.StringIO):
    def __init__(self, number: int):
        super().__init__()
        self.number, self.target = number, os.open(os.devnull, os.O_WRONLY)

    def write(self, text):
        raise OSError(self.number, os.strerror(self.number))

    def fileno(self):
        return self.target


def test_following_ends_with_its_reader_and_all_else_goes_on():
    out = streams.Output(Broken(32))
    assert out.write("x") == 1 and out.problem == ""
    out.ends = True
    with pytest.raises(streams.ClosedPipe):
        out.write("x")
    lost = streams.Output(Broken(28))
    lost.write("x")
    assert "space" in lost.problem


def test_sighup_is_sigterm_unless_it_is_ignored():
    with pytest.raises(interruptions.Terminated), interruptions.terminable():
        signal.raise_signal(signal.SIGHUP)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with interruptions.terminable():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), RecursionError("y"), NameError("z"), SyntaxError("w")])
def test_a_generator_that_raises_is_exit_4_with_file_and_line(monkeypatch, tmp_path, error):
    source = compile("def render():\n    raise error\n", str(ROOT / "generator" / "made.py"), "exec")
    made: dict = {"error": error}
    exec(source, made)
    monkeypatch.setattr("generator.render.render", made["render"])
    with pytest.raises(Failure, match=r"generator/made\.py:2: " + type(error).__name__) as failure:
        local_version.rendered(Ui(io.StringIO(), interactive=False), ROOT, tmp_path)
    assert failure.value.code is Exit.LINT


def test_control_c_before_anything_is_one_line():
    code = "import sys, runpy\nsys.argv = ['deploy.py']\nclass Stop:\n def find_spec(self, name, *_):\n  if name == 'deployer': raise KeyboardInterrupt\nsys.meta_path.insert(0, Stop())\nrunpy.run_path('deploy.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "deploy.py: interrupted\n")


def test_main_puts_the_streams_back(capsys):
    before = sys.stdout
    assert cli.main(["--completion", "zsh"]) == 0 and sys.stdout is before
