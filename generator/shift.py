"""CodeDeploy moves requests gradually to a new version of each function that answers them.

CloudFormation hands an update of the alias `live` to CodeDeploy, as its update policy says, and waits for the end. An
alarm in ALARM moves all requests back and fails the update. With Shift AllAtOnce nothing of this exists.
"""

from awacs import awslambda as lambda_actions
from awacs import cloudwatch as cloudwatch_actions
from troposphere import AWSObject, Equals, GetAtt, If, Not, NoValue, Ref, Sub, awslambda, codedeploy
from troposphere.iam import Policy, Role
from troposphere.policies import CodeDeployLambdaAliasUpdate, UpdatePolicy

from config import names
from generator import alarm_resources
from generator.alarms import releases
from generator.alarms.releases import GRADUAL
from generator.functions import FUNCTIONS, Function
from generator.policies import BOUNDARY, allow, assumed_by, policy

APPLICATION = "ReleaseApplication"
ROLE = "ReleaseRole"
_ALARMS = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"


def is_gradual() -> Not:
    return Not(Equals(Ref("Shift"), "AllAtOnce"))


def shared() -> list[AWSObject]:
    """Return what all functions share."""
    return [codedeploy.Application(APPLICATION, Condition=GRADUAL, ComputePlatform="Lambda"), _role()]


def _role() -> Role:
    """Allows CodeDeploy to move the aliases and to read alarms.

    AWSCodeDeployRoleForLambdaLimited, AWS's policy, also reads revisions in S3 and invokes hooks. CloudFormation passes
    the revision in the request, and there are no hooks.
    """
    gradual = [f"{each.title}Function" for each in FUNCTIONS if each.answers_requests]
    move = allow(
        "MoveAliases",
        (lambda_actions.GetAlias, lambda_actions.UpdateAlias, lambda_actions.GetProvisionedConcurrencyConfig),
        *(GetAtt(each, "Arn") for each in gradual),
        *(Sub(f"${{{each}.Arn}}:{names.ALIAS}") for each in gradual),
    )
    # Not by name: CloudWatch authorizes the call for all alarms (github.com/aws-samples/amazon-cloudwatch-auto-alarms/issues/1).
    read = allow("ReadAlarms", (cloudwatch_actions.DescribeAlarms,), Sub(_ALARMS))
    return Role(
        ROLE,
        Condition=GRADUAL,
        Description=Sub(f"CodeDeploy for {names.root_stack('${Environment}')}"),
        AssumeRolePolicyDocument=assumed_by("codedeploy"),
        Policies=[Policy(PolicyName="release", PolicyDocument=policy(move, read))],
        PermissionsBoundary=BOUNDARY,
    )


def resources(function: Function, alias: awslambda.Alias) -> list[AWSObject]:
    """Return the alarm of the new version and the deployment group that has it, and have CodeDeploy update the alias."""
    alarm = alarm_resources.alarm(releases.of_function(function))
    group = codedeploy.DeploymentGroup(
        f"{function.title}Release",
        Condition=GRADUAL,
        ApplicationName=Ref(APPLICATION),
        ServiceRoleArn=GetAtt(ROLE, "Arn"),
        DeploymentConfigName=Sub("CodeDeployDefault.Lambda${Shift}"),
        DeploymentStyle=codedeploy.DeploymentStyle(
            DeploymentType="BLUE_GREEN", DeploymentOption="WITH_TRAFFIC_CONTROL"
        ),
        AlarmConfiguration=codedeploy.AlarmConfiguration(Enabled=True, Alarms=[codedeploy.Alarm(Name=Ref(alarm))]),
        AutoRollbackConfiguration=codedeploy.AutoRollbackConfiguration(
            Enabled=True,
            Events=["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
        ),
    )
    by_codedeploy = CodeDeployLambdaAliasUpdate(ApplicationName=Ref(APPLICATION), DeploymentGroupName=Ref(group))
    alias.UpdatePolicy = If(GRADUAL, UpdatePolicy(CodeDeployLambdaAliasUpdate=by_codedeploy), NoValue)
    return [alarm, group]
