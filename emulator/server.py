"""The emulator's process: MiniStack with the patches, on the loopback interface only.

Run by ``python -m emulator serve``; use ``emulator.control.start`` from code.
"""

import importlib
import importlib.metadata
import json
import os
import shutil
import sys
import threading
import time
from functools import cache
from hashlib import sha256
from pathlib import Path

from emulator import INSTALL_HINT, MINISTACK_VERSION, ownership, registry
from emulator.development import DEBUG_PATH, START_PATH
from emulator.faults import FAULTS_PATH
from emulator.ownership import Claim
from emulator.sns_signatures import CERTIFICATE_PATH

HOST = "127.0.0.1"
IDENTITY_PATH = "/_emulator"
ROOT_USER = "root"
SAVE_EVERY_SECONDS = 5.0

# The caller's variables that the server gets. AWS_*, proxies and MiniStack's settings, such as LOG_LEVEL and SERVICES,
# stay out.
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
    "VIRTUAL_ENV",
)
PASSED_ON_PREFIXES = ("EMULATOR_", "LAMBDA_ASYNC_RETRY_")


class VersionError(RuntimeError):
    """MiniStack is missing, or its version is not the one that the patches are written for."""


def check_version() -> None:
    """Refuse to patch any MiniStack but the pinned one."""
    try:
        installed = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        raise VersionError(f"MiniStack is not installed; install it with: {INSTALL_HINT}") from None
    if installed != MINISTACK_VERSION:
        raise VersionError(
            f"MiniStack {installed} is installed, but the patches are for {MINISTACK_VERSION}; "
            f"install it with: {INSTALL_HINT}"
        )


def passed_on() -> dict[str, str]:
    """Return the variables of this process that the server gets."""
    return {
        name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }


def configure(port: int, state_dir: Path, iam: bool) -> None:
    """Set the environment that MiniStack reads when it is first imported.

    Nothing listens beyond the loopback interface or looks for a Docker daemon, and every file, temporary ones included,
    is under ``state_dir``, by relative paths: the directory can be moved.
    """
    settings = passed_on()
    os.environ.clear()
    os.chdir(state_dir)
    scratch = state_dir / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)  # unpacked functions of an earlier run
    for folder in (scratch, state_dir / "state", state_dir / "s3"):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        settings,
        BIND_HOST=HOST,
        GATEWAY_PORT=str(port),
        MINISTACK_HOST=HOST,
        MINISTACK_REGION="us-east-1",
        AWS_ACCESS_KEY_ID=ROOT_USER,
        AWS_SECRET_ACCESS_KEY=ROOT_USER,
        AUTH="true" if iam else "false",
        PERSIST_STATE="1",
        STATE_DIR="state",
        S3_PERSIST="1",
        S3_DATA_DIR="s3",
        TMPDIR=str(scratch),
        DOCKER_HOST=f"unix://{scratch}/no-docker.sock",
        LAMBDA_EXECUTOR="local",
        SFTP_ENABLED="0",
        LOG_LEVEL=settings.get("EMULATOR_LOG_LEVEL", "WARNING"),
        IOT_MTLS_ENABLED="0",  # else a listener on 8883, on every interface
    )


@cache
def code() -> str:
    """Return a hash of this package, which names MiniStack's version."""
    files = sorted(file for file in Path(__file__).parent.rglob("*.py") if file.is_file())
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def parse_yaml_in_c() -> None:
    """Give MiniStack PyYAML's parser in C, where there is one: it reads templates eight times as fast."""
    import yaml

    yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # type: ignore[misc]


def answer_identity(claim: Claim, iam: bool) -> None:
    """Serve ``/_emulator``, by which ``control`` identifies this process."""
    import ministack.app as ministack

    inner = ministack.app
    identity = json.dumps({"pid": os.getpid(), "lock": claim.identity, "iam": iam, "code": code()}).encode()

    async def app(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == IDENTITY_PATH and not claim.lost():
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(identity)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": identity})
            return
        await inner(scope, receive, send)

    ministack.app = app


def offer(module: str, *paths: str) -> None:
    """Serve the paths by the module's ``around``. It is loaded by the first request to one of them, for a fast start."""
    import ministack.app as ministack

    handle = inner = ministack.app

    async def app(scope, receive, send):
        nonlocal handle
        if handle is inner and scope["type"] == "http" and scope["path"] in paths:
            handle = importlib.import_module(module).around(inner)
        await handle(scope, receive, send)

    ministack.app = app


def save_periodically(seconds: float) -> None:
    """Save all state every few seconds, so that a killed process loses little.

    MiniStack saves on a graceful stop only. Saving starts once the previous state is loaded (earlier, it would overwrite
    that state), one save at a time. A snapshot may miss a change in progress; the next one has it.
    """
    import ministack.app as ministack

    load, save = ministack._load_persisted_state, ministack.save_all
    saving = threading.Lock()

    def save_alone(states) -> None:
        with saving:
            save(states)

    def loop() -> None:
        while True:
            began = time.monotonic()
            ministack.save_all(ministack._build_persistence_save_dict())
            time.sleep(max(seconds, 20 * (time.monotonic() - began)))  # at most a twentieth of the time

    def load_then_save() -> None:
        load()
        threading.Thread(target=loop, name="periodic-save", daemon=True).start()

    ministack.save_all = save_alone
    ministack._load_persisted_state = load_then_save


def serve(port: int, state_dir: Path, iam: bool = False, wait: float = 0) -> None:
    """Run the emulator in this process until it is stopped.

    ``wait``: seconds to wait for another process to release the state directory. Raises VersionError, InUseError.
    """
    check_version()
    state_dir.mkdir(parents=True, exist_ok=True)
    claim = Claim(state_dir, wait, port=port, iam=iam)
    ownership.end_when_lost(claim)
    configure(port, state_dir, iam)
    parse_yaml_in_c()

    import ministack.app as ministack
    from hypercorn.config import Config

    Config.graceful_timeout = 0.5  # seconds that idle keep-alive connections may delay a stop
    registry.apply(registry.left_out())
    offer("emulator.faults.injection", FAULTS_PATH)
    offer("emulator.development.serving", START_PATH, DEBUG_PATH)
    offer("emulator.sns_signatures", CERTIFICATE_PATH)
    answer_identity(claim, iam)
    save_periodically(float(os.environ.get("EMULATOR_SAVE_SECONDS", SAVE_EVERY_SECONDS)))
    sys.argv = ["ministack"]  # main() reads its own options
    ministack.main()
