"""An account of AWS behind botocore's `before-send`: real requests, real retries, real parsers, no network.

It holds one bucket, one environment's stacks and its flags. Every operation answers in its service's own protocol, and
each can be given a fault that every call of it meets.
"""

import io
import itertools
import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from types import SimpleNamespace
from xml.sax.saxutils import escape

from botocore import exceptions, xform_name
from botocore.awsrequest import AWSResponse
from botocore.session import get_session

ACCOUNT, REGION, STACK = "123456789012", "us-east-1", "food-delivery-dev"
HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body>Welcome to the hotel</body></html>"


class Refused(Exception):
    """An error as the service words it."""

    def __init__(self, code: str, message: str = "words", status: int = 400):
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


class Wire:
    """`calls`: operations in order, retries too. `changed`: those that took effect on the stack or the flags.

    `faults`: operation -> one of FAULTS or RARE, or a callable that gets the number of the call and returns one or "".
    """

    def __init__(self):
        self.faults: dict = {}
        self.calls: list[str] = []
        self.changed: list[str] = []
        self.account = Account(self.changed)
        self._asked = threading.local()
        self._models = get_session()

    def attach(self, session) -> None:
        session.events.register("before-parameter-build", self._remember)
        session.events.register("before-send", self._answer)

    def _remember(self, params, model, **_) -> None:
        self._asked.params, self._asked.model = params, model

    def _answer(self, request, **_):
        model, params = self._asked.model, self._asked.params
        self.calls.append(model.name)
        fault = self.faults.get(model.name, "")
        if callable(fault):
            fault = fault(self.calls.count(model.name))
        status, headers, body = _FAULTS.get(fault, _good)(self, request, model, params)
        headers = {"content-length": str(len(body)), "x-amzn-requestid": "1"} | headers
        if model.name == "HeadObject" and status == 200:
            headers |= {"last-modified": formatdate(usegmt=True)}
        if fault in _FOREIGN:
            del headers["x-amzn-requestid"]
        return AWSResponse(request.url, status, headers, _Raw(body if model.http["method"] != "HEAD" else b""))

    def real(self, model, params) -> tuple[int, dict, bytes]:
        try:
            answer = getattr(self.account, xform_name(model.name))(**params)
        except Refused as refusal:
            return error(model, refusal)
        return 200, {}, _body(model, {} if answer is None else answer)


class _Raw(io.BytesIO):
    def stream(self, *_, **__):
        yield self.read()


# --- the protocols -----------------------------------------------------------------------------------


def _body(model, answer) -> bytes:
    if isinstance(answer, bytes):
        return answer
    shape, protocol = model.output_shape, model.service_model.resolved_protocol
    if "json" in protocol:
        return json.dumps(answer, default=lambda value: value.timestamp()).encode()
    members = shape.members if shape else {}
    inner = "".join(_xml(members[name], value, name) for name, value in answer.items())
    if protocol == "rest-xml":
        return f"<?xml version='1.0'?><Result>{inner}</Result>".encode() if answer else b""
    if shape is not None and "resultWrapper" in shape.serialization:
        inner = f"<{shape.serialization['resultWrapper']}>{inner}</{shape.serialization['resultWrapper']}>"
    return f"<{model.name}Response>{inner}<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{model.name}Response>".encode()


def _xml(shape, value, name: str) -> str:
    name = shape.serialization.get("name", name)
    if shape.type_name == "structure":
        inner = "".join(_xml(shape.members[each], below, each) for each, below in value.items())
    elif shape.type_name == "list":
        if shape.serialization.get("flattened"):
            return "".join(_xml(shape.member, each, name) for each in value)
        inner = "".join(_xml(shape.member, each, "member") for each in value)
    else:
        text = str(value).lower() if isinstance(value, bool) else value
        inner = escape(text.isoformat() if isinstance(text, datetime) else str(text))
    return f"<{name}>{inner}</{name}>"


