"""What the tests of the emulator share: clients, stacks by change set, functions as zips."""

import base64
import hashlib
import io
import json
import threading
import time
import urllib.request
import zipfile
from typing import Any, NamedTuple
from urllib.error import HTTPError

import boto3
from botocore.config import Config

from emulator import control
from tests.waiting import HANGS

ACCOUNT = "000000000000"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Aws:
    """One emulator, as its administrator sees it."""

    def __init__(self, emulator: control.Emulator):
        self.emulator = emulator
        self._clients: dict[str, Any] = {}
        self._session = boto3.session.Session()
        self._making = threading.Lock()  # boto3 makes clients safely one at a time only

    def client(self, service: str) -> Any:
        with self._making:
            if service not in self._clients:
                env = control.environment(self.emulator)
                self._clients[service] = self._session.client(
                    service,
                    endpoint_url=env["AWS_ENDPOINT_URL"],
                    aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
                    region_name=env["AWS_DEFAULT_REGION"],
                    config=Config(retries={"max_attempts": 1}, read_timeout=60, max_pool_connections=32),
                )
            return self._clients[service]

    def put(self, body: bytes | str, suffix: str = "") -> tuple[str, str]:
        """Store an object under its content's hash; returns (bucket, key)."""
        data = body.encode() if isinstance(body, str) else body
        key = hashlib.sha256(data).hexdigest()[:20] + suffix
        self.client("s3").create_bucket(Bucket="artifacts")
        self.client("s3").put_object(Bucket="artifacts", Key=key, Body=data)
        return "artifacts", key

    def template_url(self, template: dict) -> str:
        bucket, key = self.put(json.dumps(template), ".json")
        return f"{self.emulator.endpoint_url}/{bucket}/{key}"

    def code(self, source: str, name: str = "app.py") -> dict[str, str]:
        """The Code property of a function with this one module."""
        bucket, key = self.put(zipped({name: source}), ".zip")
        return {"S3Bucket": bucket, "S3Key": key}

    def change_set(self, stack: str, template: dict, parameters: dict | None = None, **more: Any) -> dict:
        """Create a change set and describe it once it is settled."""
        cloudformation = self.client("cloudformation")
        exists = self.stack(stack) is not None
        answer = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=f"change-{time.time_ns()}",
            ChangeSetType="UPDATE" if exists else "CREATE",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters or {}).items()],
            Capabilities=CAPABILITIES,
            **more,
        )
        return cloudformation.describe_change_set(ChangeSetName=answer["Id"], StackName=stack)

    def deploy(self, stack: str, template: dict, parameters: dict | None = None, **more: Any) -> dict:
        """Create or update a stack by change set; returns its description when it rests."""
        change_set = self.change_set(stack, template, parameters, IncludeNestedStacks=True, **more)
        assert change_set["Status"] == "CREATE_COMPLETE", change_set.get("StatusReason")
        self.client("cloudformation").execute_change_set(ChangeSetName=change_set["ChangeSetId"], StackName=stack)
        return self.rest(change_set["StackId"])

    def deployed(self, stack: str, template: dict, parameters: dict | None = None) -> dict[str, str]:
        """Deploy, insist on success, and return the outputs."""
        found = self.deploy(stack, template, parameters)
        assert found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), self.failures(found["StackId"])
        return {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}

    def delete(self, stack: str) -> dict:
        found = self.stack(stack)
        assert found, f"no stack {stack}"
        self.client("cloudformation").delete_stack(StackName=stack)
        return self.rest(found["StackId"])

    def stack(self, stack: str) -> dict | None:
        cloudformation = self.client("cloudformation")
        try:
            return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        except cloudformation.exceptions.ClientError:
            return None

    def rest(self, stack_id: str, timeout: float = HANGS) -> dict:
        found: dict = {}

        def settled() -> bool:
            found.update(self.stack(stack_id) or {})
            return not found["StackStatus"].endswith("IN_PROGRESS")

        time.sleep(0.01)
        until(settled, timeout)
        return found

    def events(self, stack: str) -> list[dict]:
        pages = self.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def failures(self, stack: str) -> list[str]:
        return [
            f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}"
            for e in self.events(stack)
            if "FAILED" in e["ResourceStatus"]
        ]

    def resources(self, stack: str) -> dict[str, dict]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return {r["LogicalResourceId"]: r for page in pages for r in page["StackResourceSummaries"]}

    def child(self, stack: str, logical_id: str) -> str:
        return self.resources(stack)[logical_id]["PhysicalResourceId"]

    def invoke(self, function: str, event: Any = None) -> Any:
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def call(
        self,
        api: str,
        path: str,
        method: str = "GET",
        body: bytes | str | None = None,
        stage: str = "test",
        **headers: str,
    ) -> Answer:
        """Send a request to a REST API as a client would, unsigned."""
        url = f"{self.emulator.endpoint_url}/restapis/{api}/{stage}/_user_request_{path}"
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(url, data=data, method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        return send(request)

    def messages(self, group: str) -> list[str]:
        """The messages of a log group, [] before the first one."""
        logs = self.client("logs")
        try:
            return [e["message"] for e in logs.filter_log_events(logGroupName=group)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []


def send(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=40) as response:
            return Answer(
                response.status, {k.lower(): v for k, v in response.headers.items()}, response.read().decode()
            )
    except HTTPError as error:
        return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read().decode())


def zipped(files: dict[str, str]) -> bytes:
    """A zip that is the same for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def until(condition, timeout: float = HANGS) -> Any:
    """Wait until the condition holds, and return what it returned."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
    return result


def function(code: dict[str, str], role: Any, **more: Any) -> dict:
    """A function resource with the least that AWS demands."""
    properties = {"Runtime": "python3.13", "Handler": "app.handler", "Code": code, "Role": role, "Timeout": 5, **more}
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


def template(resources: dict, outputs: dict | None = None, **sections: Any) -> dict:
    return {
        "Resources": resources,
        **({"Outputs": {k: {"Value": v} for k, v in outputs.items()}} if outputs else {}),
        **sections,
    }


def ref(name: str) -> dict:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict:
    return {"Fn::GetAtt": [name, attribute]}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
