"""Applications and deployment groups, as CodeDeploy returns them."""

from collections.abc import Mapping
from typing import Any

from conformance.declared.deployed import Client, Declared, tags


def application(client: Client, resource: Declared) -> Mapping[str, Any]:
    found = client("codedeploy").get_application(applicationName=resource.id)["application"]
    return {"ComputePlatform": found["computePlatform"], "Tags": _tags(client, f"application:{resource.id}")}


def deployment_group(client: Client, resource: Declared) -> Mapping[str, Any]:
    asked = resource.asked("ApplicationName")
    of = {"applicationName": asked["ApplicationName"], "deploymentGroupName": resource.id}
    found = client("codedeploy").get_deployment_group(**of)["deploymentGroupInfo"]
    tagged = _tags(client, f"deploymentgroup:{asked['ApplicationName']}/{resource.id}")
    return {**_capitalized(found), **asked, "Tags": tagged}


def _tags(client: Client, name: str) -> Any:
    codedeploy = client("codedeploy")

    def read(ResourceArn: str) -> Mapping[str, Any]:
        account, at = client("sts").get_caller_identity()["Account"], codedeploy.meta
        arn = f"arn:{at.partition}:codedeploy:{at.region_name}:{account}:{ResourceArn}"
        return codedeploy.list_tags_for_resource(ResourceArn=arn)

    return tags(read, "Tags", ResourceArn=name)


def _capitalized(node: Any) -> Any:
    """Return the members under CloudFormation's names: AlarmConfiguration for alarmConfiguration."""
    if isinstance(node, Mapping):
        return {key[:1].upper() + key[1:]: _capitalized(value) for key, value in node.items()}
    return [_capitalized(each) for each in node] if isinstance(node, list) else node
