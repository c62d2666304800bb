"""The processes in which functions run."""

import hashlib
import importlib.util
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from emulator.registry import patch

WORKERS = int(os.environ.get("EMULATOR_LAMBDA_WORKERS", "8"))
INIT_SECONDS = 10
RUNTIME_PACKAGES = (
    *("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"),
    *("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"),  # where they are installed
)
"""The packages of AWS's Python runtime. Others of the developer's environment must be missing here, or a layer
without them would pass."""
SCRIPT = os.environ.get("EMULATOR_WORKER_SCRIPT") or str(Path(__file__).resolve().parents[1] / "lambda_worker.py")
INHERITED = ("PATH", "LANG", "LC_ALL")
_unpacking = threading.Lock()
debugged: dict[str, Callable[[dict, bytes, object, str, str | None], dict | None]] = {}
"""Function name -> what runs its calls under a debugger, see ``emulator.development``."""


@patch(upstream="run functions in processes isolated from the server, bounded in number, as AWS's runtime does")
def function_processes() -> None:
    """Run ``lambda_worker.py``, or the script ``EMULATOR_WORKER_SCRIPT`` in its place, in at most
    ``EMULATOR_LAMBDA_WORKERS`` (8) processes per function; further calls wait.

    Upstream shows functions the server's packages and environment, puts layers before the function's files,
    ends the worker when a handler raises, names every error Runtime.HandlerError, waits 50 ms for the output
    of a silent handler, and starts a process for each concurrent call. Upstream throttles by reserved
    concurrency."""
    upstream = lambda_svc._execute_function_warm
    slots: dict[str, threading.BoundedSemaphore] = {}

    def execute(func, event, request_id):
        config = func.get("config") or func
        if not str(config.get("Runtime", "")).startswith("python") or not func.get("code_zip"):
            return upstream(func, event, request_id)
        trace_id = lambda_svc._xray_trace_id_for_invocation(config)
        run = debugged.get(config["FunctionName"])
        if run and (done := run(config, func["code_zip"], event, request_id, trace_id)):
            return done
        lambda_svc._ensure_reaper_thread()
        qualifier = config.get("Version", "$LATEST")
        slot = slots.setdefault(
            lambda_runtime._worker_key(config["FunctionName"], config, qualifier), threading.BoundedSemaphore(WORKERS)
        )
        if not slot.acquire(timeout=60):
            return lambda_svc._throttle_response("ConcurrentInvocationLimitExceeded", "Rate Exceeded.")
        worker, _ = lambda_svc.acquire_worker(config["FunctionName"], config, func["code_zip"], qualifier=qualifier)
        worker.config = config  # invoked by the version's number, or by one of its aliases
        try:
            return worker.run(event, request_id, trace_id)
        finally:
            release(worker)
            slot.release()

    def worker_class_for(config):
        return PythonWorker if str(config.get("Runtime", "")).startswith("python") else other(config)

    other, lambda_runtime._worker_class_for = lambda_runtime._worker_class_for, worker_class_for
    lambda_svc._execute_function_warm = execute


@patch(upstream="let a call that runs end with the code that it began with, when its function is updated")
def calls_outlive_updates() -> None:
    """Upstream kills the processes of calls that run, too."""
    invalidate = lambda_svc.invalidate_worker

    def invalidate_idle(func_name, qualifier=None, account=None, region=None):
        if qualifier:
            with lambda_runtime._lock:
                for key, workers in lambda_runtime._workers.items():
                    if key.split(":")[-2:] == [func_name, qualifier]:
                        for worker in workers:
                            worker.outdated = worker.in_use
                        workers[:] = [worker for worker in workers if not worker.in_use]
        invalidate(func_name, qualifier, account, region)

    lambda_svc.invalidate_worker = invalidate_idle


def release(worker: lambda_runtime.Worker) -> None:
    """Return a worker to its pool, or end it if its function was updated meanwhile."""
    lambda_svc.release_worker(worker)
    if getattr(worker, "outdated", False):
        worker.kill()


