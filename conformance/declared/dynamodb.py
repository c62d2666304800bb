"""Tables, as DynamoDB describes them, and their scaling, as Application Auto Scaling does."""

from collections.abc import Mapping
from typing import Any

from conformance.declared.deployed import Client, Declared, tags


def table(client: Client, resource: Declared) -> Mapping[str, Any]:
    dynamodb = client("dynamodb")
    found = dynamodb.describe_table(TableName=resource.id)["Table"]
    recovery = dynamodb.describe_continuous_backups(TableName=resource.id)["ContinuousBackupsDescription"]
    expiry = dynamodb.describe_time_to_live(TableName=resource.id)["TimeToLiveDescription"]
    encryption = found.get("SSEDescription", {})
    return {
        **found,
        "Arn": found["TableArn"],
        "StreamArn": found.get("LatestStreamArn"),
        "BillingMode": found.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "TimeToLiveSpecification": {
            "AttributeName": expiry.get("AttributeName"),
            "Enabled": expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING"),
        },
        "PointInTimeRecoverySpecification": {
            "PointInTimeRecoveryEnabled": recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
            == "ENABLED",
            "RecoveryPeriodInDays": recovery["PointInTimeRecoveryDescription"].get("RecoveryPeriodInDays"),
        },
        "SSESpecification": {
            "SSEEnabled": encryption.get("Status") in ("ENABLED", "ENABLING", "UPDATING"),
            "SSEType": encryption.get("SSEType"),
        },
        "Tags": tags(dynamodb.list_tags_of_resource, "Tags", ResourceArn=found["TableArn"]),
    }


def scalable_target(client: Client, resource: Declared) -> Mapping[str, Any]:
    wanted, scaling = resource.properties, client("application-autoscaling")
    found = scaling.describe_scalable_targets(
        ServiceNamespace=wanted["ServiceNamespace"],
        ResourceIds=[wanted["ResourceId"]],
        ScalableDimension=wanted["ScalableDimension"],
    )["ScalableTargets"]
    if not found:
        return {}
    arn = found[0].get("ScalableTargetARN")
    return {**found[0], "Tags": tags(scaling.list_tags_for_resource, "Tags", ResourceARN=arn)}


def scaling_policy(client: Client, resource: Declared) -> Mapping[str, Any]:
    namespace = resource.properties["ScalingTargetId"].rpartition("|")[2]
    pages = client("application-autoscaling").get_paginator("describe_scaling_policies")
    for page in pages.paginate(ServiceNamespace=namespace, PolicyNames=[resource.properties["PolicyName"]]):
        for policy in page["ScalingPolicies"]:
            if policy["PolicyARN"] == resource.id:
                target = "|".join((policy["ResourceId"], policy["ScalableDimension"], policy["ServiceNamespace"]))
                return {**policy, "ScalingTargetId": target}
    return {}
