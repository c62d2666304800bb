"""Who may do what, before and after: every way to write the same rights is the same, and every widening is found."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.plan import permissions
from deployer.plan.grants import grants
from deployer.plan.resolve import Unknown
from deployer.plan.snapshot import Snapshot
from generator.functions import FUNCTIONS
from tests.unit.deployer.plan import trees
from tests.unit.deployer.plan.trees import of

TABLE_ARN = {"Fn::GetAtt": ["Table", "Arn"]}


def statement(action="dynamodb:GetItem", resource=TABLE_ARN, effect="Allow", **other):
    return {"Effect": effect, "Action": action, "Resource": resource, **other}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role(*statements, **properties):
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"Policies": [{"PolicyName": "p", "PolicyDocument": policy(*statements)}], **properties},
    }


def with_role(*statements, **properties):
    return of({"Role": role(*statements, **properties), "Table": {"Type": "AWS::DynamoDB::Table"}})


def with_queue_policy(*statements):
    """A queue, and what its own policy says."""
    document = {"Queues": [{"Ref": "Queue"}], "PolicyDocument": policy(*statements)}
    return of(
        {"Queue": {"Type": "AWS::SQS::Queue"}, "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": document}}
    )


def send(principal, **other):
    return {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Resource": "*", **other}


def seen(now, then):
    """(sign, holder, action, resource, broadens, narrows) of each change."""
    return [
        (
            "+" if change.gained else "-",
            change.grant.holder,
            str(change.grant.action),
            str(change.grant.resource),
            change.broadens,
            change.narrows,
        )
        for change in permissions.diff(now, then).changes
    ]


def test_an_action_more_is_gained_and_broadens():
    assert seen(with_role(statement()), with_role(statement(["dynamodb:GetItem", "dynamodb:Scan"]))) == [
        ("+", "Role", "dynamodb:Scan", "Table.Arn", True, False)
    ]


def test_a_policys_own_variable_is_text_and_no_reference():
    now, then = (
        with_role(statement(resource={"Fn::Sub": f"${{Table.Arn}}/{name}"})) for name in ("a", "${!aws:userid}")
    )
    assert [resource for sign, _, _, resource, *_ in seen(now, then) if sign == "+"] == ["${Table.Arn}/${aws:userid}"]


def test_an_action_less_is_lost_and_narrows():
    assert seen(with_role(statement(["dynamodb:GetItem", "dynamodb:Scan"])), with_role(statement())) == [
        ("-", "Role", "dynamodb:Scan", "Table.Arn", False, True)
    ]


def test_the_first_creation_differs_from_a_change():
    assert permissions.diff(Snapshot(), with_role(statement())).first
    assert not permissions.diff(with_role(), with_role(statement())).first


ONLY_HERE = {"StringEquals": {"aws:SourceAccount": "1", "aws:PrincipalOrgID": ["b", "a"]}}
SAME = {
    "scalar or list": (statement("a:B", "*"), statement(["a:B"], ["*"])),
    "case of an action": (statement("dynamodb:GetItem"), statement("DynamoDB:getitem")),
    "Sid": (statement(), statement(Sid="Why")),
    "an expression written otherwise": (statement(), statement(resource={"Fn::Sub": "${Table.Arn}"})),
    "GetAtt with a dot": (statement(), statement(resource={"Fn::GetAtt": "Table.Arn"})),
    "Join or Sub": (
        statement(resource={"Fn::Join": ["/", [TABLE_ARN, "index", "*"]]}),
        statement(resource={"Fn::Sub": "${Table.Arn}/index/*"}),
    ),
    "order of values": (
        statement(Condition=ONLY_HERE),
        statement(Condition={"StringEquals": {"AWS:PrincipalOrgId": ["a", "b"], "aws:sourceAccount": ["1"]}}),
    ),
    "order of what is excepted": (
        {"Effect": "Allow", "NotAction": ["a:A", "b:B"], "Resource": "*"},
        {"Effect": "Allow", "NotAction": ["b:b", "a:A"], "Resource": ["*"]},
    ),
}


@pytest.mark.parametrize("one, other", SAME.values(), ids=SAME)
def test_the_same_written_otherwise_is_no_change(one, other):
    assert grants(with_role(one))
    assert seen(with_role(one), with_role(other)) == []


ACCOUNT = "123456789012"
SAME_PRINCIPALS = {
    "everyone": ("*", {"AWS": "*"}),
    "an account": ({"AWS": ACCOUNT}, {"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]}),
    "this account": ({"AWS": {"Ref": "AWS::AccountId"}}, {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}),
    "services": (
        {"Service": ["b.amazonaws.com", "a.amazonaws.com"]},
        {"Service": ["a.amazonaws.com", "b.amazonaws.com"]},
    ),
}


@pytest.mark.parametrize("one, other", SAME_PRINCIPALS.values(), ids=SAME_PRINCIPALS)
def test_the_same_principal_written_otherwise_is_no_change(one, other):
    assert seen(with_queue_policy(send(one)), with_queue_policy(send(other))) == []


DENY = statement("*", "*", "Deny")
BROADER = {
    "another resource": (with_role(statement()), with_role(statement(resource="*"))),
    "a wildcard for an action": (with_role(statement()), with_role(statement("dynamodb:*"))),
    "a wildcard behind a resource": (
        with_role(statement()),
        with_role(statement(resource={"Fn::Sub": "${Table.Arn}*"})),
    ),
    "a condition dropped": (with_role(statement(Condition=ONLY_HERE)), with_role(statement())),
    "a value more in a condition": (
        with_role(statement(Condition={"StringEquals": {"k": "a"}})),
        with_role(statement(Condition={"StringEquals": {"k": ["a", "b"]}})),
    ),
    "a value less that is excluded": (
        with_role(statement(Condition={"StringNotEquals": {"k": ["a", "b"]}})),
        with_role(statement(Condition={"StringNotEquals": {"k": "a"}})),
    ),
    "a condition changed": (
        with_role(statement(Condition={"StringEquals": {"k": "a"}})),
        with_role(statement(Condition={"StringLike": {"k": "a"}})),
    ),
    "a Deny lost": (with_role(DENY), with_role()),
    "a Deny with a condition it had not": (with_role(DENY), with_role({**DENY, "Condition": ONLY_HERE})),
    "a Deny of less": (with_role(DENY), with_role(statement("a:*", "*", "Deny"))),
    "all but": (with_role(), with_role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})),
    "all but less": (
        with_role({"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}),
        with_role({"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}),
    ),
    "a managed policy": (with_role(), with_role(ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"])),
    "a boundary removed": (with_role(PermissionsBoundary="arn:b"), with_role()),
    "a boundary changed": (with_role(PermissionsBoundary="arn:b"), with_role(PermissionsBoundary="arn:c")),
    "who may assume it": (
        with_role(AssumeRolePolicyDocument=policy(send({"Service": "lambda.amazonaws.com"}))),
        with_role(AssumeRolePolicyDocument=policy(send({"Service": "lambda.amazonaws.com"}), send({"AWS": ACCOUNT}))),
    ),
    "another principal": (
        with_queue_policy(send({"Service": "a.amazonaws.com"})),
        with_queue_policy(send({"Service": ["a.amazonaws.com", "b.amazonaws.com"]})),
    ),
    "everyone for one": (with_queue_policy(send({"AWS": ACCOUNT})), with_queue_policy(send("*"))),
    "a policy that cannot be read": (
        with_role(),
        with_role(Policies=[{"PolicyName": "p", "PolicyDocument": {"Fn::Transform": {"Name": "x"}}}]),
    ),
}


@pytest.mark.parametrize("now, then", BROADER.values(), ids=BROADER)
def test_every_way_to_broaden_is_found_and_its_reverse_narrows(now, then):
    forth, back = permissions.diff(now, then), permissions.diff(then, now)
    assert forth.broadens
    assert back.narrows
    assert [change.grant for change in forth.broadens] == [change.grant for change in back.narrows]


NOT_BROADER = {
    "a name under a wildcard": (with_role(statement("dynamodb:*")), with_role(statement("dynamodb:Scan"))),
    "one resource of all": (with_role(statement(resource="*")), with_role(statement())),
    "a condition added": (with_role(statement()), with_role(statement(Condition=ONLY_HERE))),
    "a value less in a condition": (
        with_role(statement(Condition={"StringEquals": {"k": ["a", "b"]}})),
        with_role(statement(Condition={"StringEquals": {"k": "a"}})),
    ),
    "one of everyone": (with_queue_policy(send("*")), with_queue_policy(send({"AWS": ACCOUNT}))),
    "not among what is excepted": (
        with_role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
        with_role(statement("sqs:Send*", "*")),
    ),
    "a Deny more": (with_role(), with_role(DENY)),
    "a boundary more": (with_role(), with_role(PermissionsBoundary="arn:b")),
    "a Deny of the same and more": (with_role(statement("a:*", "*", "Deny")), with_role(DENY)),
    "a Deny that goes with what it protects": (with_queue_policy({**DENY, "Principal": "*"}), of({})),
}


@pytest.mark.parametrize("now, then", NOT_BROADER.values(), ids=NOT_BROADER)
def test_what_does_not_broaden_is_shown_but_not_held_against_it(now, then):
    changes = permissions.diff(now, then)
    assert changes.changes
    assert changes.broadens == ()


def test_a_wildcard_in_place_of_names_broadens_and_takes_nothing_away():
    changes = permissions.diff(with_role(statement(["a:B", "a:C"])), with_role(statement("a:*")))
    assert [str(change.grant.action) for change in changes.broadens] == ["a:*"]
    assert [str(grant.action) for grant in changes.lost] == ["a:B", "a:C"]
    assert changes.narrows == ()


def attached(kind, document="PolicyDocument", **properties):
    return of({"Role": role(), "Extra": {"Type": kind, "Properties": {document: policy(statement()), **properties}}})


TO_THE_ROLE = {
    "Policy": attached("AWS::IAM::Policy", Roles=[{"Ref": "Role"}]),
    "ManagedPolicy": attached("AWS::IAM::ManagedPolicy", Roles=[{"Ref": "Role"}]),
    "RolePolicy": attached("AWS::IAM::RolePolicy", RoleName={"Ref": "Role"}),
    "ManagedPolicyArns": of(
        {
            "Role": role(ManagedPolicyArns=[{"Ref": "Extra"}]),
            "Extra": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy(statement())}},
        }
    ),
    "by the role's name": of(
        {
            "Role": role(RoleName="reader"),
            "Extra": {
                "Type": "AWS::IAM::Policy",
                "Properties": {"Roles": ["reader"], "PolicyDocument": policy(statement())},
            },
        }
    ),
}


@pytest.mark.parametrize("tree", TO_THE_ROLE.values(), ids=TO_THE_ROLE)
def test_a_right_is_the_roles_wherever_it_is_written(tree):
    assert [(grant.holder, str(grant.action)) for grant in grants(tree)] == [("Role", "dynamodb:GetItem")]


def resource_policy(kind, name, value, **properties):
    return of({"It": {"Type": kind, "Properties": {name: value, **properties}}})


OPEN = policy(send("*"))
RESOURCE_POLICIES = {
    "queue": resource_policy("AWS::SQS::QueuePolicy", "PolicyDocument", OPEN, Queues=["q"]),
    "topic": resource_policy("AWS::SNS::TopicPolicy", "PolicyDocument", OPEN, Topics=["q"]),
    "bucket": resource_policy("AWS::S3::BucketPolicy", "PolicyDocument", OPEN, Bucket="q"),
    "key": resource_policy("AWS::KMS::Key", "KeyPolicy", OPEN),
    "logs, as text": resource_policy("AWS::Logs::ResourcePolicy", "PolicyDocument", json.dumps(OPEN)),
    "traces, as text": resource_policy("AWS::XRay::ResourcePolicy", "PolicyDocument", {"Fn::Sub": json.dumps(OPEN)}),
}


@pytest.mark.parametrize("tree", RESOURCE_POLICIES.values(), ids=RESOURCE_POLICIES)
def test_every_kind_of_resource_policy_is_read(tree):
    (change,) = permissions.diff(of({}), tree).broadens
    assert (change.grant.holder, str(change.grant.action)) == ("*", "sqs:SendMessage")
    assert change.grant.policy_of in ("q", "It")


def test_the_right_to_invoke_a_function_is_its_callers():
    invoke = {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": "Function"},
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]},
    }
    now = of({"May": {"Type": "AWS::Lambda::Permission", "Properties": invoke}})
    without = {name: value for name, value in invoke.items() if name != "SourceArn"}
    then = of({"May": {"Type": "AWS::Lambda::Permission", "Properties": without}})
    (grant,) = grants(now)
    assert (grant.holder, grant.policy_of) == ("events.amazonaws.com", "Function")
    assert [(test.shown, test.values) for test in grant.tests] == [("AWS:SourceArn", ("Rule.Arn",))]
    assert permissions.diff(now, then).broadens, "whichever rule may call it now"


def test_a_policy_that_is_switched_off_gives_nothing():
    tree = with_role(statement())
    tree.template["Resources"]["Role"]["Condition"] = "Never"
    off = Snapshot({**tree.template, "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}})
    assert grants(off) == frozenset()


def test_a_statement_that_hangs_on_a_parameter_comes_with_it():
    document = [statement(), {"Fn::If": ["Scans", statement("dynamodb:Scan"), {"Ref": "AWS::NoValue"}]}]

    def tree(value):
        made = of({"Role": role(*document)}, Scan=value)
        return Snapshot(
            {**made.template, "Conditions": {"Scans": {"Fn::Equals": [{"Ref": "Scan"}, "yes"]}}}, made.parameters
        )

    assert [change[2] for change in seen(tree("no"), tree("yes"))] == ["dynamodb:Scan"]


def test_the_right_to_invoke_is_the_same_by_name_and_by_arn():
    def tree(function):
        invoke = {"Action": "lambda:InvokeFunction", "FunctionName": function, "Principal": "events.amazonaws.com"}
        return of({"May": {"Type": "AWS::Lambda::Permission", "Properties": invoke}})

    assert seen(tree({"Ref": "Function"}), tree({"Fn::GetAtt": ["Function", "Arn"]})) == []


def test_what_one_queue_lets_everyone_do_another_does_not():
    def both(second):
        tree = with_queue_policy(send("*"))
        document = {"Queues": [{"Ref": "Other"}], "PolicyDocument": policy(*second)}
        tree.template["Resources"]["Second"] = {"Type": "AWS::SQS::QueuePolicy", "Properties": document}
        return tree

    (change,) = permissions.diff(both([]), both([send({"AWS": ACCOUNT})])).broadens
    assert change.grant.policy_of == "Other"


def test_a_resource_without_a_policy_gives_nothing():
    assert grants(of({"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "orders"}}})) == frozenset()


def nested(child, parameters, values=None):
    """A root with one nested stack, which gets `parameters` and has them as `values` once it is deployed."""
    stack = {"Type": "AWS::CloudFormation::Stack", "Properties": {"Parameters": parameters}}
    known = {name: (values or {}).get(name, Unknown(name)) for name in parameters}
    template = {"Parameters": {name: {"Type": "String"} for name in parameters}, **child}
    return Snapshot({"Resources": {"Child": stack, "Table": {}}}, {}, {"Child": Snapshot(template, known)})


def test_the_name_of_a_stack_is_its_own():
    child = {"Resources": {"Role": role(statement(resource={"Fn::Sub": "arn:${AWS::Region}:${AWS::StackName}-q"}))}}
    (grant,) = grants(nested(child, {}))
    assert (grant.holder, str(grant.resource)) == ("Child/Role", "arn:${AWS::Region}:${Child/AWS::StackName}-q")


def test_a_statement_with_an_undecided_condition_counts():
    def tree(action, values=None):
        document = [{"Fn::If": ["HasTable", statement("a:C", "*"), statement(action, "*")]}]
        rule = {"HasTable": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, ""]}]}}
        child = {"Conditions": rule, "Resources": {"Role": role(*document)}}
        return nested(child, {"Name": {"Fn::GetAtt": ["Table", "Name"]}}, values)

    assert permissions.diff(tree("a:B"), tree("a:*")).broadens
    assert permissions.diff(tree("a:B"), tree("a:B")).changes == ()
    for name, action in (("orders-1", "a:C"), ("", "a:B")):  # decided, once it is deployed
        assert [str(grant.action) for grant in grants(tree("a:B", {"Name": name}))] == [action]


# --- any set of statements ------------------------------------------------------------------------

ACTIONS = st.sampled_from(["a:Get", "a:Put", "a:*", "b:Get", "b:List*"])
RESOURCES = st.sampled_from(["*", "arn:1", "arn:2", "arn:*", {"Fn::GetAtt": ["Table", "Arn"]}])
CONDITIONS = st.sampled_from([{}, {"StringEquals": {"k": "v"}}, {"StringEquals": {"k": ["v", "w"]}}])
SINGLE = st.tuples(st.sampled_from(["Allow", "Allow", "Deny"]), ACTIONS, RESOURCES, CONDITIONS)
SINGLES = st.lists(SINGLE, max_size=6)


def single(effect, action, resource, condition):
    return statement(action, resource, effect, **({"Condition": condition} if condition else {}))


@given(SINGLES, st.randoms())
def test_reordering_merging_and_splitting_statements_changes_nothing(singles, random):
    apart = [single(*each) for each in singles]
    merged = []
    for key, group in itertools.groupby(sorted(singles, key=repr), key=lambda each: repr((each[0], each[2], each[3]))):
        members = list(group)
        assert key
        effect, _, resource, condition = members[0]
        merged.append(single(effect, [each[1] for each in members], [resource], condition))
    random.shuffle(merged)
    assert permissions.diff(with_role(*apart), with_role(*merged)).changes == ()


@given(SINGLES, SINGLE)
def test_a_statement_more_broadens_exactly_if_it_allows_what_was_not(singles, extra):
    now, then = (
        with_role(*(single(*each) for each in singles)),
        with_role(*(single(*each) for each in [*singles, extra])),
    )
    (new,) = grants(with_role(single(*extra)))
    covered = any(permissions.covers(old, new) for old in grants(now))
    forth, back = permissions.diff(now, then), permissions.diff(then, now)
    assert bool(forth.broadens) == (extra[0] == "Allow" and not covered)
    assert bool(forth.narrows) == (extra[0] == "Deny" and not covered)
    assert [change.grant for change in back.narrows] == [change.grant for change in forth.broadens]


PATTERN = st.text("ab*?", max_size=4)
WORDS = [("".join(letters)) for length in range(5) for letters in itertools.product("abc", repeat=length)]


@given(PATTERN, PATTERN)
def test_a_pattern_that_is_said_to_include_another_does(wide, narrow):
    if permissions._matches(wide, narrow):
        assert {word for word in WORDS if permissions._matches(narrow, word)} <= {
            word for word in WORDS if permissions._matches(wide, word)
        }


@given(PATTERN, PATTERN)
def test_patterns_meet_exactly_if_a_word_is_in_both(left, right):
    both = any(permissions._matches(left, word) and permissions._matches(right, word) for word in WORDS)
    assert permissions._meet(left, right) == both or len(left.replace("*", "")) + len(right.replace("*", "")) > 4


# --- the real templates -----------------------------------------------------------------------------


def widen(logical_id, action):
    """Another action for the first statement of a role."""

    def change(bundle):
        resources = bundle.children["ComputeStack"]["Resources"]
        resources[logical_id]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Action"].append(action)

    return change


def test_the_same_templates_change_no_permission_even_as_siblings_become_known():
    first = trees.real("dev")
    assert permissions.diff(first, first).changes == ()
    deployed = Snapshot(
        first.template,
        first.parameters,
        {
            name: Snapshot(
                child.template,
                {key: f"arn:{key}" if not isinstance(value, str) else value for key, value in child.parameters.items()},
            )
            for name, child in first.children.items()
        },
    )
    assert permissions.diff(deployed, trees.real("dev", now=deployed)).changes == ()


def test_an_action_added_to_a_role_of_the_generators_is_named():
    then = trees.real("dev", widen("OrdersQueryRole", "dynamodb:Scan"))
    assert seen(trees.real("dev"), then) == [
        ("+", "ComputeStack/OrdersQueryRole", "dynamodb:Scan", "DataStack/OrdersTable.Arn", True, False)
    ]


def test_an_output_that_comes_to_mean_more_is_seen_in_who_gets_it():
    def change(bundle):
        bundle.children["DataStack"]["Outputs"]["OrderQueueArn"]["Value"] = "*"

    broader = permissions.diff(trees.real("dev"), trees.real("dev", change)).broadens
    assert {str(change.grant.resource) for change in broader} == {"*"}
    assert {change.grant.holder for change in broader} >= {
        "ComputeStack/OrdersIntakeRole",
        "ComputeStack/OrdersWorkerRole",
    }


def test_everything_of_an_environment_can_be_read():
    found = grants(trees.real("prod", ManageApiGatewayAccount="true"))
    assert len({grant.holder for grant in found if grant.holder.endswith("Role")}) == len(FUNCTIONS) + 2, (
        "those of the functions, of API Gateway and of CodeDeploy"
    )
    text = " ".join(f"{grant.holder} {grant.action} {grant.resource} {grant.tests}" for grant in found)
    assert "cannot be read" not in text
    assert "Fn::" not in text and "Unknown" not in text
