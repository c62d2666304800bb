"""bootstrap/pipeline-role.yaml: every right that a deployment needs is in it, and none that leads further."""

import json
import re
from pathlib import Path

import pytest
from botocore.session import get_session

from deployer.plan import cfn_yaml
from generator import render, yaml_writer
from generator.bootstrap import actions, deployer, packing, partner_policy, scopes, service_role, template
from tests.unit.test_botocore_operations import called

ROOT = Path(__file__).resolve().parents[3]
ACCOUNT = "123456789012"
VALUES = {"Environment": "dev", "AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": ACCOUNT}
OWN = f"arn:aws:iam::{ACCOUNT}:role/pipeline/food-delivery/"
DEPLOY, PLAN, SERVICE = ("DeployRole", "PlanRole", "ServiceRole")


@pytest.fixture(scope="module")
def platform():
    return list(render.documents().values())


@pytest.fixture(scope="module")
def text(platform):
    return yaml_writer.write(template.build(platform).to_dict())


@pytest.fixture(scope="module")
def bootstrap(text):
    return cfn_yaml.load(text)


def resolved(node):
    match node:
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([\w:]+)\}", lambda match: VALUES.get(match[1], match[1]), text)
        case {"Ref": name}:
            return f"arn:aws:iam::{ACCOUNT}:policy/pipeline/food-delivery/{name}"
        case {"Fn::GetAtt": [name, _]}:
            return OWN + name
        case {"Fn::If": [_, then, _]}:
            return resolved(then)
        case dict():
            return {key: resolved(value) for key, value in node.items()}
        case list():
            return [resolved(each) for each in node]
    return node


