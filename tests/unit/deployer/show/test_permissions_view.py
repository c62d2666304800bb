"""Permission changes as lines, Markdown and JSON."""

import io
import json

from deployer.plan import permissions
from deployer.plan.snapshot import Snapshot
from deployer.show import permissions_view as view
from deployer.show.ui import Ui
from tests.unit.deployer.plan import trees


def add(*actions, condition=None):
    def change(bundle):
        role = bundle.children["ComputeStack"]["Resources"]["OrdersQueryRole"]["Properties"]
        extra = {"Effect": "Allow", "Action": list(actions), "Resource": {"Ref": "OrdersTableArn"}}
        role["Policies"][0]["PolicyDocument"]["Statement"].append(
            extra | ({"Condition": condition} if condition else {})
        )

    return change


def changes(change, back=False):
    sides = trees.real("dev"), trees.real("dev", change)
    return permissions.diff(*(reversed(sides) if back else sides))


def shown(value) -> list[str]:
    stream = io.StringIO()
    view.text(Ui(stream, interactive=False), value)
    return stream.getvalue().splitlines()


def test_actions_on_one_resource_share_a_line():
    assert shown(changes(add("dynamodb:Scan", "dynamodb:DeleteItem"))) == [
        "permissions",
        "  + ComputeStack/OrdersQueryRole may dynamodb:DeleteItem, dynamodb:Scan on DataStack/OrdersTable.Arn  [broadens]",
        "permissions: 2 broader",
    ]


def test_a_lost_permission_has_a_minus():
    assert shown(changes(add("dynamodb:Scan"), back=True))[1:] == [
        "  - ComputeStack/OrdersQueryRole may dynamodb:Scan on DataStack/OrdersTable.Arn",
        "permissions: 1 narrower",
    ]


def test_a_condition_is_shown():
    condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a", "b"]}}
    assert (
        "on DataStack/OrdersTable.Arn if dynamodb:LeadingKeys ForAllValues:StringEquals a or b"
        in (shown(changes(add("dynamodb:Scan", condition=condition)))[1])
    )


def test_a_permission_that_a_broader_one_covers_is_marked():
    (line,) = [line for line in shown(changes(add("dynamodb:*"))) if "dynamodb:*" in line]
    assert line.endswith("[broadens]")
    now = trees.real("dev", add("dynamodb:*"))
    then = trees.real("dev", add("dynamodb:*", "dynamodb:Scan"))
    assert shown(permissions.diff(now, then))[1].endswith("[no effect: a broader statement covers it]")


def test_boundaries_managed_policies_and_resource_policies_are_shown():
    def tree(**properties):
        document = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}
        queue_policy = {"Queues": [{"Ref": "Queue"}], "PolicyDocument": document if properties else {"Statement": []}}
        return trees.of(
            {
                "Role": {"Type": "AWS::IAM::Role", "Properties": properties},
                "Queue": {"Type": "AWS::SQS::Queue"},
                "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": queue_policy},
            }
        )

    then = tree(PermissionsBoundary="arn:b", ManagedPolicyArns=["arn:m"])
    assert shown(permissions.diff(tree(), then)) == [
        "permissions",
        "  + everyone may not sqs:* on * (policy of Queue)",
        "  + Role has the managed policy arn:m  [broadens]",
        "  + Role is bounded by arn:b",
        "permissions: 1 broader, 2 narrower",
    ]


def test_a_new_resource_s_denies_are_not_broader_and_shown_once():
    def change(bundle):
        resources = bundle.children["DataStack"]["Resources"]
        resources["NewQueue"] = {"Type": "AWS::SQS::Queue"}
        text = json.dumps(resources["OrderQueuePolicy"]).replace("OrderQueue", "NewQueue")
        resources["NewQueuePolicy"] = json.loads(text)

    assert shown(changes(change))[1:] == [
        "  + everyone may not sqs:* on DataStack/NewQueue.Arn if aws:SecureTransport Bool false",
        "permissions: 1 neither broader nor narrower",
    ]


def test_the_policy_s_owner_is_shown_unless_the_resource_shows_it():
    def change(bundle):
        resources = bundle.children["DataStack"]["Resources"]
        (deny,) = resources["OrderQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
        resources["OrderQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"] = [deny, {**deny, "Effect": "Allow"}]

    assert "  + everyone may sqs:* on DataStack/OrderQueue.Arn if aws:SecureTransport Bool false  [broadens]" in shown(
        changes(change)
    )


def test_a_first_creation_is_counted_by_holder():
    lines = shown(permissions.diff(Snapshot(), trees.real("dev")))
    assert "  + ComputeStack/OrdersQueryRole: 9 allowed" in lines
    assert "  + everyone: 13 denied or bounded" in lines
    assert len(lines) < 20
    assert lines[-1].endswith("there were none before")


def test_nothing_changed_shows_nothing():
    none = permissions.diff(trees.real("dev"), trees.real("dev"))
    assert shown(none) == []
    assert view.markdown(none) == ["No permission changes."]
    assert view.as_json(none)["changes"] == []


def test_markdown_is_a_diff():
    lines = view.markdown(changes(add("dynamodb:Scan")))
    assert lines[0] == "```diff"
    assert lines[1].startswith("+ ComputeStack/OrdersQueryRole may dynamodb:Scan")
    assert lines[2] == "```"


def test_json_has_every_grant():
    condition = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    report = view.as_json(changes(add("dynamodb:Scan", condition=condition)))
    assert json.loads(json.dumps(report)) == {
        "first": False,
        "broadens": 1,
        "narrows": 0,
        "changes": [
            {
                "change": "gained",
                "holder": "ComputeStack/OrdersQueryRole",
                "effect": "Allow",
                "action": "dynamodb:Scan",
                "resource": "DataStack/OrdersTable.Arn",
                "condition": {"StringEquals": {"aws:PrincipalOrgID": ["o-1"]}},
                "policyOf": "",
                "broadens": True,
                "narrows": False,
                "covered": False,
            }
        ],
    }
