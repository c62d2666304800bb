"""Log groups, queries, alarms, dashboards and sampling, as CloudWatch and X-Ray return them."""

from collections.abc import Mapping
from typing import Any

from conformance.declared.deployed import Client, Declared, tags


def log_group(client: Client, resource: Declared) -> Mapping[str, Any]:
    logs = client("logs")
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=resource.id)
    found = next((each for page in pages for each in page["logGroups"] if each["logGroupName"] == resource.id), None)
    if found is None:
        return {}
    arn = found["arn"].removesuffix(":*")
    return {
        "Arn": f"{arn}:*",
        "LogGroupName": found["logGroupName"],
        "RetentionInDays": found.get("retentionInDays"),
        "Tags": tags(logs.list_tags_for_resource, "tags", resourceArn=arn),
    }


def metric_filter(client: Client, resource: Declared) -> Mapping[str, Any]:
    group = resource.properties["LogGroupName"]
    pages = client("logs").get_paginator("describe_metric_filters").paginate(logGroupName=group)
    found = (each for page in pages for each in page["metricFilters"] if each["filterName"] == resource.id)
    return next((_as_declared(each) for each in found), {})


def _as_declared(metric_filter: Mapping[str, Any]) -> dict[str, Any]:
    """Return it under a template's names, with the dimensions as a list."""
    written = [
        {
            **{name[0].upper() + name[1:]: value for name, value in each.items()},
            "Dimensions": [{"Key": key, "Value": value} for key, value in each.get("dimensions", {}).items()],
        }
        for each in metric_filter["metricTransformations"]
    ]
    named = {"LogGroupName": "logGroupName", "FilterPattern": "filterPattern"}
    return {**{name: metric_filter[key] for name, key in named.items()}, "MetricTransformations": written}


def query_definition(client: Client, resource: Declared) -> Mapping[str, Any]:
    more: dict[str, Any] = {"queryDefinitionNamePrefix": resource.properties["Name"]}
    while True:
        page = client("logs").describe_query_definitions(**more)
        for found in page["queryDefinitions"]:
            if found["queryDefinitionId"] == resource.id:
                return {
                    "Name": found["name"],
                    "LogGroupNames": found.get("logGroupNames", []),
                    "QueryString": found["queryString"],
                    "Parameters": [
                        {name[0].upper() + name[1:]: value for name, value in each.items()}
                        for each in found.get("parameters", [])
                    ],
                }
        if "nextToken" not in page:
            return {}
        more["nextToken"] = page["nextToken"]


def alarm(client: Client, resource: Declared) -> Mapping[str, Any]:
    return _alarm(client, resource, "MetricAlarm")


def composite_alarm(client: Client, resource: Declared) -> Mapping[str, Any]:
    return _alarm(client, resource, "CompositeAlarm")


def _alarm(client: Client, resource: Declared, kind: str) -> Mapping[str, Any]:
    cloudwatch = client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNames=[resource.id], AlarmTypes=[kind])[f"{kind}s"]
    if not found:
        return {}
    arn = found[0]["AlarmArn"]
    return {**found[0], "Arn": arn, "Tags": tags(cloudwatch.list_tags_for_resource, "Tags", ResourceARN=arn)}


def dashboard(client: Client, resource: Declared) -> Mapping[str, Any]:
    cloudwatch = client("cloudwatch")
    found = cloudwatch.get_dashboard(DashboardName=resource.id)
    return {**found, "Tags": tags(cloudwatch.list_tags_for_resource, "Tags", ResourceARN=found["DashboardArn"])}


def sampling_rule(client: Client, resource: Declared) -> Mapping[str, Any]:
    name, xray = resource.properties["SamplingRule"]["RuleName"], client("xray")
    for page in xray.get_paginator("get_sampling_rules").paginate():
        for rule in (each["SamplingRule"] for each in page["SamplingRuleRecords"]):
            if rule["RuleName"] == name:
                arn = rule.get("RuleARN")
                return {"SamplingRule": rule, "Tags": tags(xray.list_tags_for_resource, "Tags", ResourceARN=arn)}
    return {}


def xray_policy(client: Client, resource: Declared) -> Mapping[str, Any]:
    pages = client("xray").get_paginator("list_resource_policies").paginate()
    found = (each for page in pages for each in page["ResourcePolicies"])
    return next((each for each in found if each["PolicyName"] == resource.properties["PolicyName"]), {})