def statements(bootstrap, role):
    """The statements of a role's managed policies, without those that a condition adds."""
    names = [each["Ref"] for each in bootstrap["Resources"][role]["Properties"]["ManagedPolicyArns"] if "Ref" in each]
    return [
        resolved(each)
        for name in names
        for each in bootstrap["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]
    ]


def allowed(bootstrap, role):
    return {action for each in statements(bootstrap, role) if each["Effect"] == "Allow" for action in each["Action"]}


def matching(bootstrap, role, action, resource):
    return [
        each
        for each in statements(bootstrap, role)
        if any(re.fullmatch(name.replace("*", ".*"), action) for name in each["Action"])
        and any(re.fullmatch(re.escape(arn).replace(r"\*", ".*"), resource) for arn in each["Resource"])
    ]


def test_the_service_role_may_do_what_the_handlers_of_every_type_call(platform, bootstrap):
    types = {resource["Type"] for each in platform for resource in each["Resources"].values()}
    needed = actions.of_templates(platform)
    assert set(needed) == types and all(needed.values())
    unneeded = {"iam:DeleteRolePermissionsBoundary"}  # the boundary stays
    assert set().union(*needed.values()) - unneeded <= allowed(bootstrap, SERVICE)
    for kind, action in {
        "AWS::DynamoDB::Table": "dynamodb:UpdateTimeToLive",
        "AWS::Lambda::Function": "lambda:PutFunctionConcurrency",
        "AWS::S3::Bucket": "s3:PutLifecycleConfiguration",
        "AWS::WAFv2::WebACLAssociation": "apigateway:SetWebACL",
    }.items():
        assert action in needed[kind]


def test_and_nothing_that_only_other_properties_need(bootstrap):
    mine = allowed(bootstrap, SERVICE)
    assert not {"dynamodb:PutItem", "dynamodb:Scan", "s3:DeleteObject", "s3:PutBucketAcl", "iam:PutUserPolicy"} & mine
    assert not {action for action in mine if action.split(":")[0] in ("kms", "ec2", "appsync", "kinesis")}


def test_a_property_brings_the_actions_that_only_it_needs():
    table = "AWS::DynamoDB::Table"
    extra = actions.of_type(table, {"ResourcePolicy"}) - actions.of_type(table, set())
    assert extra == {"dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy"}
    alias = "AWS::Lambda::Alias"
    assert "codedeploy:CreateDeployment" in actions.of_type(alias, {"CodeDeployLambdaAliasUpdate"})
    assert "codedeploy:CreateDeployment" not in actions.of_type(alias, set())


@pytest.mark.parametrize("kind", ["AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::CodeDeploy::DeploymentGroup"])
def test_a_new_type_of_a_known_service_needs_no_edit(kind):
    assert scopes.statements(actions.of_type(kind, {"CodeDeployLambdaAliasUpdate"}))


def test_a_type_or_a_service_without_permissions_is_named():
    with pytest.raises(actions.UnknownType, match="Custom::Thing"):
        actions.of_templates([{"Resources": {"It": {"Type": "Custom::Thing"}}}])
    with pytest.raises(scopes.UnknownService, match="kinesis:CreateStream"):
        scopes.statements(["kinesis:CreateStream"])


def policies(bootstrap):
    return {
        name: resource
        for name, resource in bootstrap["Resources"].items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    }


def test_what_is_allowed_on_more_than_this_project_has_its_reason_beside_it(bootstrap):
    reasons = 0
    for name, policy in policies(bootstrap).items():
        given = policy.get("Metadata", {}).get("NotOnlyThisProject", {})
        sids = {each["Sid"] for each in policy["Properties"]["PolicyDocument"]["Statement"]}
        assert set(given) <= sids and all(given.values())
        for each in policy["Properties"]["PolicyDocument"]["Statement"]:
            arns = [arn for arn in resolved(each["Resource"]) if isinstance(arn, str)]
            ours = all("food-delivery" in arn or "aws-service-role" in arn for arn in arns)
            assert ours or each["Sid"] in given or each["Sid"] in SCOPED, (name, each["Sid"])
            assert "*" not in each["Action"], (name, each["Sid"])
            reasons += each["Sid"] in given
    assert reasons > 10


SCOPED = {
    *("LogGroups", "DeleteLogs"),  # API Gateway's groups, by the stage's name
    *("Layers", "SamplingRules", "Firewalls", "TagFunctions"),
    *("ReadStacks", "RunOperations", "DeleteChangeSets"),  # change sets that deploy.py names
}
"""Statements on names of this project that do not begin with its name."""


def test_roles_are_passed_only_to_the_services_that_the_templates_roles_trust(platform, bootstrap):
    assert service_role.services(platform) >= {"lambda.amazonaws.com", "apigateway.amazonaws.com"}
    for role, services in {
        SERVICE: sorted(service_role.services(platform)),
        DEPLOY: "cloudformation.amazonaws.com",
        PLAN: "cloudformation.amazonaws.com",
    }.items():
        [passed] = [each for each in statements(bootstrap, role) if "iam:PassRole" in each["Action"]]
        assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": services}}
        assert passed["Action"] == ["iam:PassRole"] and "*" not in passed["Resource"]
    [passed] = [each for each in statements(bootstrap, DEPLOY) if "iam:PassRole" in each["Action"]]
    assert passed["Resource"] == [OWN + SERVICE]


def test_roles_are_made_and_changed_only_with_the_boundary_which_stays(bootstrap):
    ours = f"arn:aws:iam::{ACCOUNT}:role/food-delivery-dev-ComputeStack-Role"
    bounded = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/pipeline/food-delivery/PermissionsBoundary"}
    for action in ("CreateRole", "PutRolePolicy", "AttachRolePolicy", "PutRolePermissionsBoundary"):
        found = matching(bootstrap, SERVICE, f"iam:{action}", ours)
        assert found and all(each["Condition"]["StringEquals"] == bounded for each in found), action
    [denied] = matching(bootstrap, SERVICE, "iam:DeleteRolePermissionsBoundary", ours)
    assert denied["Effect"] == "Deny" and "Condition" not in denied


@pytest.mark.parametrize("kind", ["role", "policy"])
def test_nobody_changes_the_pipelines_own_roles_and_policies(bootstrap, kind):
    own = f"arn:aws:iam::{ACCOUNT}:{kind}/pipeline/food-delivery/x"
    assert [each["Effect"] for each in matching(bootstrap, SERVICE, "iam:CreatePolicyVersion", own)] == ["Deny"]
    for role in (DEPLOY, PLAN):
        changes = {action for action in allowed(bootstrap, role) if action.startswith("iam:")}
        assert changes == {"iam:PassRole", "iam:GetRole", "iam:SimulatePrincipalPolicy"}


def test_only_managed_policies_of_the_templates_are_attached(platform, bootstrap):
    [attaching] = [each for each in statements(bootstrap, SERVICE) if "iam:AttachRolePolicy" in each["Action"]]
    attached = attaching["Condition"]["ArnLike"]["iam:PolicyARN"]
    assert attached == sorted(service_role.managed_policies(platform)) and len(attached) == 1
    assert attached[0].startswith("arn:*:iam::aws:policy/service-role/")


def test_the_boundary_allows_what_the_platforms_roles_do(platform, bootstrap):
    statements_of = bootstrap["Resources"]["PermissionsBoundary"]["Properties"]["PolicyDocument"]["Statement"]
    most = {action for each in statements_of for action in each["Action"]}
    for each in platform:
        for resource in each["Resources"].values():
            for policy in resource.get("Properties", {}).get("Policies", ()):
                used = {action for one in policy["PolicyDocument"]["Statement"] for action in one["Action"]}
                assert used <= most
    assert not {action for action in most if action.startswith(("iam:", "sts:", "cloudformation:"))}


def test_the_boundary_lets_the_import_read_files_and_nobody_the_packages(bootstrap):
    document = bootstrap["Resources"]["PermissionsBoundary"]["Properties"]["PolicyDocument"]
    [reading] = [each for each in resolved(document)["Statement"] if "s3:GetObject" in each["Action"]]
    assert reading["Resource"] == ["arn:aws:s3:::food-delivery-dev-*/*"]


def test_every_role_of_the_platform_takes_the_boundary(platform):
    roles = [
        resource
        for each in platform
        for resource in each["Resources"].values()
        if resource["Type"] == service_role.ROLE
    ]
    given = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    assert len(roles) >= 7 and all(role["Properties"]["PermissionsBoundary"] == given for role in roles)


@pytest.mark.parametrize(
    "role, subjects",
    [
        (DEPLOY, ["repo:Repository:environment:GitHubEnvironment"]),
        (PLAN, ["repo:Repository:pull_request", "repo:Repository:environment:GitHubEnvironment-plan"]),
    ],
)
def test_only_jobs_of_one_repository_and_environment_assume_a_role(bootstrap, role, subjects):
    [trust] = resolved(bootstrap["Resources"][role]["Properties"]["AssumeRolePolicyDocument"])["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Principal"]["Federated"].endswith(":oidc-provider/token.actions.githubusercontent.com")
    issuer = "token.actions.githubusercontent.com"
    assert trust["Condition"] == {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subjects}}