def error(model, refusal: Refused) -> tuple[int, dict, bytes]:
    protocol = model.service_model.resolved_protocol
    if "json" in protocol:
        body = json.dumps({"__type": refusal.code, "message": refusal.message})
        return refusal.status, {"x-amzn-errortype": refusal.code} if protocol == "rest-json" else {}, body.encode()
    body = f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error>"
    if protocol == "query":
        body = f"<ErrorResponse>{body}<RequestId>1</RequestId></ErrorResponse>"
    return refusal.status, {}, body.encode()


# --- the faults ----------------------------------------------------------------------------------------


def _good(wire, request, model, params):
    return wire.real(model, params)


def _raising(make, after: bool = False):
    def fault(wire, request, model, params):
        if after:
            wire.real(model, params)
        raise make(request)

    return fault


def _saying(status: int, text: str = HTML):
    return lambda wire, request, model, params: (status, {"content-type": "text/html"}, text.encode())


def _refusing(code: str, status: int = 400):
    return lambda wire, request, model, params: error(model, Refused(code, "no, not now", status))


def _truncated(wire, request, model, params):
    status, headers, body = wire.real(model, params)
    return status, headers, body[: len(body) * 2 // 3]


_LOST = {"endpoint_url": "https://aws", "error": "reset"}
_FAULTS = {
    "reset": _raising(lambda request: exceptions.ConnectionClosedError(request=request, **_LOST)),
    "reset after": _raising(lambda request: exceptions.ConnectionClosedError(request=request, **_LOST), after=True),
    "hang": _raising(lambda request: exceptions.ReadTimeoutError(request=request, **_LOST)),
    "hang after": _raising(lambda request: exceptions.ReadTimeoutError(request=request, **_LOST), after=True),
    **{f"html {status}": _saying(status) for status in (200, 302, 403, 407, 500, 502, 503)},
    "plain 503": _saying(503, "no healthy upstream"),
    "json 200": _saying(200, '{"status": "ok"}'),
    "xml 200": _saying(200, "<ok/>"),
    "list 200": _saying(200, "[1]"),
    "empty 200": _saying(200, ""),
    "empty 302": _saying(302, ""),
    "truncated": _truncated,
    "expired": _refusing("ExpiredToken", 403),
    "throttled": _refusing("Throttling"),
    "denied": _refusing("AccessDenied", 403),
    "unknown": _refusing("UnknownOperationException", 404),
    "501": _refusing("NotImplemented", 501),
    "501 of another kind": _refusing("InternalFailure", 501),
    "plain 501": _saying(501, "not built"),
    "html 501": _saying(501),
}
_RARE = [
    "hang after",
    "html 302",
    "html 407",
    "plain 503",
    "501 of another kind",
    "plain 501",
    "html 501",
    "json 200",
    "xml 200",
    "list 200",
    "empty 200",
    "empty 302",
    "unknown",
]
FAULTS = [name for name in _FAULTS if name not in _RARE]
RARE = [name for name in _FAULTS if name in _RARE]
"""Faults that one operation of each protocol and kind meets, not all."""
_FOREIGN = {name for name in _FAULTS if name.split()[0] in ("html", "plain", "json", "xml", "list", "empty")}


# --- the account -----------------------------------------------------------------------------------------


class Account:
    """What the operations of a deployment do, and answer."""

    def __init__(self, changed: list[str]):
        self.changed = changed
        self.objects: dict[str, bytes] | None = None
        self.policy = b""
        self.flags: str | None = None
        self.stacks: dict[str, SimpleNamespace] = {}
        self.sets: dict[str, SimpleNamespace] = {}
        self._number = itertools.count(1)

    # STS, IAM, Lambda, API Gateway, SSM
    def get_caller_identity(self):
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/ops", "UserId": "U"}

    def simulate_principal_policy(self, **_):
        return {"EvaluationResults": [], "IsTruncated": False}

    def get_account_settings(self):
        return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}}

    def get_account(self):
        return {"cloudwatchRoleArn": "arn:aws:iam::123456789012:role/x"}

    def put_parameter(self, Name, Value, **_):
        if self.flags is not None:
            raise Refused("ParameterAlreadyExists")
        self.flags = Value
        self.changed.append("PutParameter")
        return {"Version": 1}

    def describe_parameters(self, **_):
        return {"Parameters": []}

    # look-ups of names
    def describe_log_groups(self, **_):
        return {"logGroups": []}

    def list_queues(self, **_):
        return {}

    def list_topics(self, **_):
        return {"Topics": []}

    def list_rules(self, **_):
        return {"Rules": []}

    def describe_alarms(self, **_):
        return {"MetricAlarms": [], "CompositeAlarms": []}

    def list_dashboards(self, **_):
        return {"DashboardEntries": []}

    def describe_table(self, **_):
        raise Refused("ResourceNotFoundException")

    def get_function_configuration(self, **_):
        raise Refused("ResourceNotFoundException", status=404)

    # S3
    def head_bucket(self, **_):
        if self.objects is None:
            raise Refused("NoSuchBucket", status=404)

    def create_bucket(self, **_):
        self.objects = {}

    def _configured(self, **_):
        return None

    put_public_access_block = put_bucket_encryption = put_bucket_versioning = _configured
    put_bucket_lifecycle_configuration = _configured

    def put_bucket_policy(self, Policy, **_):
        self.policy = Policy.encode()

    def get_bucket_policy(self, **_):
        return self.policy

    def head_object(self, Key, **_):
        if Key not in self.objects:
            raise Refused("NoSuchKey", status=404)

    def put_object(self, Key, Body, **_):
        self.objects[Key] = Body.read() if hasattr(Body, "read") else Body

    def get_object(self, Key, **_):
        self.head_object(Key)
        return self.objects[Key]

    def list_objects_v2(self, Prefix="", **_):
        if self.objects is None:
            raise Refused("NoSuchBucket", status=404)
        keys = [key for key in self.objects if key.startswith(Prefix)]
        return {"IsTruncated": False, "Contents": [{"Key": key, "Size": 1} for key in keys]}

    # CloudFormation
    def _stack(self, name: str) -> SimpleNamespace:
        found = [stack for stack in self.stacks.values() if name in (stack.name, stack.id)]
        if not found:
            raise Refused("ValidationError", f"Stack with id {name} does not exist")
        return found[-1]

    def _set(self, name: str) -> SimpleNamespace:
        found = [one for one in self.sets.values() if name in (one.name, one.id)]
        if not found:
            raise Refused("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
        return found[0]

    def _event(self, stack, status: str, token: str, child=None) -> None:
        about = child or stack
        stack.events.insert(
            0,
            {
                "EventId": str(next(self._number)),
                "Timestamp": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(self._number)),
                "StackId": stack.id,
                "StackName": stack.name,
                "LogicalResourceId": "DataStack" if child else stack.name,
                "PhysicalResourceId": about.id,
                "ResourceType": "AWS::CloudFormation::Stack",
                "ResourceStatus": status,
                "ClientRequestToken": token,
            },
        )

    def describe_stacks(self, StackName):
        stack = self._stack(StackName)
        return {
            "Stacks": [
                {
                    "StackId": stack.id,
                    "StackName": stack.name,
                    "StackStatus": stack.status,
                    "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
                    **({"LastUpdatedTime": stack.events[0]["Timestamp"]} if stack.events else {}),
                    "Parameters": stack.parameters,
                    "Tags": stack.tags,
                    "Outputs": [{"OutputKey": "QueueName", "OutputValue": "orders"}],
                }
            ]
        }

    def get_template(self, StackName="", ChangeSetName="", **_):
        found = self._set(ChangeSetName) if ChangeSetName else self._stack(StackName)
        return {"TemplateBody": found.template}

    def list_stack_resources(self, StackName):
        stack = self._stack(StackName)
        child = self.stacks.get("DataStack")
        if stack.name != STACK or child is None:
            return {"StackResourceSummaries": []}
        found = {"LogicalResourceId": "DataStack", "PhysicalResourceId": child.id, "ResourceStatus": child.status}
        found["ResourceType"] = "AWS::CloudFormation::Stack"
        return {"StackResourceSummaries": [found | {"LastUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC)}]}

    def _made(self, key: str, name: str) -> SimpleNamespace:
        if key not in self.stacks:
            identity = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/{key}"
            self.stacks[key] = SimpleNamespace(
                id=identity, name=name, status="REVIEW_IN_PROGRESS", events=[], parameters=[], tags=[], template="{}"
            )
        return self.stacks[key]

    def create_change_set(self, StackName, ChangeSetName, TemplateURL, Parameters, Tags=(), **_):
        if ChangeSetName in self.sets:  # sent again with its ClientToken
            made = self.sets[ChangeSetName]
            return {"Id": made.id, "StackId": made.stack.id}
        stack = self._made("root", StackName)
        body = self.objects["templates/" + TemplateURL.rpartition("/")[2]].decode()
        self.sets[ChangeSetName] = SimpleNamespace(
            name=ChangeSetName,
            id=f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/{ChangeSetName}/1",
            stack=stack,
            template=body,
            parameters=Parameters,
            tags=Tags,
            executed=False,
        )
        return self.create_change_set(StackName, ChangeSetName, TemplateURL, Parameters)

    def describe_change_set(self, ChangeSetName, **_):
        one = self._set(ChangeSetName)
        changed = {"Action": "Modify", "LogicalResourceId": "DataStack", "ResourceType": "AWS::CloudFormation::Stack"}
        return {
            "ChangeSetName": one.name,
            "ChangeSetId": one.id,
            "StackId": one.stack.id,
            "Status": "CREATE_COMPLETE",
            "ExecutionStatus": "EXECUTE_COMPLETE" if one.executed else "AVAILABLE",
            "Parameters": one.parameters,
            "Tags": list(one.tags),
            "Changes": [{"Type": "Resource", "ResourceChange": changed | {"Replacement": "False"}}],
        }

    def list_change_sets(self, StackName):
        stack = self._stack(StackName)
        found = [one for one in self.sets.values() if one.stack is stack and not one.executed]
        return {
            "Summaries": [
                {
                    "ChangeSetName": one.name,
                    "ChangeSetId": one.id,
                    "Status": "CREATE_COMPLETE",
                    "ExecutionStatus": "AVAILABLE",
                    "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
                }
                for one in found
            ]
        }

    def delete_change_set(self, ChangeSetName, **_):
        self.sets.pop(self._set(ChangeSetName).name)
        return {}

    def delete_stack(self, StackName, **_):
        stack = self._stack(StackName)
        self.stacks = {key: each for key, each in self.stacks.items() if each is not stack}

    def execute_change_set(self, ChangeSetName, ClientRequestToken, **_):
        one = self._set(ChangeSetName)
        if one.executed:
            return {}
        self.changed.append("ExecuteChangeSet")
        verb = "CREATE" if one.stack.status == "REVIEW_IN_PROGRESS" else "UPDATE"
        one.executed, one.stack.template, one.stack.parameters = True, one.template, one.parameters
        one.stack.tags = list(one.tags)
        child = self._made("DataStack", f"{STACK}-DataStack-1")
        for status in (f"{verb}_IN_PROGRESS", f"{verb}_COMPLETE"):
            if status.endswith("COMPLETE"):
                self._event(child, status, ClientRequestToken)
                self._event(one.stack, status, ClientRequestToken, child)
            self._event(one.stack, status, ClientRequestToken)
        one.stack.status = child.status = f"{verb}_COMPLETE"
        return {}

    def describe_stack_events(self, StackName):
        return {"StackEvents": self._stack(StackName).events}

    def describe_events(self, **_):
        return {"OperationEvents": []}