class PythonWorker(lambda_runtime.Worker):
    """A worker that upstream's pool can keep."""

    channel: socket.socket | None = None
    received = b""
    ready: dict | None = None  # what the process says once it has imported the handler

    def run(self, event: object, request_id: str, trace_id: str | None) -> dict:
        """Run one invocation and return upstream's record of its outcome."""
        with self._lock:
            try:
                answer = self._ask(event, request_id, trace_id)
            except TimeoutError:
                self._end()
                reason = f"Task timed out after {self._timeout():.2f} seconds"
                note = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {request_id} {reason}"
                return self._failed("Sandbox.Timedout", f"RequestId: {request_id} Error: {reason}", note)
            except OSError:
                reason = f"Runtime exited with error: exit status {self._end()}"
                return self._failed("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")
            output = self._output()
            if answer.get("ended"):  # AWS, too, starts a new process after a failed initialisation
                self._end()
            if "error" in answer:
                return {"body": {**answer["error"], "requestId": request_id}, "error": True, "log": output}
            return {"body": answer["result"], "log": output}

    def start(self) -> dict | None:
        """Start the process unless it runs; return the error of its initialization."""
        with self._lock:
            try:
                return self._started().get("error")
            except OSError:
                log = self._output()
                self._end()
                return {
                    "errorType": "Runtime.ExitError",
                    "errorMessage": log.strip() or "the process ended at its start",
                }

    def _started(self) -> dict:
        if self._proc is None or self._proc.poll() is not None:
            self._spawn()
        if self.ready is None:
            self.ready = json.loads(self._line(time.monotonic() + INIT_SECONDS))
        return self.ready

    def _ask(self, event: object, request_id: str, trace_id: str | None) -> dict:
        self._started()
        self._cold = False
        call = {
            "event": event,
            "request_id": request_id,
            "trace_id": trace_id,
            "timeout": self._timeout(),
            "function_arn": self.config.get("FunctionArn", ""),
        }
        self.channel.sendall(json.dumps(call).encode() + b"\n")
        return json.loads(self._line(time.monotonic() + self._timeout()))

    def _line(self, deadline: float) -> bytes:
        """Return the next line from the worker. Raise TimeoutError at the deadline, OSError if the worker is gone."""
        while b"\n" not in self.received:
            self.channel.settimeout(max(0.001, deadline - time.monotonic()))
            chunk = self.channel.recv(1 << 20)
            if not chunk:
                raise ConnectionError("the worker is gone")
            self.received += chunk
        line, _, self.received = self.received.partition(b"\n")
        return line

    def _spawn(self) -> None:
        self._discard_tmpdir()
        self._tmpdir = tempfile.mkdtemp(prefix="worker-")
        self.log = (Path(self._tmpdir) / "output").open("a+b")
        self.channel, theirs = socket.socketpair()
        self.received, self.ready = b"", None
        code = self._code()
        self._proc = subprocess.Popen(
            [sys.executable, "-I", "-S", "-u", "-X", "utf8", SCRIPT, str(theirs.fileno())],
            cwd=code,
            env=self._environment(code),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()

    def _code(self) -> Path:
        return unpacked(self.code_zip)

    def _environment(self, code: Path) -> dict[str, str]:
        return environment(self.config, code, self._tmpdir)

    def _output(self) -> str:
        """Return what the function wrote in this invocation. It is in the file before the answer comes."""
        self.log.seek(0)
        text = self.log.read().decode("utf-8", "replace")
        self.log.truncate(0)
        return text

    def _failed(self, error_type: str, message: str, note: str = "") -> dict:
        log = "\n".join(filter(None, [self._output().rstrip("\n"), note or f"{message}\n{error_type}"]))
        return {"body": {"errorMessage": message, "errorType": error_type}, "error": True, "log": log}

    def _end(self) -> int:
        """Kill the process at once, as AWS does, and return its exit code."""
        process, self._proc = self._proc, None
        self.channel.close()
        if process is None:  # the function was deleted
            return -signal.SIGTERM
        code = process.poll()
        if code is None:
            process.kill()
            code = process.wait()
        return code

    def _timeout(self) -> float:
        return float(self.config.get("Timeout", 3))


def unpacked(archive: bytes) -> Path:
    """Unpack an archive, once for all workers, and return the folder."""
    folder = Path(tempfile.gettempdir()) / "unpacked" / hashlib.sha256(archive).hexdigest()[:24]
    with _unpacking:
        if not folder.is_dir():
            draft = folder.with_suffix(".part")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            with zipfile.ZipFile(io.BytesIO(archive)) as files:
                files.extractall(draft)
            draft.rename(folder)
    return folder


def runtime_packages() -> Path:
    """Return a folder with links to the packages of AWS's runtime only."""
    folder = Path(tempfile.gettempdir()) / "runtime"
    with _unpacking:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            for name in RUNTIME_PACKAGES:
                found = importlib.util.find_spec(name)
                if found and found.origin:
                    origin = Path(found.origin)
                    source = origin.parent if origin.name == "__init__.py" else origin
                    (folder / source.name).symlink_to(source)
    return folder


def environment(config: dict, code: Path, scratch: str) -> dict[str, str]:
    """Return a function's environment: AWS's variables, its own, and the emulator's address."""
    _, region = lambda_runtime._account_region_from_function_config(config)
    logs = config.get("LoggingConfig") or {}
    layers = [unpacked(data) for layer in config.get("Layers") or [] if (data := lambda_svc._resolve_layer_zip(layer))]
    version = config.get("Runtime", "python3.13")
    paths = [code]
    for layer in layers:
        paths += [layer / "python", layer / "python" / "lib" / version / "site-packages"]
    own = (config.get("Environment") or {}).get("Variables") or {}
    name = config["FunctionName"]
    return {
        **{key: os.environ[key] for key in INHERITED if key in os.environ},
        "TZ": ":UTC",
        "TMPDIR": scratch,
        "HOME": scratch,  # else boto3 reads the developer's own ~/.aws
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        "AWS_EC2_METADATA_DISABLED": "true",
        **{key: value for key, value in own.items() if key not in lambda_runtime._RESERVED_RUNTIME_ENV_VARS},
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **{key: value for key, value in lambda_runtime.execution_credentials(config).items() if value},
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{version}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": logs.get("LogFormat", "Text"),
        "AWS_LAMBDA_LOG_LEVEL": logs.get("ApplicationLogLevel")
        or ("INFO" if logs.get("LogFormat") == "JSON" else "WARNING"),
        "AWS_LAMBDA_LOG_GROUP_NAME": logs.get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{time.strftime('%Y/%m/%d')}/[{config.get('Version', '$LATEST')}]{Path(scratch).name}",
        "LAMBDA_TASK_ROOT": str(code),
        "LAMBDA_RUNTIME_DIR": str(runtime_packages()),
        "_HANDLER": config.get("Handler", ""),
        "_EMULATOR_PATH": os.pathsep.join(str(path) for path in [*paths, runtime_packages()] if path.is_dir()),
    }
