"""What the change set adds to the plan, and what it says that is not so."""

import copy

import pytest

from deployer.plan import compare, guard
from deployer.plan.changes import ABSENT, Action, Detail, Replaces, Unknown, Verdict
from deployer.plan.snapshot import Snapshot
from deployer.plan.verdicts import KNOWN_LATER
from tests.unit.deployer.plan.test_plan import DATA, DEPLOYED, ROOT, VALUES, edited, wanted


def verdict(logical_id="OrdersTable", kind="AWS::DynamoDB::Table", stack=("DataStack",), **other):
    return Verdict(stack, logical_id, kind, **{"action": "Modify", **other})


def detail(name="TableName", **other):
    return Detail("Properties", name, **{"path": f"/Properties/{name}", "direct": True, **other})


QUEUE = ("Queue", "AWS::SQS::Queue")
SLOWER = edited(DATA, "Resources.Queue.Properties.VisibilityTimeout", 90)
RULE = {"Type": "AWS::Events::Rule", "Properties": {"EventBusName": "a", "State": "ENABLED"}}


def planned(then, *verdicts, now=DEPLOYED):
    return {change.path: change for change in compare.make(now, then, verdicts).changes}


def test_a_conditional_replacement_of_an_unchanged_table_is_a_false_alarm():
    made = compare.make(DEPLOYED, wanted(), [verdict(replacement="Conditional", details=(detail(direct=False),))])
    assert made.changes == () and made.phantoms == 1
    assert not guard.dangers(made)


def test_a_reference_that_is_merely_not_known_yet_replaces_nothing():
    """CloudFormation says so of a bucket's policy on every deployment: its bucket is KNOWN_AFTER_APPLY."""
    later = detail("Bucket", before="uploads-1", after=KNOWN_LATER, recreation="Always", direct=False)
    policy = verdict("Policy", "AWS::S3::BucketPolicy", replacement="True", details=(later,))
    made = compare.make(DEPLOYED, wanted(), [policy])
    assert made.changes == () and made.phantoms == 1


def test_nor_does_it_beside_a_real_change():
    later = detail("QueueName", before="orders", after=KNOWN_LATER, recreation="Always", direct=False)
    slower = detail("VisibilityTimeout", before="60", after="90", recreation="Never")
    change = planned(wanted(data=SLOWER), verdict(*QUEUE, replacement="True", details=(later, slower)))[
        "DataStack/Queue"
    ]
    assert change.action is Action.MODIFY
    assert [found.path for found in change.differences] == ["VisibilityTimeout"]


def test_a_certain_replacement_that_only_the_service_sees_is_guarded():
    seen = detail(before="orders", after="orders-2", recreation="Always")
    plan = compare.make(DEPLOYED, wanted(), [verdict(replacement="True", details=(seen,))])
    [danger] = guard.dangers(plan)
    assert danger.change.action is Action.REPLACE
    [difference] = danger.change.differences
    assert (difference.path, difference.before, difference.after) == ("TableName", "orders", "orders-2")


def test_a_replacement_without_any_detail_is_at_least_possible():
    assert planned(wanted(), verdict(replacement="True"))["DataStack/OrdersTable"].action is Action.MAY_REPLACE


def test_a_value_fed_from_outside_is_shown_with_both_values():
    """A parameter of type AWS::SSM::Parameter::Value: its template and its value stay the same."""
    seen = detail("Value", path="/Properties/Value", before="old", after="new", recreation="Never")
    change = planned(wanted(), verdict("Setting", "AWS::SSM::Parameter", details=(seen,)))["DataStack/Setting"]
    [difference] = change.differences
    assert change.action is Action.MODIFY
    assert (difference.path, difference.before, difference.after) == ("Value", "old", "new")


@pytest.mark.parametrize("path", ["/Tags/0/Value", "/Properties/Tags/0/Value"])
def test_what_only_the_service_sees_stands_beside_what_we_see(path):
    tags = Detail("Tags", path=path, before="a", after="b", direct=True)
    slower = detail("VisibilityTimeout", before="60", after="90", recreation="Never")
    change = planned(wanted(data=SLOWER), verdict(*QUEUE, details=(slower, tags)))["DataStack/Queue"]
    assert [found.path for found in change.differences] == ["VisibilityTimeout", "Tags[0].Value"]


