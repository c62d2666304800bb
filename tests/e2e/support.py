"""What the end-to-end tests share: deploy.py as a person runs it, and a client of what it deployed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from tests.waiting import HANGS

ROOT = Path(__file__).resolve().parents[2]


def interruptible() -> None:
    """For a child process before its program: Ctrl-C reaches it even where the tests were started in the background,
    by a shell that has such processes ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def deploy(
    *arguments: str, local_dir: Path, project: Path = ROOT, timeout: float = HANGS
) -> subprocess.CompletedProcess:
    """Run deploy.py as a person would, without a terminal; its output is returned as text."""
    return subprocess.run(
        [sys.executable, "deploy.py", *arguments],
        cwd=project,
        env={
            **os.environ,
            "FOOD_DELIVERY_LOCAL_DIR": str(local_dir),
            "FOOD_DELIVERY_CACHE_DIR": str(ROOT / ".local"),  # wheels are downloaded once for all
            "COLUMNS": "160",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def deployed(*arguments: str, **options) -> str:
    """deploy.py that must succeed; its standard output."""
    done = deploy(*arguments, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def stop(local_dir: Path, project: Path = ROOT) -> None:
    deployed("--local", "--stop", local_dir=local_dir, project=project)


LOOKED_UP = 100
"""Reading so many orders one by one takes less time than a table that a load test has filled."""


@dataclass(frozen=True)
class Deployment:
    """A running deployment: its outputs, and AWS clients that see what it stored."""

    local_dir: Path
    outputs: dict[str, str]

    @classmethod
    def of(cls, local_dir: Path, outputs_file: Path) -> "Deployment":
        return cls(local_dir, json.loads(outputs_file.read_text()))

    def client(self, service: str, config: Config | None = None):
        return _client(self.outputs["EndpointUrl"], service, config)

    def api(self, **headers: str) -> httpx.Client:
        return httpx.Client(
            base_url=self.outputs["ApiUrl"],
            headers={"x-api-key": self.outputs["ApiKey"], "content-type": "application/json", **headers},
            timeout=HANGS,
            limits=httpx.Limits(max_connections=200),
            trust_env=False,
            verify=False,  # plain HTTP: no certificates are loaded
        )

    def items(self) -> list[dict]:
        """Every item of the orders table, claims included, in DynamoDB's own form."""
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self.outputs["OrdersTableName"], ConsistentRead=True)
        )
        return [item for page in pages for item in page["Items"]]

    def orders(self) -> list[dict]:
        return [item for item in self.items() if item["timestamp"]["N"] != "0"]

    def orders_of(self, ids: Iterable[str]) -> dict[str, list[dict]]:
        """Id -> its items, claims left out. A few are looked up; for many the whole table is read."""
        found: dict[str, list[dict]] = {order_id: [] for order_id in ids}
        if len(found) > LOOKED_UP:
            for item in self.orders():
                found.get(item["orderId"]["S"], []).append(item)
            return found
        client = self.client("dynamodb")
        for order_id, items in found.items():
            items += client.query(
                TableName=self.outputs["OrdersTableName"],
                ConsistentRead=True,
                KeyConditionExpression="orderId = :id AND #accepted > :claim",
                ExpressionAttributeNames={"#accepted": "timestamp"},
                ExpressionAttributeValues={":id": {"S": order_id}, ":claim": {"N": "0"}},
            )["Items"]
        return found


_making = threading.Lock()  # boto3 makes clients safely one at a time only


def _client(endpoint_url: str, service: str, config: Config | None):
    with _making:
        return _made(endpoint_url, service, config)


@cache
def _made(endpoint_url: str, service: str, config: Config | None):
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="root",
        aws_secret_access_key="root",
        config=config,
    )


def start(local_dir: Path, project: Path = ROOT, env: str = "dev") -> Deployment:
    local_dir.mkdir(parents=True, exist_ok=True)
    outputs = local_dir / "outputs.json"
    deployed("--env", env, "--local", "--yes", "--outputs-file", str(outputs), local_dir=local_dir, project=project)
    return Deployment.of(local_dir, outputs)


