"""A deployment of this project to a local emulator, for as long as a benchmark needs it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import ROOT


@contextmanager
def deployed(directory: Path) -> Iterator[dict[str, str]]:
    """Yields the outputs of `deploy.py --local`; stops the emulator afterwards."""
    outputs = directory / "outputs.json"
    try:
        _deploy(directory, "--env", "dev", "--local", "--yes", "--outputs-file", str(outputs))
        yield json.loads(outputs.read_text())
    finally:
        _deploy(directory, "--local", "--stop")


def as_root(outputs: dict[str, str]) -> None:
    """Point every AWS client of this process at the deployment's emulator, with all rights."""
    os.environ.update(
        AWS_ENDPOINT_URL=outputs["EndpointUrl"],
        AWS_ACCESS_KEY_ID="root",
        AWS_SECRET_ACCESS_KEY="root",
        AWS_DEFAULT_REGION="us-east-1",
    )


def _deploy(directory: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "deploy.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "FOOD_DELIVERY_LOCAL_DIR": str(directory / "local")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