def test_the_service_can_make_a_modification_a_replacement():
    always = detail("VisibilityTimeout", before="60", after="90", recreation="Always")
    listed = verdict(*QUEUE, replacement="True", details=(always,))
    change = planned(wanted(data=SLOWER), listed)["DataStack/Queue"]
    assert change.action is Action.REPLACE
    assert change.differences[0].replaces is Replaces.CERTAINLY
    without = planned(wanted(data=SLOWER), verdict(*QUEUE, replacement="True"))["DataStack/Queue"]
    assert without.action is Action.REPLACE


def with_rule(bus):
    data = copy.deepcopy(DATA)
    data["Resources"]["Rule"] = copy.deepcopy(RULE)
    data["Resources"]["Rule"]["Properties"]["EventBusName"] = bus
    return data


NOW = Snapshot(
    ROOT,
    VALUES,
    {**DEPLOYED.children, "DataStack": Snapshot(with_rule("a"), DEPLOYED.children["DataStack"].parameters)},
)


def test_the_services_word_settles_what_is_merely_possible():
    then = wanted(data=with_rule("b"), now=NOW)
    place = "DataStack/Rule"
    bus = {"before": "a", "after": "b"}
    rule = ("Rule", "AWS::Events::Rule")
    assert planned(then, now=NOW)[place].action is Action.MAY_REPLACE
    always = verdict(*rule, replacement="True", details=(detail("EventBusName", recreation="Always", **bus),))
    assert planned(then, always, now=NOW)[place].action is Action.REPLACE
    never = verdict(*rule, replacement="False", details=(detail("EventBusName", recreation="Never", **bus),))
    assert planned(then, never, now=NOW)[place].action is Action.MODIFY
    unsure = verdict(
        *rule, replacement="Conditional", details=(detail("EventBusName", recreation="Conditionally", **bus),)
    )
    assert planned(then, unsure, now=NOW)[place].action is Action.MAY_REPLACE


def test_what_we_hold_for_certain_the_service_does_not_soften():
    then = wanted(data=edited(DATA, "Resources.Queue.Properties.QueueName", "orders"))
    listed = verdict(*QUEUE, replacement="False", details=(detail("QueueName", recreation="Never"),))
    assert planned(then, listed)["DataStack/Queue"].action is Action.REPLACE


def test_a_removal_that_only_the_service_sees_is_guarded():
    [danger] = guard.dangers(compare.make(DEPLOYED, wanted(), [verdict(action="Remove")]))
    assert danger.change.action is Action.REMOVE


def test_an_untouched_sibling_that_is_called_modified_stays_hidden():
    sibling = verdict("DataStack", "AWS::CloudFormation::Stack", ())
    assert compare.make(DEPLOYED, wanted(), [sibling]).changes == ()


def test_a_disabled_resource_is_not_planned_even_if_the_change_set_lists_it():
    data = edited(DATA, "Parameters.Bucket.Default", "no")
    now = Snapshot(
        ROOT, VALUES, {**DEPLOYED.children, "DataStack": Snapshot(data, {"Billing": "PAY_PER_REQUEST", "Bucket": "no"})}
    )
    off = verdict("Upload", "AWS::S3::Bucket", action="Add")
    assert compare.make(now, wanted(data=data, now=now), [off]).changes == ()


def test_a_verdict_without_values_still_names_the_property():
    named = detail("RetentionInDays", path="")
    change = planned(wanted(), verdict("Logs", "AWS::Logs::LogGroup", details=(named,)))["DataStack/Logs"]
    [difference] = change.differences
    assert (difference.path, difference.before, difference.after) == ("RetentionInDays", Unknown(), Unknown())


def test_values_that_are_json_are_read_and_those_cut_off_are_not():
    whole = detail("Policy", before='{"a": 1}', after='{"a": 2')
    added = detail("Tags", path="/Properties/Tags/0", after='{"Key": "k"}')
    differences = planned(wanted(), verdict("P", "AWS::X::Y", details=(whole, added)))["DataStack/P"].differences
    assert [(found.before, found.after) for found in differences] == [
        ({"a": 1}, '{"a": 2'),
        (ABSENT, {"Key": "k"}),
    ]
