"""`python deploy.py` with any Python: which interpreter runs it, and what it says where none can."""

import ast
import configparser
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

import deploy
from deployer.errors import Exit

ROOT = Path(deploy.__file__).parent
WITHOUT_PACKAGES = [sys.executable, "-E", "-S"]


@pytest.fixture
def checkout(tmp_path):
    """A checkout without an environment."""
    (tmp_path / "deploy.py").write_bytes((ROOT / "deploy.py").read_bytes())
    for package in ("config", "contract", "deployer"):
        copytree(ROOT / package, tmp_path / package, ignore=ignore_patterns("__pycache__"))
    return tmp_path


def environment(checkout: Path, script: str) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def run(checkout: Path, *words: str, interpreter: list[str] = WITHOUT_PACKAGES) -> subprocess.CompletedProcess:
    command = [*interpreter, *words] if words else [*interpreter, "deploy.py", "--env", "dev", "--local"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=60)


def test_a_python_without_the_packages_becomes_that_of_the_environment(checkout):
    environment(checkout, 'echo "$$ $*"; exit 7')
    process = subprocess.Popen(
        [*WITHOUT_PACKAGES, checkout / "deploy.py", "--env", "a b"], cwd="/", stdout=subprocess.PIPE, text=True
    )
    said = process.communicate(timeout=60)[0]
    assert said == f"{process.pid} {checkout}/deploy.py --env a b\n"  # the same process: signals reach it
    assert process.returncode == 7


def test_an_environment_without_the_packages_is_tried_once(checkout):
    environment(checkout, f'echo started; exec {" ".join(WITHOUT_PACKAGES)} "$@"')
    done = run(checkout)
    assert done.returncode == Exit.USAGE
    assert done.stdout == "started\n"
    assert done.stderr.count("\n") == 1 and done.stderr.endswith("type: rm -r .venv && make setup\n")


def test_a_python_that_has_the_packages_stays(checkout):
    environment(checkout, "exit 7")
    assert run(checkout, "deploy.py", "--help", interpreter=[sys.executable]).returncode == 0


@pytest.mark.parametrize("broken", [False, True])
def test_without_an_environment_one_line_names_the_command(checkout, broken):
    if broken:  # the Python that it was made from is gone
        (checkout / ".venv/bin").mkdir(parents=True)
        (checkout / ".venv/bin/python").symlink_to("gone")
    done = run(checkout)
    assert done.returncode == Exit.USAGE
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(f"type: {'rm -r .venv && ' * broken}make setup\n")


def test_the_help_needs_no_packages(checkout):
    assert run(checkout, "deploy.py", "--help").returncode == 0


OLD = "import runpy, sys; sys.version_info = (3, 8, 18); sys.argv = ['deploy.py']; runpy.run_path('deploy.py', run_name='__main__')"


def test_a_python_that_is_too_old_becomes_that_of_the_environment(checkout):
    done = run(checkout, "-c", OLD)
    assert done.returncode == Exit.USAGE
    assert done.stderr.count("\n") == 1 and "make setup PYTHON=" in done.stderr
    environment(checkout, "exit 7")
    assert run(checkout, "-c", OLD).returncode == 7


def test_an_old_python_can_read_it():
    ast.parse((ROOT / "deploy.py").read_text(), feature_version=(3, 4))


def test_every_package_of_a_run_is_looked_for():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    lines = (settings["options"]["install_requires"] + settings["options.extras_require"]["local"]).splitlines()
    wanted = {line.split()[0] for line in lines if line and not line.startswith("#")}
    provided = packages_distributions()
    found = {name.lower().replace("_", "-") for package in deploy.NEEDED for name in provided[package]}
    assert wanted == found
