"""Lambda as the deployer sees it: functions with code, an alias each, and updates that take a while or fail."""

import base64
import hashlib
import threading
from types import SimpleNamespace

from botocore.exceptions import ClientError


def refusal(code: str, operation: str) -> ClientError:
    status = {"ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError({"Error": {"Code": code, "Message": f"{code} said"}, **status}, operation)


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


class Lambda:
    """`latest`: name -> code; `published`: name -> version -> code; `alias`: name -> version, if it has the alias.

    `refuses`: name -> error code of UpdateFunctionCode. `reasons`: name -> why Lambda cannot use the new code.
    """

    def __init__(self, objects: dict[str, bytes] | None = None):
        self.objects = objects or {}
        self.latest: dict[str, bytes] = {}
        self.published: dict[str, dict[str, bytes]] = {}
        self.alias: dict[str, str] = {}
        self.refuses: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.pending: dict[str, int] = {}
        self.calls: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    def add(self, name: str, code: bytes, version: str = "") -> None:
        self.latest[name] = code
        if version:
            self.published[name], self.alias[name] = {version: code}, version

    def live(self, name: str) -> bytes:
        version = self.alias.get(name, "$LATEST")
        return self.latest[name] if version == "$LATEST" else self.published[name][version]

    def get_function_configuration(self, FunctionName: str, Qualifier: str = "") -> dict:
        version = self.alias.get(FunctionName) if Qualifier else "$LATEST"
        if FunctionName not in self.latest or version is None:
            raise refusal("ResourceNotFoundException", "GetFunctionConfiguration")
        code = self.latest[FunctionName] if version == "$LATEST" else self.published[FunctionName][version]
        waits = self.pending.get(FunctionName, 0)
        self.pending[FunctionName] = max(0, waits - 1)
        status = "InProgress" if waits else "Failed" if FunctionName in self.reasons else "Successful"
        reason = self.reasons.get(FunctionName, "")
        return {
            "CodeSha256": sha256(code),
            "Version": version,
            "LastUpdateStatus": status,
            "LastUpdateStatusReason": reason,
        }

    def update_function_code(
        self, FunctionName: str, ZipFile: bytes = b"", S3Bucket: str = "", S3Key: str = ""
    ) -> None:
        with self.lock:
            self.calls.append(("UpdateFunctionCode", FunctionName))
        if FunctionName in self.refuses:
            raise refusal(self.refuses[FunctionName], "UpdateFunctionCode")
        self.latest[FunctionName] = ZipFile or self.objects[S3Key]
        self.pending[FunctionName] = 2

    def update_alias(self, FunctionName: str, Name: str, FunctionVersion: str) -> None:
        if FunctionName not in self.alias:
            raise refusal("ResourceNotFoundException", "UpdateAlias")
        assert not self.pending.get(FunctionName), "the alias moves when the new code is in use"
        self.alias[FunctionName] = FunctionVersion


def key(content: bytes) -> str:
    return f"packages/functions-{hashlib.sha256(content).hexdigest()}.zip"


def stack(deployed: bytes, *functions: str, status: str = "UPDATE_COMPLETE") -> dict:
    """Return the DescribeStacks entry of a root stack with these functions."""
    return {
        "StackName": "food-delivery-dev",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/food-delivery-dev/1",
        "StackStatus": status,
        "Parameters": [
            {"ParameterKey": "FunctionsKey", "ParameterValue": key(deployed)},
            {"ParameterKey": "ArtifactBucket", "ParameterValue": "artifacts"},
        ],
        "Outputs": [{"OutputKey": f"{name}Function", "OutputValue": f"dev-{name}"} for name in functions],
    }


def account(functions: Lambda) -> SimpleNamespace:
    """Return what stands for `deployer.aws.session.Aws`, with a client of Lambda only."""
    found = SimpleNamespace(local=False, on_this_machine=True, region="us-east-1", elsewhere="", warned=[])
    found.warn = found.warned.append
    found.client = lambda service: {"lambda": functions}[service]
    return found
