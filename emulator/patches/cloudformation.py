"""CloudFormation: stack events, template URLs and resource types that MiniStack lacks."""

from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import cloudformation, cloudwatch, sns, waf
from ministack.services.cloudformation import helpers, provisioners, stacks

from emulator.registry import patch
from emulator.resources import completes, handler_of, insist

STACK = "AWS::CloudFormation::Stack"
INERT = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "Id",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "Arn",
    "AWS::Logs::QueryDefinition": "QueryDefinitionId",
    "AWS::XRay::ResourcePolicy": "Id",
    "AWS::XRay::SamplingRule": "RuleARN",
}
"""Types that MiniStack does not know, with the attribute that holds their physical id."""


@patch(upstream="emit CREATE_* events for resources that an update creates, none for those it leaves alone")
def events_of_new_resources() -> None:
    """Hold back UPDATE_IN_PROGRESS until something changed, except for nested stacks, which always have events."""
    add = stacks._add_event
    created: set[tuple[str, str]] = set()
    begun: dict[tuple[str, str], dict] = {}

    def add_as_aws(stack_id, stack_name, logical_id, kind, status, reason="", physical_id="", detailed_status=""):
        stack = cloudformation._stacks.get(stack_name) or {}
        updating = stack.get("StackStatus") == "UPDATE_IN_PROGRESS" and status.startswith("UPDATE_")
        if logical_id == stack_name or not updating:
            return add(stack_id, stack_name, logical_id, kind, status, reason, physical_id, detailed_status)
        key = (stack_id, logical_id)
        resource = stack.get("_resources", {}).get(logical_id)
        if status == "UPDATE_IN_PROGRESS":
            if resource is None:
                created.add(key)
            elif kind != STACK and not reason:
                begun[key] = resource
                return None
            physical_id = physical_id or (resource or {}).get("PhysicalResourceId", "")
        if before := begun.pop(key, None):
            if status == "UPDATE_COMPLETE" and before["Properties"] == resource["Properties"]:
                return None
            add(stack_id, stack_name, logical_id, kind, "UPDATE_IN_PROGRESS", "", before["PhysicalResourceId"])
        if key in created:
            status = status.replace("UPDATE_", "CREATE_")
            if resource is not None:
                resource["ResourceStatus"] = status
            if not status.endswith("IN_PROGRESS"):
                created.discard(key)
        return add(stack_id, stack_name, logical_id, kind, status, reason, physical_id, detailed_status)

    stacks._add_event = add_as_aws


@patch(upstream="accept a TemplateURL in virtual-host style")
def virtual_host_template_urls() -> None:
    """Rewrite ``https://bucket.s3.region.amazonaws.com/key`` to path style before upstream reads it."""
    upstream = helpers._resolve_document

    def resolve(params, body_key, url_key, label):
        if url := helpers._p(params, url_key):
            params = {**params, url_key: [path_style(url)]}
        return upstream(params, body_key, url_key, label)

    helpers._resolve_document = resolve


def path_style(url: str) -> str:
    """Put the bucket of a virtual-host URL at the head of the path."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    for marker in (".s3.", ".s3-"):
        bucket, found, _ = host.partition(marker)
        if found and bucket:
            return urlunsplit((parts.scheme, parts.netloc, quote(f"/{bucket}{unquote(parts.path)}"), "", ""))
    return url


@patch(upstream="support the resource types in INERT")
def scaling_and_saved_queries() -> None:
    """Accept them as records with a physical id and attributes. What they do is not proven locally."""
    for resource_type, attribute in INERT.items():

        def create(logical_id, props, stack_name, kind=resource_type, attribute=attribute):
            physical_id = _physical_id(kind, props)
            return physical_id, {attribute: physical_id}

        def update(physical_id, old, new, stack_name, attribute=attribute):
            return physical_id, {attribute: physical_id}

        handler_of(resource_type).update(create=create, update=update, delete=lambda physical_id, props: None)


def _physical_id(resource_type: str, props: dict) -> str:
    if resource_type == "AWS::ApplicationAutoScaling::ScalableTarget":
        return f"{props.get('ResourceId')}|{props.get('ScalableDimension')}|{props.get('ServiceNamespace')}"
    if resource_type == "AWS::ApplicationAutoScaling::ScalingPolicy":
        scope, target = (
            f"{get_region()}:{get_account_id()}",
            f"{props.get('ServiceNamespace')}/{props.get('ResourceId')}",
        )
        policy = f"scalingPolicy:{new_uuid()}:resource/{target}:policyName/{props.get('PolicyName')}"
        return f"arn:aws:autoscaling:{scope}:{policy}"
    return new_uuid()


@patch(upstream="support AWS::CloudWatch::CompositeAlarm")
def composite_alarms() -> None:
    kind = "AWS::CloudWatch::CompositeAlarm"

    def put(name, props):
        insist(cloudwatch._put_composite_alarm({}, {**props, "AlarmName": name}, False, True), kind)
        return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}

    handler_of(kind).update(
        create=lambda logical_id, props, stack: put(
            props.get("AlarmName") or provisioners._physical_name(stack, logical_id), props
        ),
        update=lambda physical_id, old, new, stack: put(new.get("AlarmName") or physical_id, new),
        delete=lambda physical_id, props: cloudwatch._composite_alarms.pop(physical_id, None) and None,
    )


@patch(upstream="support AWS::WAFv2::WebACLAssociation")
def web_acl_associations() -> None:
    """A record only: no request is inspected."""
    kind = "AWS::WAFv2::WebACLAssociation"

    def create(logical_id, props, stack_name):
        insist(waf._associate_web_acl({"WebACLArn": props["WebACLArn"], "ResourceArn": props["ResourceArn"]}), kind)
        return f"{props['WebACLArn']}|{props['ResourceArn']}", {}

    def delete(physical_id, props):
        waf._disassociate_web_acl({"ResourceArn": props["ResourceArn"]})

    handler_of(kind).update(
        create=create, update=lambda physical_id, old, new, stack: create("", new, stack), delete=delete
    )


@completes("AWS::SNS::Topic", upstream="apply KmsMasterKeyId of AWS::SNS::Topic")
def topic_encryption(arn, new, old):
    attributes = sns._topics[arn]["attributes"]
    if new.get("KmsMasterKeyId"):
        attributes["KmsMasterKeyId"] = new["KmsMasterKeyId"]
    else:
        attributes.pop("KmsMasterKeyId", None)
