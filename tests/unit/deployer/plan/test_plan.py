"""The plan from plain dicts: what changes, what is replaced, what only looks as if; and the guard over it."""

import copy
import json

import pytest

from deployer.plan import compare as plan
from deployer.plan import guard
from deployer.plan.changes import Action, Hidden, Replaces, Unknown
from deployer.plan.properties import Secret
from deployer.plan.resolve import Scope, has_unknown
from deployer.plan.snapshot import Snapshot, desired
from deployer.plan.templates import Bundle

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "Retain",
    "Properties": {
        "BillingMode": {"Ref": "Billing"},
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}}
BUCKET = {"Type": "AWS::S3::Bucket", "Condition": "HasBucket", "Properties": {}}
DATA = {
    "Parameters": {"Billing": {"Type": "String"}, "Bucket": {"Type": "String", "Default": "yes"}},
    "Conditions": {"HasBucket": {"Fn::Equals": [{"Ref": "Bucket"}, "yes"]}},
    "Resources": {"OrdersTable": TABLE, "Queue": QUEUE, "Upload": BUCKET},
}
COMPUTE = {
    "Parameters": {"Table": {"Type": "String"}, "Key": {"Type": "String"}},
    "Resources": {
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"S3Key": {"Ref": "Key"}},
                "Environment": {"Variables": {"TABLE": {"Ref": "Table"}}},
            },
        }
    },
}
ROOT = {
    "Parameters": {"BillingMode": {"Type": "String"}, "Key": {"Type": "String"}},
    "Resources": {
        "DataStack": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": "u/data", "Parameters": {"Billing": {"Ref": "BillingMode"}}},
        },
        "ComputeStack": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {
                "TemplateURL": "u/compute",
                "Parameters": {"Table": {"Fn::GetAtt": ["DataStack", "Outputs.Name"]}, "Key": {"Ref": "Key"}},
            },
        },
    },
}
VALUES = {"BillingMode": "PAY_PER_REQUEST", "Key": "packages/1.zip"}
DEPLOYED = Snapshot(
    ROOT,
    VALUES,
    {
        "DataStack": Snapshot(DATA, {"Billing": "PAY_PER_REQUEST", "Bucket": "yes"}),
        "ComputeStack": Snapshot(COMPUTE, {"Table": "orders-1", "Key": "packages/1.zip"}),
    },
)


def wanted(data=DATA, compute=COMPUTE, root=ROOT, now=DEPLOYED, **values):
    children = {"DataStack": data, "ComputeStack": compute}
    children = {name: template for name, template in children.items() if name in root["Resources"]}
    bodies = {name: json.dumps(template) for name, template in children.items()}
    return desired(Bundle("key", "", root, "url", bodies, {name: name for name in children}), {**VALUES, **values}, now)


def edited(template, path, value):
    """A copy of the template with one place changed; `value` None deletes it."""
    changed = copy.deepcopy(template)
    *parents, last = path.split(".")
    node = changed
    for part in parents:
        node = node.setdefault(part, {})
    if value is None:
        del node[last]
    else:
        node[last] = value
    return changed


def changes(then):
    return {change.path: change for change in plan.make(DEPLOYED, then).changes}


def dangers(then, allowed=()):
    return {danger.change.path: danger for danger in guard.dangers(plan.make(DEPLOYED, then), allowed)}


def test_the_same_templates_and_parameters_change_nothing():
    assert changes(wanted()) == {}


def test_everything_is_added_to_nothing():
    made = plan.make(Snapshot(), wanted(now=Snapshot()))
    assert {change.action for change in made.changes} == {Action.ADD}
    assert [change.path for change in made.changes] == [
        "ComputeStack",
        "DataStack",
        "ComputeStack/Function",
        "DataStack/OrdersTable",
        "DataStack/Queue",
        "DataStack/Upload",
    ]


def test_a_new_package_modifies_the_function_alone():
    made = changes(wanted(Key="packages/2.zip"))
    assert {path: (change.action, change.properties) for path, change in made.items()} == {
        "ComputeStack/Function": (Action.MODIFY, ("Code",)),
    }


def test_a_siblings_output_fed_as_before_counts_as_unchanged():
    then = wanted()
    assert then.children["ComputeStack"].parameters["Table"] == "orders-1"


