"""Rules of EventBridge, parameters, and the firewall, as their services return them."""

from collections.abc import Mapping
from typing import Any

from conformance.declared.deployed import Client, Declared, by_key, tags


def rule(client: Client, resource: Declared) -> Mapping[str, Any]:
    events = client("events")
    found = events.describe_rule(Name=resource.properties["Name"])
    return {
        **found,
        "Targets": events.list_targets_by_rule(Rule=found["Name"])["Targets"],
        "Tags": tags(events.list_tags_for_resource, "Tags", ResourceARN=found["Arn"]),
    }


def parameter(client: Client, resource: Declared) -> Mapping[str, Any]:
    ssm = client("ssm")
    found = ssm.get_parameter(Name=resource.id)["Parameter"]
    filters = [{"Key": "Name", "Option": "Equals", "Values": [resource.id]}]
    described = ssm.describe_parameters(ParameterFilters=filters)["Parameters"]
    return {
        **found,
        "Description": described[0].get("Description") if described else None,
        "Tags": tags(ssm.list_tags_for_resource, "TagList", ResourceType="Parameter", ResourceId=resource.id),
    }


def web_acl(client: Client, resource: Declared) -> Mapping[str, Any]:
    name, identity, scope = resource.id.split("|")
    found = client("wafv2").get_web_acl(Name=name, Id=identity, Scope=scope)["WebACL"]

    def listed() -> dict[str, str]:
        answer = client("wafv2").list_tags_for_resource(ResourceARN=found["ARN"])
        return by_key(answer["TagInfoForResource"].get("TagList", []))

    return {**found, "Arn": found["ARN"], "Scope": scope, "Tags": listed}


def web_acl_association(client: Client, resource: Declared) -> Mapping[str, Any]:
    asked = resource.asked("ResourceArn")
    found = client("wafv2").get_web_acl_for_resource(**asked).get("WebACL", {})
    return {**asked, "WebACLArn": found.get("ARN")}
