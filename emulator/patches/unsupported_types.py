"""Resource types that upstream does not know at all."""

from emulator.handlers import handler_of, insist
from emulator.registry import patch

INERT = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::AnomalyDetector",
    "AWS::Logs::QueryDefinition",
    "AWS::XRay::ResourcePolicy",
)


@patch
def inert_types() -> None:
    """A template with a type that upstream does not know is refused whole. The types of
    ``INERT`` are accepted as records: they have a physical id and attributes as on AWS, and
    do nothing. What they would do is not proven locally."""
    for resource_type in INERT:
        handler_of(resource_type).update(
            create=lambda logical_id, props, stack, kind=resource_type: _identity(kind, logical_id, props, stack),
            update=lambda physical_id, old, new, stack, kind=resource_type: (
                physical_id,
                _attributes(kind, physical_id),
            ),
            delete=lambda physical_id, props: None,
        )


def _identity(resource_type: str, logical_id: str, props: dict, stack_name: str) -> tuple[str, dict]:
    from ministack.core.responses import get_account_id, get_region, new_uuid

    scope = f"{get_region()}:{get_account_id()}"
    target = f"{props.get('ResourceId')}|{props.get('ScalableDimension')}|{props.get('ServiceNamespace')}"
    physical_id = {
        INERT[0]: target,
        INERT[1]: f"arn:aws:autoscaling:{scope}:scalingPolicy:{new_uuid()}:resource/{props.get('ServiceNamespace')}/"
        f"{props.get('ResourceId')}:policyName/{props.get('PolicyName')}",
    }.get(resource_type, new_uuid())
    return physical_id, _attributes(resource_type, physical_id)


def _attributes(resource_type: str, physical_id: str) -> dict:
    return {
        INERT[0]: {"Id": physical_id},
        INERT[1]: {"Arn": physical_id},
        "AWS::Logs::QueryDefinition": {"QueryDefinitionId": physical_id},
    }.get(resource_type, {"Id": physical_id})


@patch
def composite_alarms() -> None:
    """Upstream has composite alarms, but not for CloudFormation."""
    from ministack.services import cloudwatch
    from ministack.services.cloudformation import provisioners

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


@patch
def web_acl_associations() -> None:
    """Upstream can associate a web ACL, but not from CloudFormation. (It inspects no
    request, so an association is a record only.)"""
    from ministack.services import waf

    kind = "AWS::WAFv2::WebACLAssociation"

    def create(logical_id, props, stack_name):
        insist(waf._associate_web_acl({"WebACLArn": props["WebACLArn"], "ResourceArn": props["ResourceArn"]}), kind)
        return f"{props['WebACLArn']}|{props['ResourceArn']}", {}

    def delete(physical_id, props):
        waf._disassociate_web_acl({"ResourceArn": props["ResourceArn"]})

    handler_of(kind).update(
        create=create, update=lambda physical_id, old, new, stack: create("", new, stack), delete=delete
    )
