"""An account in memory: a versioned bucket, stacks with change sets, and functions with versions and aliases."""

import base64
import hashlib
import io
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace

from botocore.exceptions import ClientError

from config import names
from deployer.artifacts import bucket as artifact_bucket
from deployer.plan import templates
from deployer.stacks import deployment_records
from deployer.stacks.deployment_records import Source

ACCOUNT, REGION = "123456789012", "us-east-1"
BUCKET = names.artifact_bucket(ACCOUNT, REGION)


def refusal(code: str, operation: str = "Call", status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


class Refusal(ClientError):
    """What the clients raise: `except` needs real classes."""


class NoSuchBucket(Refusal):
    pass


class NoSuchKey(Refusal):
    pass


class ResourceConflictException(Refusal):
    pass


class ResourceNotFoundException(Refusal):
    pass


def raised(kind: type[Refusal], operation: str = "Call"):
    return kind({"Error": {"Code": kind.__name__, "Message": kind.__name__}}, operation)


class Client:
    """The operations of one service. `faults[operation]`: called before each call of it. Pages have `page` entries."""

    page = 2

    def __init__(self, account: "Account"):
        self.account = account

    def __getattribute__(self, name):
        found = object.__getattribute__(self, name)
        if name.startswith("_") or name in ("account", "exceptions", "get_paginator", "page"):
            return found

        def call(**given):
            self.account.calls.append(name)
            self.account.faults.get(name, lambda **_: None)(**given)
            return found(**given)

        return call

    def get_paginator(self, name):
        return SimpleNamespace(paginate=lambda **given: self._pages(name, given))

    def _pages(self, name, given):
        answer = getattr(self, name)(**given)
        [(key, entries)] = answer.items()
        return [{key: entries[start : start + self.page]} for start in range(0, len(entries), self.page)] or [{key: []}]


class S3(Client):
    exceptions = SimpleNamespace(ClientError=ClientError, NoSuchBucket=NoSuchBucket, NoSuchKey=NoSuchKey)

    def _objects(self):
        if self.account.objects is None:
            raise raised(NoSuchBucket)
        return self.account.objects

    def put_object(self, Key, Body, **_):
        self._objects().setdefault(Key, []).insert(0, self.account.version(Body))

    def copy_object(self, Key, CopySource, MetadataDirective, **_):
        assert CopySource == {"Bucket": BUCKET, "Key": Key} and MetadataDirective == "REPLACE"
        self.put_object(Key=Key, Body=self._objects()[Key][0].body)

    def head_object(self, Key, **_):
        if Key not in self._objects():
            raise refusal("404", "HeadObject", 404)
        newest = self._objects()[Key][0]
        checksum = base64.b64encode(hashlib.sha256(newest.body).digest()).decode()
        return {"LastModified": newest.when, "ChecksumSHA256": checksum}

    def get_object(self, Key, **_):
        if Key not in self._objects():
            raise raised(NoSuchKey)
        return {"Body": io.BytesIO(self._objects()[Key][0].body)}

    def list_object_versions(self, **_):
        found = [
            {
                "Key": key,
                "VersionId": each.id,
                "IsLatest": not number,
                "Size": len(each.body),
                "LastModified": each.when,
            }
            for key, versions in sorted(self._objects().items())
            for number, each in enumerate(versions)
        ]
        return {"Versions": found}

    def list_objects_v2(self, Prefix, **_):
        return {"Contents": [{"Key": key} for key in sorted(self._objects()) if key.startswith(Prefix)]}

    def delete_objects(self, Delete, **_):
        errors = []
        for each in Delete["Objects"]:
            if each["Key"] in self.account.locked:
                errors.append({"Key": each["Key"], "Code": "AccessDenied"})
                continue
            left = [one for one in self._objects().get(each["Key"], []) if one.id != each["VersionId"]]
            self._objects()[each["Key"]] = left
            if not left:
                del self._objects()[each["Key"]]
        return {"Errors": errors}


class CloudFormation(Client):
    def _stack(self, name):
        for stack in self.account.stacks.values():
            if name in (stack.name, stack.id):
                return stack
        raise refusal("ValidationError")

    def describe_stacks(self):
        return {
            "Stacks": [
                {
                    "StackName": stack.name,
                    "StackId": stack.id,
                    "StackStatus": stack.status,
                    "Parameters": stack.parameters,
                }
                for stack in self.account.stacks.values()
            ]
        }

    def list_stack_resources(self, StackName):
        kinds = [("AWS::Lambda::Function", name) for name in self._stack(StackName).functions]
        return {
            "StackResourceSummaries": [
                {
                    "ResourceType": kind,
                    "LogicalResourceId": "X",
                    "PhysicalResourceId": name,
                    "ResourceStatus": "CREATE_COMPLETE",
                }
                for kind, name in kinds
            ]
        }

    def list_change_sets(self, StackName):
        return {
            "Summaries": [
                {
                    "ChangeSetName": one.id,
                    "ChangeSetId": one.id,
                    "ExecutionStatus": one.execution,
                    "Status": one.status,
                }
                for one in self._stack(StackName).change_sets.values()
            ]
        }

    def _change_set(self, name):
        for stack in self.account.stacks.values():
            if name in stack.change_sets:
                return stack.change_sets[name]
        raise refusal("ChangeSetNotFound")

    def describe_change_set(self, ChangeSetName):
        return {"Parameters": self._change_set(ChangeSetName).parameters}

    def get_template(self, TemplateStage, StackName="", ChangeSetName=""):
        assert TemplateStage == "Original"
        return {"TemplateBody": (self._change_set(ChangeSetName) if ChangeSetName else self._stack(StackName)).body}


class Lambda(Client):
    exceptions = SimpleNamespace(
        ResourceConflictException=ResourceConflictException, ResourceNotFoundException=ResourceNotFoundException
    )

    def _function(self, name):
        if name not in self.account.functions:
            raise raised(ResourceNotFoundException)
        return self.account.functions[name]

    def list_versions_by_function(self, FunctionName):
        found = [
            {
                "Version": version,
                "FunctionArn": f"{FunctionName}:{version}",
                "Description": each.description,
                "CodeSize": 10,
                "LastModified": each.when.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            }
            for version, each in self._function(FunctionName).versions.items()
        ]
        return {"Versions": found}

    def list_aliases(self, FunctionName):
        return {"Aliases": list(self._function(FunctionName).aliases.values())}

    def delete_function(self, FunctionName, Qualifier):
        function = self._function(FunctionName)
        if Qualifier not in function.versions:
            raise raised(ResourceNotFoundException)
        if any(f'"{Qualifier}"' in json.dumps(alias) for alias in function.aliases.values()):
            raise raised(ResourceConflictException)
        del function.versions[Qualifier]


class Sts(Client):
    def get_caller_identity(self):
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/ana"}


def release(number: int) -> SimpleNamespace:
    """The artifacts of a release: the child template changes with each second one, the layer never."""
    child = f"child {number // 2}"
    root = json.dumps({"Resources": {"Child": {"Url": f"https://s3/{BUCKET}/{templates.key_of(child)}"}, "n": number}})
    packages = [f"packages/functions-{number:064x}.zip", f"packages/layer-{0:064x}.zip"]
    objects = {templates.key_of(root): root.encode(), templates.key_of(child): child.encode()}
    return SimpleNamespace(
        root=root,
        root_key=templates.key_of(root),
        packages=packages,
        objects=objects | {key: key.encode() for key in packages},
        parameters=[
            {"ParameterKey": "FunctionsKey", "ParameterValue": packages[0]},
            {"ParameterKey": "LayerKey", "ParameterValue": packages[1]},
        ],
    )


class Account:
    """What `days` ago means is kept in the objects: `later` makes everything older."""

    def __init__(self):
        self.objects, self.stacks, self.functions = {}, {}, {}
        self.locked, self.faults, self.calls, self.numbers = set(), {}, [], count(1)
        made = {"s3": S3, "cloudformation": CloudFormation, "lambda": Lambda, "sts": Sts}
        clients = {name: kind(self) for name, kind in made.items()}
        self.aws = SimpleNamespace(client=clients.__getitem__, region=REGION, elsewhere="", warn=print)

    def version(self, body: bytes) -> SimpleNamespace:
        return SimpleNamespace(id=f"v{next(self.numbers)}", body=body, when=datetime.now(UTC))

    def later(self, **time) -> None:
        for each in (each for versions in (self.objects or {}).values() for each in versions):
            each.when -= timedelta(**time)
        for each in (each for function in self.functions.values() for each in function.versions.values()):
            each.when -= timedelta(**time)

    def upload(self, number: int) -> SimpleNamespace:
        wanted = release(number)
        artifact_bucket.upload_missing(self.aws, BUCKET, ACCOUNT, wanted.objects)
        return wanted

    def stack(self, environment: str, status: str = "REVIEW_IN_PROGRESS") -> SimpleNamespace:
        name = names.root_stack(environment)
        new = SimpleNamespace(
            name=name, id=f"arn:{name}", status=status, body="", parameters=[], change_sets={}, functions=[]
        )
        return self.stacks.setdefault(environment, new)

    def propose(self, environment: str, wanted: SimpleNamespace) -> str:
        """Make a change set that waits."""
        identity = f"deploy-{next(self.numbers)}"
        self.stack(environment).change_sets[identity] = SimpleNamespace(
            id=identity,
            body=wanted.root,
            parameters=wanted.parameters,
            execution="AVAILABLE",
            status="CREATE_COMPLETE",
            wanted=wanted,
        )
        return identity

    def execute(self, environment: str, identity: str, kind: str = "deploy") -> None:
        """As CloudFormation does, which reads what the change set names; then write the record."""
        stack = self.stacks[environment]
        wanted = stack.change_sets.pop(identity).wanted
        assert wanted.objects.keys() <= self.objects.keys(), "the deployment needs what was pruned"
        stack.status, stack.body, stack.parameters = "UPDATE_COMPLETE", wanted.root, wanted.parameters
        self.publish(f"food-delivery-{environment}-function", wanted)
        stack.functions = [f"food-delivery-{environment}-function"]
        built = SimpleNamespace(
            bundle=SimpleNamespace(root=json.loads(wanted.root), root_key=wanted.root_key),
            parameters={
                "Environment": environment,
                "FunctionsKey": wanted.packages[0],
                "LayerKey": wanted.packages[1],
            },
            bucket=BUCKET,
            tags={},
        )
        deployment_records.record(self.aws, built, "arn:ana", Source(kind), 1.0, {})

    def publish(self, name: str, wanted: SimpleNamespace) -> None:
        """As a Version and the alias `live` do."""
        function = self.functions.setdefault(name, SimpleNamespace(versions={}, aliases={}))
        version = str(next(self.numbers))
        description = " ".join([*wanted.packages, "0123456789ab"])
        function.versions[version] = SimpleNamespace(description=description, when=datetime.now(UTC))
        function.aliases["live"] = {"Name": "live", "FunctionVersion": version}

    def deploy(self, environment: str, *numbers: int) -> None:
        for number in numbers:
            self.execute(environment, self.propose(environment, self.upload(number)))

    def destroy(self, environment: str) -> None:
        stack = self.stacks.pop(environment)
        for name in stack.functions:
            del self.functions[name]
        for key in [key for key in self.objects if key.startswith(deployment_records.prefix(environment))]:
            del self.objects[key]

    def has(self, number: int) -> bool:
        return release(number).objects.keys() <= self.objects.keys()

    @contextmanager
    def failing(self, operation: str, fault):
        self.faults[operation] = fault
        yield
        del self.faults[operation]
