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
    wafv2, scope = client("wafv2"), resource.properties["Scope"]
    known = wafv2.list_web_acls(Scope=scope, Limit=100)["WebACLs"]  # an account has no more
    summary = next((each for each in known if each["Name"] == resource.properties["Name"]), None)
    if summary is None:
        return {}
    found = wafv2.get_web_acl(Name=summary["Name"], Id=summary["Id"], Scope=scope)["WebACL"]

    def listed() -> dict[str, str]:
        answer = wafv2.list_tags_for_resource(ResourceARN=found["ARN"])
        return by_key(answer["TagInfoForResource"].get("TagList", []))

    return {**found, "Arn": found["ARN"], "Scope": scope, "Tags": listed}


def web_acl_association(client: Client, resource: Declared) -> Mapping[str, Any]:
    asked = resource.asked("ResourceArn")
    found = client("wafv2").get_web_acl_for_resource(**asked).get("WebACL", {})
    return {**asked, "WebACLArn": found.get("ARN")}
