"""What the caller may not do, asked before anything is changed, and never in the way itself."""

import pytest
from botocore.stub import ANY
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from deployer.plan.snapshot import Resource, Snapshot
from deployer.preflight import caller_permissions, findings
from generator import provider_schemas

USER = "arn:aws:iam::123456789012:user/team/ops"
SESSION = "arn:aws:sts::123456789012:assumed-role/Deployer/me"
ROLE = "arn:aws:iam::123456789012:role/ci/Deployer"


def tree(*kinds, **properties):
    return {kind: Resource((), kind, f"AWS::{kind}", properties) for kind in kinds}


TABLE = tree("DynamoDB::Table")


def answer(**decisions):
    """Keyword: action with __ for the colon."""
    results = []
    for action, decision in decisions.items():
        name = action.replace("__", ":").replace("_", "-")
        results.append({"EvalActionName": name, "EvalDecision": decision})
    return {"EvaluationResults": results, "IsTruncated": False}


def actions(now, then):
    return set(caller_permissions.needed(now, then, "us-east-1")) - set(caller_permissions.OWN)


def test_each_change_needs_what_its_kind_is_made_changed_and_removed_with():
    assert actions({}, TABLE) == {"dynamodb:CreateTable"}
    assert actions(TABLE, {}) == {"dynamodb:DeleteTable"}
    assert "dynamodb:UpdateTable" in actions(TABLE, tree("DynamoDB::Table", BillingMode="x"))
    assert actions(TABLE, TABLE) == set()


@pytest.mark.parametrize(
    "kind, properties, action",
    [
        ("Lambda::Function", {"Role": "x"}, "iam:PassRole"),
        ("Lambda::Function", {}, "lambda:CreateFunction"),
        ("ApiGateway::Method", {}, "apigateway:PUT"),
        ("CloudWatch::Alarm", {}, "cloudwatch:PutMetricAlarm"),
        ("IAM::Policy", {}, "iam:PutRolePolicy"),
        ("ApplicationAutoScaling::ScalableTarget", {}, "application-autoscaling:RegisterScalableTarget"),
    ],
)
def test_what_a_kind_cannot_do_without_is_among_it(kind, properties, action):
    assert action in actions({}, tree(kind, **properties))


def test_what_other_properties_would_need_is_not():
    assert actions({}, tree("Lambda::Function")) == {"lambda:CreateFunction"}
    assert actions({}, tree("WAFv2::WebACLAssociation")) == set()
    assert actions({}, tree("ApiGateway::Model")) == {"apigateway:POST"}, "reading is not asked about"


def test_the_schemas_are_those_that_cfn_lint_reads_itself():
    for kind in ("AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::ApiGateway::Stage"):
        theirs = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema["handlers"]
        assert provider_schemas.read(kind, "eu-west-1").get("handlers", {}) == theirs


def test_an_unknown_kind_or_region_needs_nothing_that_is_known():
    assert provider_schemas.read("Custom::Thing", "us-east-1").get("handlers", {}) == {}
    assert provider_schemas.read("AWS::SQS::Queue", "xx-nowhere-1").get("handlers", {}) == {}


def test_all_pages_count_and_what_is_denied_outright_comes_first(aws):
    iam = aws.stub("iam")
    first = answer(s3__PutObject="implicitDeny", dynamodb__CreateTable="allowed")
    expected = {"PolicySourceArn": USER, "ActionNames": ANY, "ContextEntries": ANY}
    iam.add_response("simulate_principal_policy", first | {"IsTruncated": True, "Marker": "2"}, expected)
    iam.add_response("simulate_principal_policy", answer(sns__CreateTopic="explicitDeny"), {**expected, "Marker": "2"})
    found = caller_permissions.check(aws, USER, "dev", {}, tree("DynamoDB::Table", "SNS::Topic"))
    assert found.warnings() == [
        "denied to you by a policy: sns:CreateTopic (AWS::SNS::Topic)",
        "not allowed to you on every resource: s3:PutObject (the deployer itself)",
    ]
    aws.done()


def test_a_session_is_asked_about_as_its_role_with_its_path(aws):
    iam = aws.stub("iam")
    role = {
        "Path": "/ci/",
        "RoleName": "Deployer",
        "RoleId": "R" * 16,
        "Arn": ROLE,
        "CreateDate": "2026-01-01T00:00:00Z",
    }
    iam.add_response("get_role", {"Role": role}, {"RoleName": "Deployer"})
    expected = {"PolicySourceArn": ROLE, "ActionNames": ANY, "ContextEntries": ANY}
    iam.add_response("simulate_principal_policy", answer(), expected)
    assert caller_permissions.check(aws, SESSION, "dev", {}, TABLE) == caller_permissions.Permissions()
    aws.done()