def test_a_siblings_output_fed_anew_is_unknown():
    then = wanted(
        root=edited(
            ROOT, "Resources.ComputeStack.Properties.Parameters.Table", {"Fn::GetAtt": ["DataStack", "Outputs.Other"]}
        )
    )
    assert changes(then)["ComputeStack/Function"].properties == ("Environment",)


def test_a_changed_secret_is_reported_and_not_shown():
    """Also as part of another value, in a nested stack, and where it replaces the resource."""

    def tree(password):
        root = copy.deepcopy(ROOT)
        root["Parameters"]["Password"] = {"Type": "String", "NoEcho": True}
        root["Resources"]["DataStack"]["Properties"]["Parameters"]["Password"] = {"Ref": "Password"}
        data = copy.deepcopy(DATA)
        data["Parameters"]["Password"] = {"Type": "String", "NoEcho": True}
        data["Resources"]["Queue"]["Properties"]["QueueName"] = {"Fn::Sub": "orders-${Password}"}
        return wanted(data=data, root=root, Password=password)

    [change] = plan.make(tree("s3cret"), tree("other")).changes
    [difference] = change.differences
    assert (difference.path, difference.before, difference.after) == ("QueueName", Hidden(), Hidden())
    assert difference.replaces is Replaces.CERTAINLY and change.action is Action.REPLACE
    assert plan.make(tree("s3cret"), tree("s3cret")).changes == ()


def test_only_the_attributes_new_type_replaces_the_table_not_the_attribute_beside_it():
    definitions = [{"AttributeName": "id", "AttributeType": "N"}, {"AttributeName": "at", "AttributeType": "S"}]
    made = changes(wanted(data=edited(DATA, "Resources.OrdersTable.Properties.AttributeDefinitions", definitions)))
    assert {found.path: found.replaces for found in made["DataStack/OrdersTable"].differences} == {
        "AttributeDefinitions[AttributeName=id].AttributeType": Replaces.CERTAINLY,
        "AttributeDefinitions[AttributeName=at]": Replaces.NO,
    }


REPLACEMENTS = {
    "key schema": (
        "Resources.OrdersTable.Properties.KeySchema",
        [{"AttributeName": "orderId", "KeyType": "HASH"}],
        "OrdersTable",
    ),
    "attribute type": (
        "Resources.OrdersTable.Properties.AttributeDefinitions",
        [{"AttributeName": "id", "AttributeType": "N"}],
        "OrdersTable",
    ),
    "table name": ("Resources.OrdersTable.Properties.TableName", "orders", "OrdersTable"),
    "local index": ("Resources.OrdersTable.Properties.LocalSecondaryIndexes", [{"IndexName": "i"}], "OrdersTable"),
    "queue name": ("Resources.Queue.Properties.QueueName", "orders", "Queue"),
    "fifo": ("Resources.Queue.Properties.FifoQueue", True, "Queue"),
    "bucket name": ("Resources.Upload.Properties.BucketName", "orders", "Upload"),
    "other type": ("Resources.Queue.Type", "AWS::SNS::Topic", "Queue"),
}
REMOVALS = {
    "table gone": ("Resources.OrdersTable", None, "OrdersTable"),
    "bucket gone": ("Resources.Upload", None, "Upload"),
    "condition false": ("Parameters.Bucket.Default", "no", "Upload"),
}


@pytest.mark.parametrize("path, value, victim", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_every_way_to_replace_data_is_found(path, value, victim):
    found = dangers(wanted(data=edited(DATA, path, value)))
    assert found.keys() == {f"DataStack/{victim}"}
    assert found[f"DataStack/{victim}"].change.action is Action.REPLACE
    assert not found[f"DataStack/{victim}"].allowed


@pytest.mark.parametrize("path, value, victim", REMOVALS.values(), ids=REMOVALS)
def test_every_way_to_delete_data_is_found(path, value, victim):
    found = dangers(wanted(data=edited(DATA, path, value)))
    assert found.keys() == {f"DataStack/{victim}"}
    assert found[f"DataStack/{victim}"].change.action is Action.REMOVE


def test_a_usage_plan_with_keys_of_partners_goes_only_by_name_and_the_plan_says_what_to_do_first():
    """As with a rollback to a version without partners, whose functions take every key for the operator's."""
    usage_plan = {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"UsagePlanName": "standard"}}
    before = wanted(data=edited(DATA, "Resources.StandardUsagePlan", usage_plan))
    [danger] = guard.dangers(plan.make(before, wanted()))
    assert not danger.allowed
    assert "first revoke the keys of partners in it (--partners, --partner-revoke)" in str(danger)
    changed = edited(DATA, "Resources.StandardUsagePlan", usage_plan | {"Properties": {"UsagePlanName": "other"}})
    assert not guard.dangers(plan.make(before, wanted(data=changed)))


