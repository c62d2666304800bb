"""CodeDeploy moves requests gradually to a new version of each function that answers them.

CloudFormation hands an update of the alias `live` to CodeDeploy, as its update policy says, and waits for the end. An
alarm in ALARM moves all requests back and fails the update. With Shift AllAtOnce nothing of this exists.
"""

from awacs import awslambda as lambda_actions
from awacs import cloudwatch as cloudwatch_actions
from troposphere import AWSObject, Equals, GetAtt, If, Not, NoValue, Ref, Sub, Template, awslambda, codedeploy
from troposphere.iam import Policy, Role
from troposphere.policies import CodeDeployLambdaAliasUpdate, UpdatePolicy

from config import names
from generator import alarm_resources
from generator.alarms import releases
from generator.alarms.releases import GRADUAL
from generator.functions import ALIAS, FUNCTIONS, Function
from generator.policies import allow, assumed_by, policy

APPLICATION = "ReleaseApplication"
ROLE = "ReleaseRole"
_ALARMS = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"


def declare(template: Template) -> None:
    """Add the condition and what all functions share."""
    template.add_condition(GRADUAL, Not(Equals(Ref("Shift"), "AllAtOnce")))
    template.add_resource(codedeploy.Application(APPLICATION, Condition=GRADUAL, ComputePlatform="Lambda"))
    template.add_resource(role())


def role() -> Role:
    """Allows CodeDeploy to move the aliases and to read alarms.

    AWSCodeDeployRoleForLambdaLimited, AWS's policy, also reads revisions in S3 and invokes hooks. CloudFormation passes
    the revision in the request, and there are no hooks.
    """
    gradual = [f"{each.title}Function" for each in FUNCTIONS if each.answers_requests]
    move = allow(
        "MoveAliases",
        (lambda_actions.GetAlias, lambda_actions.UpdateAlias, lambda_actions.GetProvisionedConcurrencyConfig),
        *(GetAtt(each, "Arn") for each in gradual),
        *(Sub(f"${{{each}.Arn}}:{ALIAS}") for each in gradual),
    )
    # Not by name: CloudWatch authorizes DescribeAlarms for all alarms of an account and Region.
    read = allow("ReadAlarms", (cloudwatch_actions.DescribeAlarms,), Sub(_ALARMS))
    return Role(
        ROLE,
        Condition=GRADUAL,
        Description=Sub(f"CodeDeploy for {names.root_stack('${Environment}')}"),
        AssumeRolePolicyDocument=assumed_by("codedeploy"),
        Policies=[Policy(PolicyName="release", PolicyDocument=policy(move, read))],
    )


def resources(function: Function) -> list[AWSObject]:
    """Return the alarm of the new version and the deployment group, which has it."""
    alarm = alarm_resources.alarm(releases.of_function(function))
    group = codedeploy.DeploymentGroup(
        _group_title(function),
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
    return [alarm, group]


def gradually(function: Function, alias: awslambda.Alias) -> awslambda.Alias:
    """Let CodeDeploy update the alias, if requests shift gradually."""
    by_codedeploy = CodeDeployLambdaAliasUpdate(
        ApplicationName=Ref(APPLICATION), DeploymentGroupName=Ref(_group_title(function))
    )
    alias.UpdatePolicy = If(GRADUAL, UpdatePolicy(CodeDeployLambdaAliasUpdate=by_codedeploy), NoValue)
    return alias


def _group_title(function: Function) -> str:
    return f"{function.title}Release"