def test_a_hundred_actions_are_asked_at_a_time(aws, monkeypatch):
    monkeypatch.setattr(caller_permissions, "needed", lambda *_: {f"s3:A{number}": ("T",) for number in range(201)})
    sent = []
    client = aws.client("iam")
    client.meta.events.register("provide-client-params.iam.*", lambda params, **_: sent.append(params["ActionNames"]))
    for _ in range(3):
        aws.stub("iam").add_response("simulate_principal_policy", answer())
    caller_permissions.check(aws, USER, "dev", {}, TABLE)
    assert [len(names) for names in sent] == [100, 100, 1]


def test_what_hangs_on_circumstances_is_no_finding(aws):
    response = answer(s3__PutObject="explicitDeny")
    response["EvaluationResults"][0]["MissingContextValues"] = ["aws:MultiFactorAuthPresent"]
    aws.stub("iam").add_response("simulate_principal_policy", response)
    assert caller_permissions.check(aws, USER, "dev", {}, TABLE).warnings() == []


@pytest.mark.parametrize("caller", ["arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:federated-user/x"])
def test_whom_iam_does_not_simulate_is_not_checked(aws, caller):
    [warning] = caller_permissions.check(aws, caller, "dev", {}, TABLE).warnings()
    assert warning.startswith("permissions not checked: ") and caller in warning
    assert aws.clients == {}


@pytest.mark.parametrize("caller, operation", [(USER, "simulate_principal_policy"), (SESSION, "get_role")])
@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "InvalidInput"])
def test_a_denied_simulation_is_a_warning(aws, caller, operation, code):
    aws.stub("iam").add_client_error(operation, code, "words\nof theirs", 400)
    [warning] = caller_permissions.check(aws, caller, "dev", {}, TABLE).warnings()
    said = "missing permission: " if code == "AccessDenied" else "words of theirs"
    assert warning.startswith("permissions not checked: ") and said in warning


def test_the_emulator_is_not_asked(aws):
    aws.local = True
    assert caller_permissions.check(aws, USER, "dev", {}, TABLE) == caller_permissions.Permissions()
    assert aws.clients == {}


def test_many_denials_are_counted():
    many = tuple(caller_permissions.Denial(f"s3:A{number}", ("T", "U"), True) for number in range(8))
    [line] = caller_permissions.Permissions(many).warnings()
    assert line.endswith(" and 3 more") and "s3:A0 (T and 1 more)" in line


def test_names_and_permissions_are_asked_about_the_same_changes(aws):
    name = "/food-delivery/dev/x"
    then = {"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}}}
    aws.stub("logs").add_response("describe_log_groups", {"logGroups": [{"logGroupName": name}]})
    aws.stub("iam").add_response("simulate_principal_policy", answer(logs__CreateLogGroup="explicitDeny"))
    found = findings.check(aws, USER, "dev", Snapshot(), Snapshot(then))
    assert [each.name for each in found.conflicts] == [name]
    assert found.warnings == ("denied to you by a policy: logs:CreateLogGroup (AWS::Logs::LogGroup)",)


def test_no_change_asks_for_no_name(aws):
    then = {"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/x"}}}}
    aws.stub("iam").add_response("simulate_principal_policy", answer())
    findings.check(aws, USER, "dev", Snapshot(then), Snapshot(then))
    assert "logs" not in aws.clients


def test_a_service_role_is_asked_about_its_own_names_instead_of_the_caller(aws):
    aws.service_role = ROLE
    iam = aws.stub("iam")
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/food-delivery-dev-example"
    expected = {"PolicySourceArn": ROLE, "ActionNames": ["dynamodb:CreateTable"], "ContextEntries": ANY}
    said = answer(dynamodb__CreateTable="implicitDeny")
    iam.add_response("simulate_principal_policy", said, {**expected, "ResourceArns": [table]})
    [warning] = caller_permissions.check(aws, USER, "dev", {}, TABLE).warnings()
    assert warning.startswith("not allowed to the service role on every resource: dynamodb:CreateTable")
    aws.done()
