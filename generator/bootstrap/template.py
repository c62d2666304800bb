"""The template of a pipeline's roles for one environment: who may deploy it, and what a deployment may do."""

from collections.abc import Collection, Mapping
from typing import Any

from troposphere import Equals, GetAtt, If, NoValue, Output, Parameter, Ref, Sub, Template
from troposphere.iam import OIDCProvider, Role

from generator.audit import accepted
from generator.bootstrap import deployer, packing, service_role
from generator.bootstrap.service_role import PATH
from generator.lifecycle import RETAINED
from generator.policies import assumed_by

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
PROVIDER = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:oidc-provider/{ISSUER}"

_LONGEST_NAME = 9
_FLAG: dict[str, Any] = {"Type": "String", "AllowedValues": ["true", "false"]}
PARAMETERS: dict[str, dict[str, Any]] = {
    "Environment": {
        "Type": "String",
        "Description": "Environment of the platform, such as prod; or all whose names begin alike, such as pr-*",
        "AllowedPattern": rf"^[a-z](?=.{{0,{_LONGEST_NAME - 1}}}$)[a-z0-9-]*\*?$",
        "ConstraintDescription": f"at most {_LONGEST_NAME} characters: CloudFormation cuts a stack's name to 24 in the "
        "names that it makes, and the roles know resources by their names",
    },
    "Repository": {
        "Type": "String",
        "Description": "Repository on GitHub, as organization/name",
        "AllowedPattern": r"^[\w.-]+/[\w.-]+$",
        "ConstraintDescription": "organization/name, without wildcards",
    },
    "GitHubEnvironment": {
        "Type": "String",
        "Description": "Environment on GitHub whose jobs may deploy",
        "AllowedPattern": r"^[\w.-]+$",
        "ConstraintDescription": "the name of an environment, without wildcards",
    },
    "CreateProvider": {
        **_FLAG,
        "Description": "Whether to create GitHub's OpenID Connect provider, one for each account: false if it has one",
        "Default": "true",
    },
    "PlanOnPullRequests": {
        **_FLAG,
        "Description": "Whether jobs of pull requests may plan, too",
        "Default": "true",
    },
    "AllowDestroy": {
        **_FLAG,
        "Description": "Whether the deployer may also delete the environment with its data: for previews",
        "Default": "false",
    },
}


def build(platform: Collection[Mapping[str, Any]]) -> Template:
    """`platform`: the templates that are to be deployed."""
    template = Template("Food delivery, the roles of a pipeline: who may deploy an environment, and with which rights")
    for name, properties in PARAMETERS.items():
        template.add_parameter(Parameter(name, **properties))
    template.add_condition("CreatesProvider", Equals(Ref("CreateProvider"), "true"))
    template.add_condition("Plans", Equals(Ref("PlanOnPullRequests"), "true"))
    template.add_condition("Destroys", Equals(Ref("AllowDestroy"), "true"))
    template.add_resource(_provider())
    boundary = template.add_resource(
        packing.policy(
            "PermissionsBoundary",
            "The most that a role of the platform may do, whoever writes its policies",
            service_role.boundary(platform),
            findings={"CKV_AWS_111": "It allows nothing alone: it limits what a role's own policies allow."},
        )
    )
    of_service = packing.policies("ServicePolicy", "What CloudFormation may do", service_role.rights(platform))
    of_both = packing.policies("ReadPolicy", "What a plan and a deployment read", deployer.reads())
    of_deployer = packing.policies("DeployPolicy", "What a deployment writes", deployer.deployments())
    of_destroyer = packing.policies(
        "DestroyPolicy", "What a deletion calls", deployer.destructions(), Condition="Destroys"
    )
    of_planner = packing.policies("PlanPolicy", "What a plan writes", deployer.plans())
    for policy in (*of_service, *of_both, *of_deployer, *of_destroyer, *of_planner):
        template.add_resource(policy)
    roles = {
        "ServiceRole": Role(
            "ServiceRole",
            Description=Sub("CloudFormation's, for ${Environment} of the food-delivery platform"),
            Path=PATH,
            AssumeRolePolicyDocument=assumed_by("cloudformation"),
            ManagedPolicyArns=[Ref(each) for each in of_service],
        ),
        "DeployRole": _github_role(
            "DeployRole",
            "Deploys ${Environment} of the food-delivery platform",
            [_of_repository("environment:${GitHubEnvironment}")],
            [*map(Ref, [*of_both, *of_deployer]), *(If("Destroys", Ref(each), NoValue) for each in of_destroyer)],
        ),
        "PlanRole": _github_role(
            "PlanRole",
            "Plans ${Environment} of the food-delivery platform",
            [
                If("Plans", _of_repository("pull_request"), NoValue),
                _of_repository("environment:${GitHubEnvironment}-plan"),
            ],
            [*map(Ref, [*of_both, *of_planner])],
        ),
    }
    for title, role in roles.items():
        template.add_resource(role)
        template.add_output(Output(f"{title}Arn", Description=_USES[title], Value=GetAtt(role, "Arn")))
    template.add_output(
        Output("PermissionsBoundaryArn", Description="For permissions_boundary in [deploy]", Value=Ref(boundary))
    )
    return template


_USES = {
    "ServiceRole": "For role_arn in [deploy]",
    "DeployRole": "For the jobs of the environment on GitHub",
    "PlanRole": "For the jobs of the environment on GitHub that ends with -plan, and of pull requests",
}


_TRUSTS_GITHUB = accepted(
    {
        "UNKNOWN_FEDERATION_SOURCE": "GitHub's provider; parliament knows Amazon's, Google's and Facebook's.",
        "UNKNOWN_CONDITION_FOR_ACTION": "A key of GitHub's tokens, which binds the role to repository and environment.",
    }
)


def _provider() -> OIDCProvider:
    """One for each account and URL, so it may serve others: it is retained."""
    return OIDCProvider(
        "GitHubProvider",
        Condition="CreatesProvider",
        **RETAINED,
        Url=f"https://{ISSUER}",
        ClientIdList=[AUDIENCE],
    )


def _of_repository(subject: str) -> Sub:
    """Return the subject of GitHub's tokens for jobs of an environment or event."""
    return Sub(f"repo:${{Repository}}:{subject}")


def _github_role(title: str, description: str, subjects: list[Any], policies: list[Any]) -> Role:
    """Return a role that only jobs with these subjects assume."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": Sub(PROVIDER)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subjects}},
    }
    return Role(
        title,
        Metadata=_TRUSTS_GITHUB,
        Description=Sub(description),
        Path=PATH,
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
        ManagedPolicyArns=policies,
    )