def left(deployment: Deployment) -> dict[str, list[str]]:
    """Return everything in the account that the platform could have made, by kind."""
    look = deployment.client
    return {
        "stacks": [stack["StackName"] for stack in look("cloudformation").describe_stacks()["Stacks"]],
        "tables": look("dynamodb").list_tables()["TableNames"],
        "buckets": [bucket["Name"] for bucket in look("s3").list_buckets()["Buckets"]],
        "queues": look("sqs").list_queues().get("QueueUrls", []),
        "topics": [topic["TopicArn"] for topic in look("sns").list_topics()["Topics"]],
        "functions": [found["FunctionName"] for found in look("lambda").list_functions()["Functions"]],
        "layers": [layer["LayerName"] for layer in look("lambda").list_layers()["Layers"]],
        "sources": [found["UUID"] for found in look("lambda").list_event_source_mappings()["EventSourceMappings"]],
        "apis": look("apigateway").get_rest_apis()["items"],
        "keys": look("apigateway").get_api_keys()["items"],
        "plans": look("apigateway").get_usage_plans()["items"],
        "parameters": [found["Name"] for found in look("ssm").describe_parameters()["Parameters"]],
        "log groups": [group["logGroupName"] for group in look("logs").describe_log_groups()["logGroups"]],
        "alarms": [
            alarm["AlarmName"]
            for alarms in look("cloudwatch").describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"]).values()
            if isinstance(alarms, list)
            for alarm in alarms
        ],
        "dashboards": look("cloudwatch").list_dashboards()["DashboardEntries"],
        "rules": [rule["Name"] for rule in look("events").list_rules()["Rules"]],
        "roles": [role["RoleName"] for role in look("iam").list_roles()["Roles"]],
    }


def fresh_processes(deployment, function: str) -> None:
    """Settings are cached for minutes in a warm process."""
    reconfigure(deployment, function, TOUCHED=uuid.uuid4().hex)


def reconfigure(deployment, function: str, **variables: str) -> None:
    """Give a function more environment variables; its alias points to it, and no more to a version, until it is deployed."""
    functions, name = deployment.client("lambda"), deployment.outputs[function]
    own = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**own, **variables}})
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")


@contextmanager
def reconfigured(deployment, function: str, **configuration: Any) -> Iterator[None]:
    """The function with another configuration, to which its alias points meanwhile."""
    functions, name = deployment.client("lambda"), deployment.outputs[function]
    usual = functions.get_function_configuration(FunctionName=name)
    version = functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    usual["Layers"] = [layer["Arn"] for layer in usual.get("Layers", [])]
    functions.update_function_configuration(FunctionName=name, **configuration)
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, **{key: usual[key] for key in configuration})
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)


def order_for(customer: str, **fields) -> dict:
    return {
        "customerId": customer,
        "items": [
            {"productId": "ITEM-001", "quantity": 2, "price": 29.99},
            {"productId": "ITEM-002", "quantity": 1, "price": 49.99},
        ],
        "deliveryAddress": {"street": "12 Harbour Road", "city": "Bristol", "zipCode": "BS1 4RN"},
        **fields,
    }


PARTS = (
    "config",
    "contract",
    "costs",
    "deployer",
    "domain",
    "emulator",
    "environments",
    "generator",
    "handlers",
    "operations",
    "requirements",
)


def copy_project(target: Path) -> Path:
    """A copy of the project whose sources a test may change."""
    for part in PARTS:
        shutil.copytree(ROOT / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "deploy.py", target / "deploy.py")
    return target


def restore(project: Path) -> bool:
    """Undo the edits of a copy; whether there were any. Files that were added go, too."""
    edited = False
    for path in [path for part in PARTS for path in (project / part).rglob("*.*") if path.suffix in (".py", ".toml")]:
        original = ROOT / path.relative_to(project)
        if not original.exists():
            path.unlink()
        elif path.read_bytes() != original.read_bytes():
            shutil.copy(original, path)
            edited = True
    return edited


def edit(project: Path, file: str, old: str, new: str) -> None:
    """Replace `old`, which must stand in the file, by `new`."""
    path = project / file
    text = path.read_text()
    assert old in text, f"{old!r} is no longer in {file}"
    path.write_text(text.replace(old, new))
