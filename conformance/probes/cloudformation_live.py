"""What CloudFormation says about the deployed root stack and its nested ones."""

from conformance.environment import Environment
from conformance.probe import expect, holds, reads, writes
from deployer.plan.templates import child_urls
from deployer.stacks import change_set_cleanup, changeset, reading


@reads("config/names.py", "operations/destroy")
def nested_stacks_carry_the_tags_of_the_root(environment: Environment) -> None:
    """CloudFormation gives the tags of the root to its nested stacks."""
    stacks = {name: reading.describe(environment.account.aws, arn) for name, arn in environment.stacks.items()}
    tags = {name: reading.tags_of(stack) for name, stack in stacks.items()}
    holds(tags[""], "tags of the root", tags[""])
    expect({name: found for name, found in tags.items() if found != tags[""]}, {}, "nested stacks with other tags")


@reads("config/names.py", "operations/destroy")
def resources_carry_the_tags_of_the_root(environment: Environment) -> None:
    """CloudFormation passes the root's tags on to the resources of nested stacks: table, queue and bucket have them."""
    wanted = reading.tags_of(reading.describe(environment.account.aws, environment.stacks[""]))
    dynamodb, sqs = environment.client("dynamodb"), environment.client("sqs")
    table = dynamodb.describe_table(TableName=environment.outputs["OrdersTableName"])["Table"]["TableArn"]
    bucket = environment.client("s3").get_bucket_tagging(Bucket=environment.outputs["UploadBucketName"])
    found = {
        "table": {tag["Key"]: tag["Value"] for tag in dynamodb.list_tags_of_resource(ResourceArn=table)["Tags"]},
        "queue": sqs.list_queue_tags(QueueUrl=environment.outputs["OrderQueueUrl"]).get("Tags", {}),
        "bucket": {tag["Key"]: tag["Value"] for tag in bucket["TagSet"]},
    }
    lacking = {name: tags for name, tags in found.items() if not wanted.items() <= tags.items()}
    expect(lacking, {}, f"resources without {wanted}")


@reads("generator/lifecycle.py", "deployer/plan/templates.py")
def a_template_is_returned_as_it_was_sent(environment: Environment) -> None:
    """GetTemplate returns the original text: a DeletionPolicy that refers to a parameter, and relative locations replaced."""
    aws = environment.account.aws
    data = reading.template(aws, environment.stacks["DataStack"])
    policy = data["Resources"]["OrdersTable"].get("DeletionPolicy")
    expect(policy, {"Ref": "DataRetention"}, "the table's DeletionPolicy")
    urls = child_urls(reading.template(aws, environment.stacks[""]))
    holds(all(url.startswith("https://") for url in urls.values()), "TemplateURLs of the bucket", urls)


@reads("deployer/stacks/validation.py")
def describe_events_returns_events_of_operations(environment: Environment) -> None:
    """DescribeEvents, by a nested stack's ARN, returns events with their operation's id and type."""
    events = environment.client("cloudformation").describe_events(StackName=environment.stacks["DataStack"])
    found = events["OperationEvents"]
    holds(found and all(event.get("OperationId") for event in found), "events of operations", found[:1])


@writes("deployer/stacks/changeset.py", "deployer/stacks/change_set_cleanup.py")
def nested_change_sets_are_read_by_their_arns(environment: Environment) -> None:
    """A change set of the root names one of each nested stack, which is read by its ARN; both go when it is deleted."""
    aws, root, cloudformation = environment.account.aws, environment.stacks[""], environment.client("cloudformation")
    stack = reading.describe(aws, root) or {}
    tags = {**reading.tags_of(stack), "Conformance": environment.account.mark}
    request = {
        "UsePreviousTemplate": True,
        "Parameters": [{"ParameterKey": name, "UsePreviousValue": True} for name in reading.parameters_of(stack)],
        "Capabilities": stack.get("Capabilities", []),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    made = changeset.create(aws, root, new=False, exists=False, request=request, token=environment.account.mark)
    environment.account.made.callback(change_set_cleanup.discard, aws, made, 0.1 * environment.account.wait_factor)
    nested = [each for each in made.sets if each.path]
    seen = {each.stack_id for each in nested}
    expect(seen, {arn for name, arn in environment.stacks.items() if name}, "stacks of the nested change sets")
    environment.account.made.close()
    left = [each.path for each in nested if each.id in change_set_cleanup.of_stack(cloudformation, each.stack_id)]
    expect(left, [], "nested stacks on which a change set is left")


@writes("operations/drift/detection.py")
def drift_detection_leaves_nested_stacks_out(environment: Environment) -> None:
    """A detection on the root checks the nested stacks as resources, and does not detect in them."""
    cloudformation = environment.client("cloudformation")

    def checked() -> dict:
        stacks = {name: cloudformation.describe_stacks(StackName=arn) for name, arn in environment.stacks.items()}
        return {
            name: found["Stacks"][0].get("DriftInformation", {}).get("LastCheckTimestamp")
            for name, found in stacks.items()
            if name
        }

    before = checked()
    started = cloudformation.detect_stack_drift(StackName=environment.stacks[""])["StackDriftDetectionId"]

    def ended() -> str | None:
        found = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=started)["DetectionStatus"]
        return None if found == "DETECTION_IN_PROGRESS" else found

    expect(environment.account.until(ended, "the detection ends", 10), "DETECTION_COMPLETE", "the detection")
    expect(checked(), before, "last detections of the nested stacks")
