"""What CloudFormation does with stacks, nested ones included, and with types that few templates have."""

import json
from typing import Any

from conformance.account import Account
from conformance.probe import deploys, expect, holds
from conformance.resources import att, child, impossible, parameter, ref, table, template

TREE, CHANGE_SETS = "deployer/stacks/tree.py", "deployer/stacks/changeset.py"


@deploys("generator/root.py", TREE)
def nested_stack_lifecycle(account: Account, name: str) -> None:
    """A child's new output reaches its sibling; a failed update is rolled back everywhere; a failed creation leaves nothing."""
    outputs = account.deployed(name, _siblings(account, name, "1"))
    ssm = account.client("ssm")

    def value() -> str:
        return ssm.get_parameter(Name=outputs["Q"])["Parameter"]["Value"].rpartition("=")[2]

    expect(value(), "1", "value that a sibling passes on")
    expect(account.deployed(name, _siblings(account, name, "2")), outputs, "outputs after an update")
    expect(value(), "2", "value after an update")
    failed = account.deploy(name, _siblings(account, name, "3", fail=True))
    expect(failed["StackStatus"], "UPDATE_ROLLBACK_COMPLETE", "an update whose child fails")
    expect(value(), "2", "value after the rollback")
    failed = account.deploy(f"{name}-new", _siblings(account, f"{name}-new", "1", fail=True))
    expect(failed["StackStatus"], "ROLLBACK_COMPLETE", "a creation whose child fails")
    of_name = [{"Key": "Name", "Option": "Contains", "Values": [f"{name}-new"]}]
    pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=of_name)
    expect([each["Name"] for page in pages for each in page["Parameters"]], [], "left by the failed creation")


def _siblings(account: Account, name: str, value: str, fail: bool = False) -> dict:
    """A root whose second child gets a value of the first, and may fail."""

    def named(key: str, given: Any) -> dict:
        made = parameter(given)
        made["Properties"]["Name"] = f"{name}-{key}"  # CloudFormation's own names are without the stack's
        return made

    first = template({"P": named("P", value)}, {"Value": {"Fn::Sub": "${P}=" + value}})
    resources = {"Q": named("Q", ref("Given")), "Copy": named("Copy", att("Q", "Value"))}
    given = {"Parameters": {"Given": {"Type": "String"}}}
    second = template(
        {**resources, **({"Broken": impossible(account, DependsOn="Q")} if fail else {})}, {"Q": ref("Q")}, **given
    )
    children = {
        "First": child(account.template_url(first)),
        "Second": child(account.template_url(second), Given=att("First", "Outputs.Value")),
    }
    return template(children, {"Q": att("Second", "Outputs.Q")})


@deploys("deployer/artifacts/rendering.py")
def virtual_host_template_urls(account: Account, name: str) -> None:
    """A TemplateURL may have the bucket in its host."""
    bucket, key = account.put(json.dumps(template({"P": parameter("x")})), ".json")
    url = f"https://{bucket}.s3.{account.aws.region}.amazonaws.com/{key}"
    account.deployed(name, template({"Child": child(url)}))


@deploys(CHANGE_SETS, "deployer/stacks/change_set_cleanup.py")
def nested_change_sets(account: Account, name: str) -> None:
    """A change set with IncludeNestedStacks has one of each child, which names its parent and root."""
    root = template({"Child": child(account.template_url(template({"P": parameter(name)})))})
    change_set = account.change_set(name, root, IncludeNestedStacks=True)
    change, cloudformation = change_set["Changes"][0]["ResourceChange"], account.client("cloudformation")
    holds(change.get("ChangeSetId"), "the change names the child's change set", change)
    nested = cloudformation.describe_change_set(ChangeSetName=change["ChangeSetId"])
    ids = {nested.get("ParentChangeSetId"), nested.get("RootChangeSetId")}
    expect(ids, {change_set["ChangeSetId"]}, "parent and root of the child's change set")
    changed = [each["ResourceChange"]["LogicalResourceId"] for each in nested["Changes"]]
    expect(changed, ["P"], "changes of the child")
    cloudformation.delete_change_set(ChangeSetName=change_set["ChangeSetId"])


@deploys(CHANGE_SETS, "deployer/commands/apply.py")
def change_sets_of_a_new_stack(account: Account, name: str) -> None:
    """Change sets for a stack that was never created are for one stack, which each of them can create."""
    first, second = (account.change_set(name, template({"P": parameter(value)})) for value in ("1", "2"))
    expect(second["StackId"], first["StackId"], "stack of the second change set")
    cloudformation = account.client("cloudformation")
    cloudformation.delete_change_set(ChangeSetName=second["ChangeSetId"])
    found = cloudformation.describe_change_set(ChangeSetName=first["ChangeSetId"])
    expect(found["ExecutionStatus"], "AVAILABLE", "the first change set without the second")