def test_removing_a_nested_stack_endangers_all_the_data_in_it():
    then = wanted(root=edited(ROOT, "Resources.DataStack", None))
    assert dangers(then).keys() == {"DataStack/OrdersTable", "DataStack/Queue", "DataStack/Upload"}


def test_switching_a_nested_stack_off_is_removing_it():
    root = edited(ROOT, "Resources.DataStack.Condition", "Never")
    root["Conditions"] = {"Never": {"Fn::Equals": ["a", "b"]}}
    assert dangers(wanted(root=root)).keys() == {"DataStack/OrdersTable", "DataStack/Queue", "DataStack/Upload"}


HARMLESS = {
    "billing mode": ("Resources.OrdersTable.Properties.BillingMode", "PROVISIONED"),
    "another attribute": (
        "Resources.OrdersTable.Properties.AttributeDefinitions",
        [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "customerId", "AttributeType": "S"}],
    ),
    "a global index": ("Resources.OrdersTable.Properties.GlobalSecondaryIndexes", [{"IndexName": "i"}]),
    "timeout": ("Resources.Queue.Properties.VisibilityTimeout", 90),
    "standard said aloud": ("Resources.Queue.Properties.FifoQueue", False),
    "encryption": ("Resources.Upload.Properties.BucketEncryption", {}),
    "policy": ("Resources.OrdersTable.DeletionPolicy", "Delete"),
    "why a finding of the scanner stands": (
        "Resources.OrdersTable.Metadata",
        {"checkov": {"skip": [{"id": "CKV_AWS_119", "comment": "why"}]}},
    ),
    "another queue": ("Resources.Second", QUEUE),
}


@pytest.mark.parametrize("path, value", HARMLESS.values(), ids=HARMLESS)
def test_what_is_done_in_place_is_shown_but_not_guarded(path, value):
    then = wanted(data=edited(DATA, path, value))
    assert changes(then)
    assert not dangers(then)


def test_a_name_that_hangs_on_the_unknown_may_replace():
    root = edited(
        ROOT, "Resources.DataStack.Properties.Parameters.QueueName", {"Fn::GetAtt": ["ComputeStack", "Outputs.Q"]}
    )
    data = edited(
        edited(DATA, "Parameters.QueueName", {"Type": "String"}),
        "Resources.Queue.Properties.QueueName",
        {"Ref": "QueueName"},
    )
    assert dangers(wanted(data=data, root=root))["DataStack/Queue"].change.action is Action.MAY_REPLACE


@pytest.mark.parametrize("name", ["OrdersTable", "DataStack/OrdersTable"])
def test_only_the_named_resource_is_allowed(name):
    data = edited(edited(DATA, "Resources.OrdersTable", None), "Resources.Queue", None)
    found = dangers(wanted(data=data), allowed={name})
    assert {path: danger.allowed for path, danger in found.items()} == {
        "DataStack/OrdersTable": True,
        "DataStack/Queue": False,
    }


def test_the_message_says_what_is_kept():
    found = dangers(wanted(data=edited(DATA, "Resources.OrdersTable", None)))
    assert "kept outside the stack" in str(found["DataStack/OrdersTable"])


# --- what it all rests on -------------------------------------------------------------------------