@pytest.mark.parametrize("name, wrong", [("Repository", "org/*"), ("Repository", "org"), ("GitHubEnvironment", "*")])
def test_what_the_trust_is_bound_to_has_no_wildcards(name, wrong):
    assert not re.search(template.PARAMETERS[name]["AllowedPattern"], wrong)


@pytest.mark.parametrize("name", ["dev", "staging", "prod", "pr-*", "p12345678"])
def test_names_of_environments(name):
    assert re.search(template.PARAMETERS["Environment"]["AllowedPattern"], name)


@pytest.mark.parametrize("name", ["*", "", "Dev", "d*v", "environment", "d*x*"])
def test_names_that_the_policies_could_not_tell_apart(name):
    assert not re.search(template.PARAMETERS["Environment"]["AllowedPattern"], name)


def test_a_plan_executes_deletes_and_overwrites_nothing(bootstrap):
    mine = allowed(bootstrap, PLAN)
    assert not {f"cloudformation:{verb}" for verb in ("ExecuteChangeSet", "DeleteStack", "RollbackStack")} & mine
    writes = {action for action in mine if not action.split(":")[1].startswith(("Get", "List", "Describe", "GET"))}
    drift = {"cloudformation:DetectStackDrift", "cloudformation:DetectStackResourceDrift"}
    assert writes - drift == {
        *("cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "s3:PutObject"),
        *("iam:PassRole", "iam:SimulatePrincipalPolicy"),
    }
    [upload] = [each for each in statements(bootstrap, PLAN) if each["Sid"] == "Upload"]
    assert upload["Condition"] == {"Null": {"s3:if-none-match": "false"}}


def test_a_deployer_touches_the_files_of_smoke_tests_only(bootstrap):
    bucket = "arn:aws:s3:::food-delivery-dev-datastack-uploads"
    for action in ("GetObject", "PutObject", "DeleteObject", "DeleteObjectVersion"):
        for key in ("orders/SMOKE-1.jsonl", "reports/orders/SMOKE-1.jsonl/1.json"):
            assert matching(bootstrap, DEPLOY, f"s3:{action}", f"{bucket}/{key}"), (action, key)
        for key in ("orders/partner.csv", "reports/orders/partner.csv/1.json"):
            assert not matching(bootstrap, DEPLOY, f"s3:{action}", f"{bucket}/{key}"), (action, key)


@pytest.mark.parametrize("role", [DEPLOY, PLAN])
def test_change_sets_are_made_with_the_service_role_only(bootstrap, role):
    [making] = [each for each in statements(bootstrap, role) if "cloudformation:CreateChangeSet" in each["Action"]]
    assert making["Condition"] == {"ArnEquals": {"cloudformation:RoleArn": OWN + SERVICE}}


def test_what_deploy_py_calls_is_allowed(bootstrap):
    """Whatever deployer/ calls, for commands that a pipeline runs; the rest is for --destroy."""
    extra = {action for each in deployer.destructions() for action in each.document["Action"]}
    mine = allowed(bootstrap, DEPLOY) | extra
    unlisted = {action for action in map(action_of, deployers()) if action not in mine}
    assert unlisted == {
        "sts:GetCallerIdentity",  # needs no permission
        *("apigateway:PATCH", "iam:DeleteRole", "iam:DetachRolePolicy", "iam:ListAttachedRolePolicies"),
    }, "a shared role for logs is deleted by people"


def deployers():
    for service, name, file in called():
        if file not in OPERATIONS | OF_PARTNERS:
            model = get_session().get_service_model(service)
            operation = next(each for each in model.operation_names if each.lower() == name.replace("_", ""))
            yield service, operation


OPERATIONS = {"dead_letters.py", "redrive.py", "fetch.py", "file_import.py"}
"""Files of operations/ for people: queues, logs and imports."""

OF_PARTNERS = {
    *("keys.py", "records.py", "granting.py", "revoking.py", "listing.py"),
    *("subscriptions.py", "subscriptions_command.py"),
}

_HTTP = {"create": "POST", "delete": "DELETE", "get": "GET", "update": "PATCH"}


def of_partners():
    return [resolved(each.document) for each in partner_policy.rights()]


def test_those_who_manage_partners_may_do_what_their_commands_call_and_nothing_else():
    mine = {action for each in of_partners() for action in each["Action"]}
    session, calls = get_session(), {(service, name) for service, name, file in called() if file in OF_PARTNERS}
    models = {service: session.get_service_model(service) for service, _ in calls}
    operations = {
        (service, next(each for each in models[service].operation_names if each.lower() == name.replace("_", "")))
        for service, name in calls
    }
    needed = {action_of(each) for each in operations} - {"sts:GetCallerIdentity"}
    assert mine - needed == {"apigateway:PUT", "cloudformation:DescribeStacks"}, "tags; the stack's outputs"
    assert needed <= mine


def test_only_the_collections_of_keys_and_plans_are_not_bound_to_one_environment():
    gateway = [each for each in of_partners() if each["Action"][0].startswith("apigateway")]
    unbound = {each["Sid"] for each in gateway if "Condition" not in each}
    assert unbound == {"ListKeys", "PlansOfKeys", "ReadUsage"}, "IAM knows no tags of a list; ids are random"
    for each in gateway:
        for values in each.get("Condition", {}).values():
            for key, value in values.items():
                assert (
                    value == {"Environment": "dev", "Project": "food-delivery", "Partner": "false"}[key.split("/")[1]]
                )


def test_a_deployer_reads_the_operators_key_and_no_partners(bootstrap):
    arn = "arn:aws:apigateway:us-east-1::/apikeys/abc123"
    [reading] = matching(bootstrap, DEPLOY, "apigateway:GET", arn)
    assert reading["Condition"]["Null"] == {"aws:ResourceTag/Partner": "true"}
    assert reading["Condition"]["StringLike"]["aws:ResourceTag/Environment"] == "dev"
    assert not matching(bootstrap, DEPLOY, "apigateway:GET", arn.rpartition("/")[0]), "the list has values"
    assert not matching(bootstrap, PLAN, "apigateway:GET", arn)


_NAMES = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:CopyObject": "s3:PutObject",  # and s3:GetObject
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:DeleteObjects": "s3:DeleteObjectVersion",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
}


