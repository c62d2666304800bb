"""Functions, layers, permissions and event sources, as Lambda returns them."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from conformance.declared.deployed import Client, Declared, tags


def function(client: Client, resource: Declared) -> Mapping[str, Any]:
    found = client("lambda").get_function(FunctionName=resource.id)
    configuration = found["Configuration"]
    concurrency = client("lambda").get_function_concurrency(FunctionName=resource.id)
    return {
        **configuration,
        "Arn": configuration["FunctionArn"],
        "Code": _content(client, resource.properties["Code"], configuration["CodeSha256"]),
        "Layers": [layer["Arn"] for layer in configuration.get("Layers", [])],
        "ReservedConcurrentExecutions": concurrency.get("ReservedConcurrentExecutions"),
        "Tags": found.get("Tags", {}),
    }


def layer_version(client: Client, resource: Declared) -> Mapping[str, Any]:
    found = client("lambda").get_layer_version_by_arn(Arn=resource.id)
    return {**found, "Content": _content(client, resource.properties["Content"], found["Content"]["CodeSha256"])}


def _content(client: Client, declared: Mapping[str, Any], sha256: str) -> Mapping[str, Any]:
    """Return the declared object if Lambda runs its content, else the hash of what it runs."""
    stored = client("s3").get_object(Bucket=declared["S3Bucket"], Key=declared["S3Key"])["Body"].read()
    same = base64.b64encode(hashlib.sha256(stored).digest()).decode() == sha256
    return declared if same else {**declared, "S3Key": f"(other content, with SHA-256 {sha256})"}


def version(client: Client, resource: Declared) -> Mapping[str, Any]:
    return client("lambda").get_function_configuration(FunctionName=resource.id)


def alias(client: Client, resource: Declared) -> Mapping[str, Any]:
    asked = resource.asked("FunctionName", "Name")
    return {**client("lambda").get_alias(**asked), **asked}


def permission(client: Client, resource: Declared) -> Mapping[str, Any]:
    name = resource.id.rpartition("|")[2]  # behind the function's name, if CloudFormation's id has both
    policy = client("lambda").get_policy(FunctionName=resource.properties["FunctionName"])["Policy"]
    statement = next((each for each in json.loads(policy)["Statement"] if each["Sid"] == name), None)
    if statement is None:
        return {}
    principal, condition = statement["Principal"], statement.get("Condition", {})
    return {
        **resource.asked("FunctionName"),
        "Action": statement["Action"],
        "Principal": principal["Service"] if isinstance(principal, Mapping) else principal,
        "SourceArn": condition.get("ArnLike", {}).get("AWS:SourceArn"),
    }


def event_source_mapping(client: Client, resource: Declared) -> Mapping[str, Any]:
    found = client("lambda").get_event_source_mapping(UUID=resource.id)
    return {
        **found,
        "FunctionName": found["FunctionArn"],
        "Tags": tags(client("lambda").list_tags, "Tags", Resource=found.get("EventSourceMappingArn")),
    }


def event_invoke_config(client: Client, resource: Declared) -> Mapping[str, Any]:
    asked = resource.asked("FunctionName", "Qualifier")
    return {**client("lambda").get_function_event_invoke_config(**asked), **asked}
