"""Find what is deployed to the emulator, and notice when either changes."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.environment import Environment
from console import callers
from console.callers import Key
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.preflight import account_state
from deployer.stacks import outputs
from operations.queues import lookup
from operations.queues.lookup import Queue
from operations.smoke.rest import Api
from preview import local_run

FRESH = 10.0
"""Seconds until the stack is read again: a deployment may have changed its outputs."""

_SERVICES = (*("apigateway", "cloudformation", "cloudwatch", "dynamodb", "lambda", "logs", "s3", "sns", "sqs", "sts"),)


@dataclass(frozen=True)
class Deployment:
    """`stack`: the root's DescribeStacks entry; `queues` by logical id; `keys`: those that orders can be placed with."""

    environment: Environment
    aws: Aws
    stack: Mapping[str, Any]
    outputs: Mapping[str, str]
    queues: Mapping[str, Queue]
    keys: tuple[Key, ...]

    def api(self, key_id: str) -> Api:
        """Return the public API, called with a key. Raises Failure(USAGE) for an unknown one."""
        return Api(self.outputs["ApiUrl"], callers.chosen(self.keys, key_id).value)


class Connection:
    """The current deployment of an environment in an emulator's state directory."""

    def __init__(self, environment: Environment, directory: Path):
        self._environment, self._directory = environment, directory
        self._lock = threading.Lock()
        self._emulator: tuple[int, int] | None = None
        self._aws: Aws | None = None
        self._found: Deployment | None = None
        self._read = 0.0

    def current(self) -> Deployment:
        """Return it, read anew after FRESH seconds, or if the emulator was restarted.

        Raises Failure if the emulator does not run or the environment is not deployed, and botocore's exceptions.
        """
        try:
            return self._current()
        except Failure as failure:
            if failure.code is not Exit.PREFLIGHT:
                raise
            command = f"python deploy.py --env {self._environment.name} --local"
            raise Failure(failure.code, failure.message, f"deploy it: {command}") from None

    def _current(self) -> Deployment:
        with self._lock:
            emulator = local_run.running(self._directory)
            if (emulator.pid, emulator.port) != self._emulator or self._aws is None:
                self._found = None
                self._aws = local_run.connect(self._environment, emulator)
                client: Any = self._aws.client  # its stubs know literal names of services only
                for service in _SERVICES:  # boto3 makes clients one at a time only
                    client(service)
                self._emulator = (emulator.pid, emulator.port)
            if self._found is None or time.monotonic() - self._read > FRESH:
                self._found = None  # also if reading it fails
                self._found = self._deployed(self._aws)
                self._read = time.monotonic()
            return self._found

    def _deployed(self, aws: Aws) -> Deployment:
        stack = account_state.deployed(aws, self._environment)
        known = outputs.for_clients(aws, outputs.usable(aws, stack))
        return Deployment(
            self._environment,
            aws,
            stack,
            known,
            lookup.of_stack(aws, stack),
            callers.read(aws, known["ApiId"], known["ApiKeyId"]),
        )
