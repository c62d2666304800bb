"""Names that new resources are to have but something else has: looked up once a kind, every page, no false alarm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import Exit, Failure
from deployer.plan.resolve import Unknown
from deployer.plan.snapshot import Snapshot
from deployer.preflight import resources, taken
from deployer.preflight.resources import Resource

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
TREE = resources.of_tree(Snapshot(ROOT, {}, {"DataStack": Snapshot(TEMPLATE, {"Environment": "dev"})}))

PAGES = {
    "AWS::Logs::LogGroup": ("logs", "describe_log_groups", "logGroups", "logGroupName", "nextToken"),
    "AWS::SSM::Parameter": ("ssm", "describe_parameters", "Parameters", "Name", "NextToken"),
    "AWS::Events::Rule": ("events", "list_rules", "Rules", "Name", "NextToken"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName", "NextToken"),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName", "NextToken"),
}


def resource(kind, name, logical_id="New"):
    return Resource(("DataStack",), logical_id, kind, {taken.KINDS[kind].property: name})


def group(name, logical_id="New"):
    return resource("AWS::Logs::LogGroup", name, logical_id)


def test_names_are_read_with_their_parameters_and_what_is_switched_off_or_unknown_has_none():
    assert {path: taken.name_of(each) for path, each in TREE.items()} == {
        "DataStack": "",
        "DataStack/Logs": "/x/dev/a",
        "DataStack/Queue": "",
        "DataStack/Unnamed": "",
    }
    assert taken.name_of(group(Unknown("x"))) == ""


def test_only_what_is_added_counts():
    assert resources.added(TREE, TREE) == []
    without = {path: each for path, each in TREE.items() if path != "DataStack/Logs"}
    assert [each.path for each in resources.added(without, TREE)] == ["DataStack/Logs"]
    other = {**TREE, "DataStack/Logs": Resource(("DataStack",), "Logs", "AWS::SQS::Queue", {})}
    assert [each.path for each in resources.added(other, TREE)] == ["DataStack/Logs"]


@pytest.mark.parametrize("kind", PAGES)
def test_a_name_is_found_on_the_last_page(aws, kind):
    service, operation, list_key, name_key, token = PAGES[kind]
    stub = aws.stub(service)
    stub.add_response(operation, {list_key: [{name_key: "food-a"}], token: "2"})
    stub.add_response(operation, {list_key: [{name_key: "food-c"}]})
    found, unseen = taken.find(aws, [resource(kind, "food-b", "B"), resource(kind, "food-c", "C")], [])
    assert [(each.name, each.resource.logical_id) for each in found] == [("food-c", "C")]
    assert unseen == []
    aws.done()


def test_queues_and_topics_are_known_by_url_and_arn(aws):
    aws.stub("sqs").add_response(
        "list_queues", {"QueueUrls": ["https://sqs/1/food-q", "https://sqs/1/food-q2"]}, {"QueueNamePrefix": "food-q"}
    )
    aws.stub("sns").add_response("list_topics", {"Topics": [{"TopicArn": "arn:aws:sns:us-east-1:1:food-t"}]})
    wanted = [resource("AWS::SQS::Queue", "food-q"), resource("AWS::SNS::Topic", "food-t")]
    found, _ = taken.find(aws, wanted, [])
    assert {each.name for each in found} == {"food-q", "food-t"}


def test_roles_functions_and_tables_are_asked_for_by_name(aws):
    aws.stub("iam").add_client_error("get_role", "NoSuchEntity", "no", 404)
    aws.stub("lambda").add_response("get_function_configuration", {"FunctionName": "f"}, {"FunctionName": "f"})
    aws.stub("dynamodb").add_client_error("describe_table", "ResourceNotFoundException", "no", 400)
    kinds = ("AWS::IAM::Role", "AWS::Lambda::Function", "AWS::DynamoDB::Table")
    found, _ = taken.find(aws, [resource(kind, "f") for kind in kinds], [])
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
    found, _ = taken.find(aws, wanted, [])
    assert [each.resource.type for each in found] == ["AWS::CloudWatch::CompositeAlarm"]
    aws.done()


def test_nothing_is_asked_when_nothing_named_is_added(aws):
    assert taken.find(aws, [Resource((), "Q", "AWS::SQS::Queue", {})], []) == ([], [])
    assert aws.clients == {}


def test_what_may_not_be_looked_at_is_told_and_the_rest_is_looked_at(aws):
    message = "User: x is not authorized to perform: logs:DescribeLogGroups on resource: y"
    aws.stub("logs").add_client_error("describe_log_groups", "AccessDeniedException", message, 403)
    aws.stub("sqs").add_response("list_queues", {"QueueUrls": ["https://sqs/1/q"]})
    found, unseen = taken.find(aws, [group("/a"), resource("AWS::SQS::Queue", "q")], [])
    assert [each.name for each in found] == ["q"]
    assert unseen == ["log groups (logs:DescribeLogGroups on y)"]


def test_throttling_is_no_permission_to_go_on(aws):
    aws.stub("logs").add_client_error("describe_log_groups", "ThrottlingException", "slow down", 400)
    with pytest.raises(aws.client("logs").exceptions.ClientError):
        taken.find(aws, [group("/a")], [])


def test_an_emulator_without_the_operation_is_no_obstacle_but_aws_would_be(aws):
    for _ in range(2):
        aws.stub("logs").add_client_error("describe_log_groups", "InvalidAction", "?", 400)
    with pytest.raises(aws.client("logs").exceptions.ClientError):
        taken.find(aws, [group("/a")], [])
    aws.local = True
    assert taken.find(aws, [group("/a")], [])[0] == []


def refusal(aws, *now):
    aws.stub("logs").add_response("describe_log_groups", {"logGroups": [{"logGroupName": "/a"}]})
    found, _ = taken.find(aws, [group("/a")], now)
    with pytest.raises(Failure) as failure:
        taken.refuse(found, lambda words: f"aws {words} --region eu-west-1")
    assert failure.value.code is Exit.PREFLIGHT and "\n" not in failure.value.message
    assert "log group /a (DataStack/New)" in failure.value.message
    return failure.value.hint


def test_a_strangers_name_is_refused_with_the_command_that_removes_it(aws):
    assert "aws logs delete-log-group --log-group-name /a --region eu-west-1" in refusal(aws)


def test_a_logical_id_that_was_renamed_is_recognised(aws):
    hint = refusal(aws, group("/a", "Old"))
    assert "DataStack/Old has it" in hint and "keep the logical id" in hint and "delete-log-group" not in hint


def test_nothing_taken_is_not_refused():
    taken.refuse([], str)


@given(st.lists(st.text(max_size=6), min_size=1, max_size=6))
def test_the_prefix_that_is_asked_for_covers_every_name_and_no_more_than_it_must(names):
    names = sorted(names)
    prefix = taken._prefixed("Prefix", names).get("Prefix", "")
    assert all(name.startswith(prefix) for name in names)
    longer = names[0][: len(prefix) + 1]
    assert prefix == names[0] or not all(name.startswith(longer) for name in names)
