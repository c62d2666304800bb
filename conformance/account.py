"""The account, or the emulator, that a probe asks: clients, small stacks of its own, and waiting."""

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from conformance.probe import Differs
from deployer.aws.session import Aws

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]

Value = TypeVar("Value")


class Account:
    """Where the probes of a run have their own resources, all of which carry `mark` in their names.

    `patience`: by how much longer than the local emulator the services take for what a probe waits for.
    `made` removes what the probes have created, when it is closed.
    """

    def __init__(self, aws: Aws, mark: str, patience: float):
        self.aws, self.mark, self.patience = aws, mark, patience
        self.made = ExitStack()

    def client(self, service: Any) -> Any:
        return self.aws.client(service)

    def until(self, condition: Callable[[], Value], what: str, seconds: float = 5) -> Value:
        """Wait until the condition is true, and return its value; raise Differs after `seconds` times the patience."""
        deadline, pause = time.monotonic() + seconds * self.patience, 0.01
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise Differs(what, f"not within {seconds * self.patience:.0f} s")
            time.sleep(pause)
            pause = min(2 * pause, 0.2 * self.patience)
        return value

    def put(self, body: bytes | str, suffix: str = "") -> tuple[str, str]:
        """Store an object of the run under its content's hash; return bucket and key."""
        data = body.encode() if isinstance(body, str) else body
        bucket, key = f"{self.mark}-artifacts", hashlib.sha256(data).hexdigest()[:20] + suffix
        self.client("s3").create_bucket(Bucket=bucket)
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
        return bucket, key

    def template_url(self, template: dict) -> str:
        bucket, key = self.put(json.dumps(template), ".json")
        return f"{self.aws.endpoint_url or self.aws.template_host()}/{bucket}/{key}"

    def code(self, source: str, name: str = "app.py") -> dict[str, str]:
        """Return the Code property of a function with this one module."""
        bucket, key = self.put(zipped({name: source}), ".zip")
        return {"S3Bucket": bucket, "S3Key": key}


def zipped(files: dict[str, str]) -> bytes:
    """Return a zip that is the same for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()