@deploys(CHANGE_SETS, "deployer/commands/apply.py")
def a_change_set_returns_what_it_was_made_of(account: Account, name: str) -> None:
    """DescribeChangeSet returns parameters and tags of a change set, GetTemplate by its ARN alone the template."""
    root = template({"P": parameter(ref("Given"))}, Parameters={"Given": {"Type": "String"}})
    change_set = account.change_set(name, root, {"Given": "1"})
    given = {each["ParameterKey"]: each["ParameterValue"] for each in change_set.get("Parameters", [])}
    expect(given, {"Given": "1"}, "parameters of the change set")
    expect(change_set.get("Tags"), account.tags, "tags of the change set")
    identity = change_set["ChangeSetId"]
    answer = account.client("cloudformation").get_template(ChangeSetName=identity, TemplateStage="Original")
    body = answer["TemplateBody"]
    expect(body if isinstance(body, dict) else json.loads(body), root, "template of the change set")


@deploys(TREE)
def nested_parent_ids(account: Account, name: str) -> None:
    """DescribeStacks returns a child's ParentId and RootId."""
    root = account.deploy(name, template({"Child": child(account.template_url(template({"P": parameter(name)})))}))
    found = account.stack(account.child(name, "Child"))
    expect({found.get("ParentId"), found.get("RootId")}, {root["StackId"]}, "ParentId and RootId")


@deploys("deployer/stacks/events.py", "deployer/show/progress.py")
def events_of_new_resources(account: Account, name: str) -> None:
    """A resource that an update adds has events of a creation, and one that it leaves alone has none."""
    account.deployed(name, template({"Old": parameter("1")}))
    account.deployed(name, template({"Old": parameter("1"), "New": parameter("2")}))
    events = [(each["LogicalResourceId"], each["ResourceStatus"]) for each in account.events(name)]
    holds(("New", "CREATE_COMPLETE") in events, "New has CREATE_COMPLETE", events)
    holds(("New", "UPDATE_COMPLETE") not in events, "New has no UPDATE_COMPLETE", events)
    holds(("Old", "UPDATE_IN_PROGRESS") not in events, "Old has no UPDATE_IN_PROGRESS", events)


@deploys("generator/scaling.py", "generator/queries.py", uses={"table_write_capacity": 5, "table_read_capacity": 5})
def scaling_and_saved_queries(account: Account, name: str) -> None:
    """A scaling target is resource, dimension and namespace; a saved query keeps its id when its text changes."""
    throughput = {"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}
    reads = "dynamodb:table:ReadCapacityUnits"
    target = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": {"Fn::Sub": "table/${T}"},
        "ScalableDimension": reads,
        "MinCapacity": 5,
        "MaxCapacity": 100,
    }
    utilization = {"PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"}}
    tracking = {"TargetTrackingScalingPolicyConfiguration": {**utilization, "TargetValue": 70}}
    policy = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling", "ScalingTargetId": ref("Target"), **tracking}

    def document(text: str) -> dict:
        query = {"Name": name, "QueryString": text}
        resources = {
            "T": table(BillingMode="PROVISIONED", **throughput),
            "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
            "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
            "Query": {"Type": "AWS::Logs::QueryDefinition", "Properties": query},
        }
        return template(resources, {key: ref(key) for key in ("T", "Target", "Query")})

    outputs = account.deployed(name, document("fields @message"))
    expect(outputs["Target"], f"table/{outputs['T']}|{reads}|dynamodb", "id of the scaling target")
    expect(account.deployed(name, document("limit 1"))["Query"], outputs["Query"], "id of the changed query")
    expect(account.delete(name)["StackStatus"], "DELETE_COMPLETE", "deletion")


@deploys("generator/order_events.py", "generator/notices.py")
def topic_encryption(account: Account, name: str) -> None:
    """GetTopicAttributes returns the key that the template declares."""
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": "alias/aws/sns"}}
    made = account.deployed(name, template({"T": topic}, {"T": ref("T")}))["T"]
    found = account.client("sns").get_topic_attributes(TopicArn=made)["Attributes"]
    expect(found.get("KmsMasterKeyId"), "alias/aws/sns", "KmsMasterKeyId")
