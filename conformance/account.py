"""The account, or the emulator, that a probe asks: clients, small stacks of its own, and waiting."""

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cached_property
from typing import Any, TypeVar

from conformance import http, limits, removal, throttling
from conformance.archives import zipped
from conformance.probe import CannotTry, Differs
from deployer.aws import endpoint, service_errors
from deployer.aws.session import Aws

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
UNSUPPORTED = ("unsupported", "not supported", "not implemented", "unrecognized resource type", "notimplemented")

SECONDS_TO_BEGIN = 15
"""For which DescribeStacks may return the status before an operation."""

Value = TypeVar("Value")


class Account:
    """Where the probes of a run have their own resources, all of which carry `mark` in their names.

    `wait_factor`: by how much longer than the local emulator the services take for what a probe waits for.
    `made` removes what a probe has created, in reverse order, when it is closed.
    """

    def __init__(self, aws: Aws, mark: str, wait_factor: float, run: "Account | None" = None):
        self.aws, self.mark, self.wait_factor = aws, mark, wait_factor
        self.run = run or self
        self.made = ExitStack()
        self.left: list[str] = []
        self._runs_functions: bool | None = None
        self._clients: dict[str, Any] = run._clients if run else {}
        self._making: threading.Lock = run._making if run else threading.Lock()

    def for_probe(self) -> "Account":
        """Return the same account for one probe, with a `made` of its own."""
        return Account(self.aws, self.mark, self.wait_factor, self.run)

    def client(self, service: Any) -> Any:
        with self._making:  # boto3 makes clients safely one at a time only
            if service not in self._clients:
                self._clients[service] = limits.watched(self.aws.client(service))
            return self._clients[service]

    @cached_property
    def id(self) -> str:
        return self.client("sts").get_caller_identity()["Account"]

    @cached_property
    def emulated_at(self) -> str:
        """The endpoint that answers instead of AWS; "" on AWS."""
        return self.aws.endpoint_url or ""

    def arn(self, service: str, resource: str) -> str:
        partition = self.client("sts").meta.partition
        return f"arn:{partition}:{service}:{self.aws.region}:{self.id}:{resource}"

    def until(self, condition: Callable[[], Value | None], what: str, seconds: float = 5) -> Value:
        """Wait until the condition is true, and return its value; raise Differs after `seconds` times the wait factor."""
        deadline, pause = time.monotonic() + seconds * self.wait_factor, 0.01
        longest = 0.1 if self.emulated_at else 5
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise Differs(what, f"not within {seconds * self.wait_factor:.0f} s")
            limits.pause(pause)
            pause = min(2 * pause, longest)
        return value

    def put(self, body: bytes | str, suffix: str = "") -> tuple[str, str]:
        """Store an object of the run under its content's hash; return bucket and key."""
        data = body.encode() if isinstance(body, str) else body
        key = hashlib.sha256(data).hexdigest()[:20] + suffix
        self.client("s3").put_object(Bucket=self.run._artifacts, Key=key, Body=data)
        return self.run._artifacts, key

    @cached_property
    def _artifacts(self) -> str:
        return self.create_bucket(f"{self.mark}-artifacts")

    def create_bucket(self, name: str) -> str:
        """Create a bucket outside of a stack, until the end of the probe."""
        where = {} if self.aws.region == "us-east-1" else {"LocationConstraint": self.aws.region}
        s3 = self.client("s3")
        self.made.callback(removal.bucket, s3, name)
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": self.tags})
        return name

    @property
    def tags(self) -> list[dict[str, str]]:
        """What every resource of a run carries, so that one that is left behind is known."""
        return [{"Key": removal.TAG, "Value": self.mark}]

    def template_url(self, template: dict) -> str:
        bucket, key = self.put(json.dumps(template), ".json")
        return f"{self.aws.template_host()}/{bucket}/{key}"

    def code(self, source: str, name: str = "app.py") -> dict[str, str]:
        """Return the Code property of a function with this one module."""
        bucket, key = self.put(zipped({name: source}), ".zip")
        return {"S3Bucket": bucket, "S3Key": key}

    def change_set(self, stack: str, template: dict, parameters: dict | None = None, **more: Any) -> dict:
        """Create a change set and describe it once it is settled."""
        cloudformation = self.client("cloudformation")
        found = self.stack(stack)
        if found is None:
            self.made.callback(removal.stack, self, stack)
        new = found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS"
        answer = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=f"change-{time.time_ns()}",
            ChangeSetType="CREATE" if new else "UPDATE",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in (parameters or {}).items()],
            Capabilities=CAPABILITIES,
            Tags=self.tags,
            **more,
        )

        def settled() -> dict | None:
            found = cloudformation.describe_change_set(ChangeSetName=answer["Id"], StackName=stack)
            return None if found["Status"].endswith(("PENDING", "IN_PROGRESS")) else found

        return self.until(settled, "the change set is made", 60)

    def deploy(self, stack: str, template: dict, parameters: dict | None = None, **more: Any) -> dict:
        """Create or update a stack by change set; return its description when it rests."""
        change_set = self.change_set(stack, template, parameters, IncludeNestedStacks=True, **more)
        if change_set["Status"] != "CREATE_COMPLETE":
            raise _refusal(stack, change_set["Status"], [change_set.get("StatusReason", "")])
        return self.execute(change_set)

    def execute(self, change_set: dict) -> dict:
        """Execute a change set; return the stack's description when it rests."""
        stack_id = change_set["StackId"]
        before = (self.stack(stack_id) or {}).get("StackStatus", "")
        self.client("cloudformation").execute_change_set(ChangeSetName=change_set["ChangeSetId"], StackName=stack_id)
        return self.rest(stack_id, before)

    def deployed(self, stack: str, template: dict, parameters: dict | None = None) -> dict[str, str]:
        """Deploy, insist on success, and return the outputs."""
        found = self.deploy(stack, template, parameters)
        if found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise _refusal(stack, found["StackStatus"], self.failures(found["StackId"]))
        self._check_created(found["StackId"], template)
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
        for name in template.get("Outputs", {}).keys() - outputs.keys():
            outputs[name] = self._referenced(stack, template["Outputs"][name]["Value"])
        return outputs

    def _check_created(self, stack_id: str, template: dict) -> None:
        """Raise CannotTry if the endpoint leaves out a resource, as emulators do in silence, or runs no function."""
        declared, created = template["Resources"], self.resources(stack_id)
        left_out = {each["Type"] for name, each in declared.items() if "Condition" not in each and name not in created}
        if left_out:
            raise CannotTry(f"CloudFormation creates no {', '.join(sorted(left_out))} here")
        functions = [name for name, each in declared.items() if each["Type"] == removal.FUNCTION]
        if functions and not self.run._runs(created[functions[0]]["PhysicalResourceId"]):
            raise CannotTry("functions do not run here")

    def _runs(self, function: str) -> bool:
        """Return whether the endpoint runs functions, for which some need Docker. `function`: one whose role is used."""
        if self._runs_functions is None:
            self._runs_functions = not self.emulated_at or self.aws.local or self._answers(function)
        return self._runs_functions

    def _answers(self, function: str) -> bool:
        """Invoke a function of its own, so that the given one is called by its probe only."""
        client, name = self.client("lambda"), f"{self.mark}-runs-{secrets.token_hex(2)}"
        like = client.get_function_configuration(FunctionName=function)
        code = self.code("def handler(event, context):\n    return event\n")
        self.made.callback(client.delete_function, FunctionName=name)
        client.create_function(
            FunctionName=name, Runtime=like["Runtime"], Role=like["Role"], Handler="app.handler", Code=code
        )
        try:
            return self.invoke(name, 1) == 1
        except Exception as error:
            if service_errors.is_not_implemented(error):
                return False
            raise

    def _referenced(self, stack: str, value: Any) -> str:
        """Return the physical id of an output that is a Ref: moto loses the outputs of a change set."""
        if not isinstance(value, dict) or "Ref" not in value:
            raise CannotTry("a stack that a change set makes has no outputs here")
        return self.child(stack, value["Ref"])

    def delete(self, stack: str) -> dict:
        """Delete a stack, and return its description when it rests."""
        found = self.stack(stack)
        if found is None:
            raise Differs(f"stack {stack}", "no such stack")
        removal.note_log_groups(self, found["StackId"])
        self.client("cloudformation").delete_stack(StackName=stack)
        return self.rest(found["StackId"], found["StackStatus"])

    def stack(self, stack: str) -> Any:
        """Return the DescribeStacks entry, None if there is no stack."""
        try:
            return self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        except Exception as error:
            if service_errors.is_missing(error):
                return None
            raise

    def rest(self, stack_id: str, before: str = "") -> dict:
        """Wait until no operation runs on the stack; the probe's time limit ends the wait.

        `before`: the status before an operation that may not have begun yet.
        """
        pause, longest = 0.01, 0.05 if self.emulated_at else 5
        begun = time.monotonic() + (0 if self.emulated_at else SECONDS_TO_BEGIN)
        while True:
            limits.pause(pause)
            found = self.stack(stack_id) or {"StackStatus": "DELETE_COMPLETE", "StackId": stack_id}
            status = found["StackStatus"]
            rests = status == "REVIEW_IN_PROGRESS" or not status.endswith("IN_PROGRESS")
            if rests and (status != before or time.monotonic() > begun):
                return found
            before = before if status == before else ""
            pause = min(2 * pause, longest)

    def events(self, stack: str) -> list[dict]:
        """Return a stack's events, the earliest first."""
        pages = self.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def failures(self, stack: str) -> list[str]:
        return [
            f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}"
            for e in self.events(stack)
            if "FAILED" in e["ResourceStatus"]
        ]

    def resources(self, stack: str) -> dict[str, dict]:
        """Return the resources of a stack by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return {r["LogicalResourceId"]: r for page in pages for r in page["StackResourceSummaries"]}

    def child(self, stack: str, logical_id: str) -> str:
        """Return a resource's physical id."""
        found = self.resources(stack)
        if logical_id not in found:
            raise Differs(f"stack {stack} has {logical_id}", sorted(found))
        return found[logical_id]["PhysicalResourceId"]

    def invoke(self, function: str, event: Any = None) -> Any:
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def call(
        self, api: str, path: str, method: str = "GET", body: bytes | str | None = None, **headers: str
    ) -> http.Answer:
        """Send a request to the stage `test` of a REST API, as a client would."""
        return http.send(method, self.api_url(api) + path, body, headers, self.aws.ca_bundle)

    def api_url(self, api: str) -> str:
        """Return the URL of the stage `test` of a REST API."""
        suffix = "amazonaws.com.cn" if self.aws.region.startswith("cn-") else "amazonaws.com"
        url = f"https://{api}.execute-api.{self.aws.region}.{suffix}/test"
        pattern = "" if self.aws.local else endpoint.api_url_pattern()
        return endpoint.api_url(url, self.aws.endpoint_of("apigateway"), pattern)

    def messages(self, group: str) -> list[str]:
        """Return the messages of a log group, [] before the first one."""
        logs = self.client("logs")
        pages: Iterator[dict] = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        try:
            return [event["message"] for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []


def _refusal(stack: str, status: str, reasons: list[str]) -> Exception:
    """Return why a stack was not made: a type that the endpoint does not have is no difference."""
    said = "; ".join(reason for reason in reasons if reason)
    if throttling.is_throttled(said):
        return throttling.Throttled(f"stack {stack}: {said}")
    if any(word in said.lower() for word in UNSUPPORTED):
        return CannotTry(f"CloudFormation: {said}")
    return Differs(f"stack {stack} is made", f"{status}: {said}")
