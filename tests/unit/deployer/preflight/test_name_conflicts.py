"""Names that new resources are to have but something else has: looked up once a kind, every page, no false alarm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import Exit, Failure
from deployer.plan import snapshot
from deployer.plan.resolve import Unknown
from deployer.plan.snapshot import Resource, Snapshot
from deployer.preflight import name_conflicts

TEMPLATE = {
    "Parameters": {"Environment": {"Type": "String"}},
    "Conditions": {"Off": {"Fn::Equals": [{"Ref": "Environment"}, "other"]}},
    "Resources": {
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Fn::Sub": "/x/${Environment}/a"}}},
        "Off": {"Type": "AWS::Logs::LogGroup", "Condition": "Off", "Properties": {"LogGroupName": "/x/off"}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${AWS::StackName}-Q"}}},
        "Unnamed": {"Type": "AWS::SQS::Queue"},
    },
}
ROOT = {"Resources": {"DataStack": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "x"}}}}
TREE = snapshot.resources_of(Snapshot(ROOT, {}, {"DataStack": Snapshot(TEMPLATE, {"Environment": "dev"})}))

PAGES = {
    "AWS::Logs::LogGroup": ("logs", "describe_log_groups", "logGroups", "logGroupName", "nextToken"),
    "AWS::SSM::Parameter": ("ssm", "describe_parameters", "Parameters", "Name", "NextToken"),
    "AWS::Events::Rule": ("events", "list_rules", "Rules", "Name", "NextToken"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName", "NextToken"),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName", "NextToken"),
}


def resource(kind, name, logical_id="New"):
    return Resource(("DataStack",), logical_id, kind, {name_conflicts.KINDS[kind].name_property: name})


def group(name, logical_id="New"):
    return resource("AWS::Logs::LogGroup", name, logical_id)


def test_names_are_read_with_their_parameters_and_what_is_switched_off_or_unknown_has_none():
    assert {path: name_conflicts.name_of(each) for path, each in TREE.items()} == {
        "DataStack": "",
        "DataStack/Logs": "/x/dev/a",
        "DataStack/Queue": "",
        "DataStack/Unnamed": "",
    }
    assert name_conflicts.name_of(group(Unknown("x"))) == ""


def test_only_what_is_added_counts():
    assert snapshot.added(TREE, TREE) == []
    without = {path: each for path, each in TREE.items() if path != "DataStack/Logs"}
    assert [each.path for each in snapshot.added(without, TREE)] == ["DataStack/Logs"]
    other = {**TREE, "DataStack/Logs": Resource(("DataStack",), "Logs", "AWS::SQS::Queue", {})}
    assert [each.path for each in snapshot.added(other, TREE)] == ["DataStack/Logs"]


@pytest.mark.parametrize("kind", PAGES)
def test_a_name_is_found_on_the_last_page(aws, kind):
    service, operation, list_key, name_key, token = PAGES[kind]
    stub = aws.stub(service)
    stub.add_response(operation, {list_key: [{name_key: "food-a"}], token: "2"})
    stub.add_response(operation, {list_key: [{name_key: "food-c"}]})
    found, _, unchecked = name_conflicts.find(aws, [resource(kind, "food-b", "B"), resource(kind, "food-c", "C")], [])
    assert [(each.name, each.resource.logical_id) for each in found] == [("food-c", "C")]
    assert unchecked == ()
    aws.done()


def test_queues_and_topics_are_known_by_url_and_arn(aws):
    aws.stub("sqs").add_response(
        "list_queues", {"QueueUrls": ["https://sqs/1/food-q", "https://sqs/1/food-q2"]}, {"QueueNamePrefix": "food-q"}
    )
    aws.stub("sns").add_response("list_topics", {"Topics": [{"TopicArn": "arn:aws:sns:us-east-1:1:food-t"}]})
    wanted = [resource("AWS::SQS::Queue", "food-q"), resource("AWS::SNS::Topic", "food-t")]
    found, _, _ = name_conflicts.find(aws, wanted, [])
    assert {each.name for each in found} == {"food-q", "food-t"}


def test_roles_functions_and_tables_are_asked_for_by_name(aws):
    aws.stub("iam").add_client_error("get_role", "NoSuchEntity", "no", 404)
    aws.stub("lambda").add_response("get_function_configuration", {"FunctionArn": "arn:f"}, {"FunctionName": "f"})
    aws.stub("dynamodb").add_client_error("describe_table", "ResourceNotFoundException", "no", 400)
    kinds = ("AWS::IAM::Role", "AWS::Lambda::Function", "AWS::DynamoDB::Table")
    found, _, _ = name_conflicts.find(aws, [resource(kind, "f") for kind in kinds], [])
    assert [each.what for each in found] == ["function"]
    aws.done()


def test_composite_and_metric_alarms_share_their_names_and_a_hundred_a_call(aws):
    wanted = [resource("AWS::CloudWatch::Alarm", f"a{number:03}") for number in range(100)]
    wanted.append(resource("AWS::CloudWatch::CompositeAlarm", "z"))
    stub = aws.stub("cloudwatch")
    kinds = ["MetricAlarm", "CompositeAlarm"]
    first = [f"a{number:03}" for number in range(100)]
    stub.add_response("describe_alarms", {}, {"AlarmNames": first, "AlarmTypes": kinds})
    stub.add_response(
        "describe_alarms", {"MetricAlarms": [{"AlarmName": "z"}]}, {"AlarmNames": ["z"], "AlarmTypes": kinds}
    )
    found, _, _ = name_conflicts.find(aws, wanted, [])
    assert [each.resource.type for each in found] == ["AWS::CloudWatch::CompositeAlarm"]
    aws.done()


def test_nothing_is_asked_when_nothing_named_is_added(aws):
    assert name_conflicts.find(aws, [Resource((), "Q", "AWS::SQS::Queue", {})], []) == name_conflicts.Found()
    assert aws.clients == {}


def test_kinds_that_may_not_be_listed_are_reported_and_the_others_checked(aws):
    message = "User: x is not authorized to perform: logs:DescribeLogGroups on resource: y"
    aws.stub("logs").add_client_error("describe_log_groups", "AccessDeniedException", message, 403)
    aws.stub("sqs").add_response("list_queues", {"QueueUrls": ["https://sqs/1/q"]})
    found, _, unchecked = name_conflicts.find(aws, [group("/a"), resource("AWS::SQS::Queue", "q")], [])
    assert [each.name for each in found] == ["q"]
    assert unchecked == ("log groups (missing permission: logs:DescribeLogGroups on y)",)


@pytest.mark.parametrize("code", ["ThrottlingException", "InvalidAction"])
def test_a_look_up_without_an_answer_is_named_and_stops_nothing(aws, code):
    aws.stub("logs").add_client_error("describe_log_groups", code, "slow down", 400)
    found, _, [unchecked] = name_conflicts.find(aws, [group("/a")], [])
    assert found == () and unchecked.startswith("log groups (") and code in unchecked


def refusal(aws, *now):
    aws.stub("logs").add_response("describe_log_groups", {"logGroups": [{"logGroupName": "/a"}]})
    found, _, _ = name_conflicts.find(aws, [group("/a")], now)
    with pytest.raises(Failure) as failure:
        name_conflicts.refuse(found, [], lambda words: f"aws {words} --region eu-west-1")
    assert failure.value.code is Exit.PREFLIGHT and "\n" not in failure.value.message
    assert "log group /a (DataStack/New)" in failure.value.message
    return failure.value.hint


def test_a_foreign_resources_name_is_refused_with_the_command_that_deletes_it(aws):
    assert "aws logs delete-log-group --log-group-name /a --region eu-west-1" in refusal(aws)


def test_a_logical_id_that_was_renamed_is_recognised(aws):
    hint = refusal(aws, group("/a", "Old"))
    assert "DataStack/Old has it" in hint and "keep the logical id" in hint and "delete-log-group" not in hint


def test_web_acls_are_asked_for_until_a_page_is_empty(aws):
    stub = aws.stub("wafv2")
    stub.add_response("list_web_acls", {"WebACLs": [{"Name": "a"}], "NextMarker": "a"}, {"Scope": "REGIONAL"})
    stub.add_response(
        "list_web_acls", {"WebACLs": [{"Name": "b"}], "NextMarker": "b"}, {"Scope": "REGIONAL", "NextMarker": "a"}
    )
    stub.add_response("list_web_acls", {"WebACLs": []}, {"Scope": "REGIONAL", "NextMarker": "b"})
    found, _, _ = name_conflicts.find(aws, [resource("AWS::WAFv2::WebACL", "b")], [])
    assert [str(each) for each in found] == ["web ACL b (DataStack/New)"]
    aws.done()


TRACING = resource("AWS::XRay::ResourcePolicy", "food-e", "OrderEventsTracing")


def with_policies(aws, *names):
    policies = [{"PolicyName": name} for name in names]
    stub = aws.stub("xray")
    stub.add_response("list_resource_policies", {"ResourcePolicies": policies[:2], "NextToken": "2"})
    stub.add_response("list_resource_policies", {"ResourcePolicies": policies[2:]}, {"NextToken": "2"})
    return name_conflicts.find(aws, [TRACING], [])


def test_an_environment_that_needs_a_sixth_x_ray_policy_is_refused_with_what_to_do(aws):
    found = with_policies(aws, "a", "b", "c", "d", "other")
    with pytest.raises(Failure) as failure:
        name_conflicts.refuse(found.conflicts, found.limits_reached, lambda words: f"aws {words} --region eu-west-1")
    assert failure.value.code is Exit.PREFLIGHT
    assert failure.value.message == (
        "the limit of 5 X-Ray resource policies in this account and region is reached "
        "(DataStack/OrderEventsTracing exceeds it)"
    )
    assert "aws xray list-resource-policies --region eu-west-1" in failure.value.hint
    assert "aws xray delete-resource-policy --policy-name NAME --region eu-west-1" in failure.value.hint


def test_the_fifth_x_ray_policy_is_no_obstacle(aws):
    assert with_policies(aws, "a", "b", "c", "d") == name_conflicts.Found()


def test_an_x_ray_policy_of_the_same_name_is_a_conflict_and_not_one_too_many(aws):
    found = with_policies(aws, "a", "b", "c", "d", "food-e")
    assert [each.name for each in found.conflicts] == ["food-e"] and not found.limits_reached
    assert found.conflicts[0].command == "aws xray delete-resource-policy --policy-name food-e"


def test_x_ray_policies_that_may_not_be_listed_are_named(aws):
    aws.stub("xray").add_client_error("list_resource_policies", "AccessDeniedException", "no", 403)
    assert name_conflicts.find(aws, [TRACING], []).unchecked == (
        "X-Ray resource policies (missing permission: ListResourcePolicies)",
    )


def test_nothing_is_asked_of_the_emulators_x_ray_which_is_not_there(aws):
    aws.local = True
    assert name_conflicts.find(aws, [TRACING], []) == name_conflicts.Found()
    assert "xray" not in aws.clients


def test_a_sampling_rule_of_the_same_name_is_a_conflict(aws):
    rule = Resource(("ApiStack",), "Rule", "AWS::XRay::SamplingRule", {"SamplingRule": {"RuleName": "orders-api-dev"}})
    any_ = dict.fromkeys(("ResourceARN", "ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath"), "*")
    whole = {**any_, "Priority": 1, "FixedRate": 0.05, "ReservoirSize": 1, "Version": 1}
    records = [{"SamplingRule": {**whole, "RuleName": name}} for name in ("Default", "orders-api-dev")]
    aws.stub("xray").add_response("get_sampling_rules", {"SamplingRuleRecords": records})
    (found,) = name_conflicts.find(aws, [rule], []).conflicts
    assert (found.name, found.command) == (
        "orders-api-dev",
        "aws xray delete-sampling-rule --rule-name orders-api-dev",
    )


def test_no_conflict_is_not_refused():
    name_conflicts.refuse([], [], str)


@given(st.lists(st.text(max_size=6), min_size=1, max_size=6))
def test_the_prefix_that_is_asked_for_covers_every_name_and_no_more_than_it_must(names):
    names = sorted(names)
    prefix = name_conflicts._prefixed("Prefix", names).get("Prefix", "")
    assert all(name.startswith(prefix) for name in names)
    longer = names[0][: len(prefix) + 1]
    assert prefix == names[0] or not all(name.startswith(longer) for name in names)