def action_of(call):
    service, operation = call
    if service == "apigateway":
        return f"apigateway:{_HTTP[re.match('[A-Z][a-z]+', operation)[0].lower()]}"
    return _NAMES.get(f"{service}:{operation}", f"{service}:{operation}")


def test_every_policy_fits_with_the_longest_names(bootstrap):
    for name, policy in policies(bootstrap).items():
        document = policy["Properties"]["PolicyDocument"]["Statement"]
        assert packing.size([scopes.Statement(each) for each in document]) <= 6_144, name
    for role in (SERVICE, DEPLOY, PLAN):
        assert len(bootstrap["Resources"][role]["Properties"]["ManagedPolicyArns"]) <= 10, "IAM's quota"


def test_a_statement_more_makes_another_policy_and_moves_no_other():
    many = [scopes.Statement({"Sid": f"S{n}", "Effect": "Allow", "Action": ["x:" + "y" * 900]}) for n in range(20)]
    before, after = (
        [json.dumps(each.to_dict()) for each in packing.policies("P", "", many[:last])] for last in (19, 20)
    )
    assert len(before) == 4 and after[: len(before) - 1] == before[:-1]


def test_the_template_can_be_deployed_without_a_bucket():
    """As it is checked in: with its first line."""
    assert (ROOT / "bootstrap" / "pipeline-role.yaml").stat().st_size <= 51_200


def test_a_job_that_plans_in_its_own_environment_has_a_role_even_if_those_of_pull_requests_have_none(bootstrap):
    role = bootstrap["Resources"][PLAN]
    [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    [of_pull_requests, of_environment] = trust["Condition"]["StringEquals"][f"{template.ISSUER}:sub"]
    assert of_pull_requests["Fn::If"][0] == "Plans" and "Fn::Sub" in of_environment
    conditional = [name for name, each in policies(bootstrap).items() if "Condition" in each]
    assert "Condition" not in role and all(name.startswith("DestroyPolicy") for name in conditional)