TEMPLATE = {
    "Parameters": {"Env": {"Type": "String"}, "Origins": {"Type": "CommaDelimitedList"}, "Late": {"Type": "String"}},
    "Mappings": {"Size": {"prod": {"Memory": 1024}}},
    "Conditions": {
        "IsProd": {"Fn::Equals": [{"Ref": "Env"}, "prod"]},
        "NotProd": {"Fn::Not": [{"Condition": "IsProd"}]},
        "Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "Open"}]},
        "Open": {"Fn::Equals": [{"Ref": "Late"}, "x"]},
        "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "Open"}]},
    },
}
SCOPE = Scope(TEMPLATE, {"Env": "prod", "Origins": "a, b", "Late": Unknown("late")})
RESOLVED = [
    ({"Ref": "Env"}, "prod"),
    ({"Ref": "Origins"}, ["a", "b"]),
    ({"Ref": "Table"}, {"Ref": "Table"}),
    ({"Fn::Sub": "x-${Env}"}, "x-prod"),
    ({"Fn::Sub": "${Table}-${Env}-${!Literal}"}, {"Fn::Sub": "${Table}-prod-${!Literal}"}),
    ({"Fn::Sub": ["${A}/${Env}", {"A": {"Ref": "Env"}}]}, "prod/prod"),
    ({"Fn::Join": ["-", ["a", {"Ref": "Env"}]]}, "a-prod"),
    ({"Fn::Join": ["-", ["a", {"Ref": "Table"}]]}, {"Fn::Join": ["-", ["a", {"Ref": "Table"}]]}),
    ({"Fn::If": ["IsProd", 1, 2]}, 1),
    ({"A": {"Fn::If": ["NotProd", 1, {"Ref": "AWS::NoValue"}]}, "B": 1}, {"B": 1}),
    ([{"Fn::If": ["NotProd", 1, {"Ref": "AWS::NoValue"}]}, 2], [2]),
    ({"Fn::Select": [1, {"Fn::Split": [",", "a,b"]}]}, "b"),
    ({"Fn::FindInMap": ["Size", {"Ref": "Env"}, "Memory"]}, 1024),
]


@pytest.mark.parametrize("node, expected", RESOLVED)
def test_intrinsics_are_evaluated_as_far_as_they_are_known(node, expected):
    assert SCOPE.resolve(node) == expected


@pytest.mark.parametrize(
    "node",
    [
        {"Ref": "Late"},
        {"Fn::Sub": "${Late}"},
        {"Fn::Join": ["", [{"Ref": "Late"}]]},
        {"Fn::If": ["Open", 1, 2]},
        {"Fn::Select": [0, [{"Ref": "Late"}]]},
        {"Fn::Split": [",", {"Ref": "Late"}]},
        {"Fn::FindInMap": ["Size", {"Ref": "Late"}, "Memory"]},
    ],
)
def test_the_unknown_spreads(node):
    assert has_unknown(SCOPE.resolve(node))


def test_conditions_know_three_answers():
    assert [SCOPE.condition(name) for name in ("IsProd", "NotProd", "Either", "Open", "Both", "")] == [
        True,
        False,
        True,
        None,
        None,
        None,
    ]


def test_what_is_made_from_a_secret_is_one():
    template = {
        "Parameters": {
            "Password": {"Type": "String", "NoEcho": True},
            "Keys": {"Type": "CommaDelimitedList", "NoEcho": "true"},
        }
    }
    scope = Scope(template, {"Password": "s3cret", "Keys": "a,b"})
    made = [
        scope.resolve({"Ref": "Password"}),
        scope.resolve({"Fn::Sub": "user:${Password}"}),
        scope.resolve({"Fn::Sub": ["user:${P}", {"P": {"Ref": "Password"}}]}),
        scope.resolve({"Fn::Join": [":", ["user", {"Ref": "Password"}]]}),
        scope.resolve({"Fn::Select": [0, {"Fn::Split": ["3", {"Ref": "Password"}]}]}),
        *scope.resolve({"Ref": "Keys"}),
    ]
    assert made == ["s3cret", "user:s3cret", "user:s3cret", "user:s3cret", "s", "a", "b"]
    assert all(isinstance(value, Secret) for value in made)


SYMBOLIC = [
    {"Fn::Sub": "${Table}/x"},
    {"Fn::Sub": ["${T}/x", {"T": {"Ref": "Table"}}]},
    {"Fn::Sub": ["${T}", {"T": {"Fn::Sub": "${Table}/x"}}]},
]


@pytest.mark.parametrize("node", SYMBOLIC)
def test_a_substitution_is_one_text_however_its_names_are_given(node):
    assert SCOPE.resolve(node) == {"Fn::Sub": "${Table}/x"}
