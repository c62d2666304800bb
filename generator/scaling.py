"""Application Auto Scaling of a DynamoDB table and its indexes, read and write."""

from collections.abc import Mapping

from troposphere import Ref, Sub
from troposphere.applicationautoscaling import (
    PredefinedMetricSpecification,
    ScalableTarget,
    ScalingPolicy,
    TargetTrackingScalingPolicyConfiguration,
)
from troposphere.dynamodb import Table

COOLDOWN_SECONDS = 60


def targets_and_policies(
    table: Table, indexes: Mapping[str, str], condition: str
) -> list[ScalableTarget | ScalingPolicy]:
    """Return targets and policies of the table and of `indexes`: prefix of the logical ids -> name of the index.

    An index that does not scale throttles writes to the table. No RoleARN: Application Auto Scaling uses its
    service-linked role.
    """
    scaled = (
        ("Table", "table", f"table/${{{table.title}}}"),
        *((title, "index", f"table/${{{table.title}}}/index/{name}") for title, name in indexes.items()),
    )
    resources: list[ScalableTarget | ScalingPolicy] = []
    for title, kind, resource_id in scaled:
        for direction in ("Read", "Write"):
            target = ScalableTarget(
                f"{title}{direction}Capacity",
                Condition=condition,
                ServiceNamespace="dynamodb",
                ResourceId=Sub(resource_id),
                ScalableDimension=f"dynamodb:{kind}:{direction}CapacityUnits",
                MinCapacity=Ref("MinCapacity"),
                MaxCapacity=Ref("MaxCapacity"),
            )
            resources += [target, _utilization(target, direction, condition)]
    return resources


def _utilization(target: ScalableTarget, direction: str, condition: str) -> ScalingPolicy:
    return ScalingPolicy(
        f"{target.title}Scaling",
        Condition=condition,
        PolicyName=f"{direction.lower()}-utilization",
        PolicyType="TargetTrackingScaling",
        ScalingTargetId=Ref(target),
        TargetTrackingScalingPolicyConfiguration=TargetTrackingScalingPolicyConfiguration(
            TargetValue=Ref("TargetUtilization"),
            ScaleInCooldown=COOLDOWN_SECONDS,
            ScaleOutCooldown=COOLDOWN_SECONDS,
            PredefinedMetricSpecification=PredefinedMetricSpecification(
                PredefinedMetricType=f"DynamoDB{direction}CapacityUtilization"
            ),
        ),
    )
