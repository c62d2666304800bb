"""Change sets as AWS answers: in pages, nested, empty, refused; and nothing is left behind."""

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY

from deployer.errors import Exit, Failure
from deployer.plan.changes import Detail, Verdict
from deployer.plan.verdicts import KNOWN_LATER
from deployer.stacks import changeset, validation
from deployer.stacks.validation import Refused

STACK, CHILD = (f"arn:aws:cloudformation:us-east-1:1:stack/{name}/1" for name in ("s", "s-Data"))
ROOT_SET, CHILD_SET = (f"arn:aws:cloudformation:us-east-1:1:changeSet/{name}/1" for name in ("root", "child"))
NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."


def change(logical_id, kind="AWS::SQS::Queue", action="Modify", **other):
    return {
        "Type": "Resource",
        "ResourceChange": {"Action": action, "LogicalResourceId": logical_id, "ResourceType": kind, **other},
    }


def detail(name, evaluation, source):
    return {"Target": {"Attribute": "Properties", "Name": name}, "Evaluation": evaluation, "ChangeSource": source}


def create(aws, **other):
    arguments = {
        "new": False,
        "exists": True,
        "request": {"TemplateURL": "https://storage.example/t", "Parameters": []},
        "token": "deploy--ana",
    }
    arguments |= {"pause": 0} | other
    return changeset.create(aws, "s", **arguments)


def created(stub):
    stub.add_response("create_change_set", {"Id": ROOT_SET, "StackId": STACK})


def test_pages_and_nested_sets_are_all_read(aws):
    stub = aws.stub("cloudformation")
    stub.add_response(
        "create_change_set",
        {"Id": ROOT_SET, "StackId": STACK},
        {
            "StackName": "s",
            "ChangeSetName": ANY,
            "ChangeSetType": "UPDATE",
            "TemplateURL": "https://storage.example/t",
            "Parameters": [{"ParameterKey": "A", "ParameterValue": "1"}],
            "IncludeNestedStacks": True,
            "ClientToken": ANY,
            "Description": "deploy--ana",
        },
    )
    stub.add_response("describe_change_set", {"Status": "CREATE_IN_PROGRESS"})
    stub.add_response("describe_change_set", {"Status": "CREATE_COMPLETE"})
    stub.add_response(
        "describe_change_set",
        {
            "StackId": STACK,
            "NextToken": "2",
            "Changes": [change("Data", "AWS::CloudFormation::Stack", ChangeSetId=CHILD_SET)],
        },
        {"ChangeSetName": ROOT_SET, "IncludePropertyValues": True},
    )
    stub.add_response(
        "describe_change_set",
        {
            "StackId": CHILD,
            "Changes": [
                change(
                    "Table",
                    "AWS::DynamoDB::Table",
                    Replacement="Conditional",
                    Details=[
                        detail("TableName", "Static", "ParameterReference"),
                        detail("TableName", "Dynamic", "DirectModification"),
                    ],
                )
            ],
        },
        {"ChangeSetName": CHILD_SET, "IncludePropertyValues": True},
    )
    stub.add_response(
        "describe_change_set",
        {
            "StackId": STACK,
            "Changes": [
                change(
                    "Queue",
                    Replacement="True",
                    PolicyAction="ReplaceAndRetain",
                    Details=[detail("QueueName", "Static", "DirectModification")],
                )
            ],
        },
        {"ChangeSetName": ROOT_SET, "NextToken": "2", "IncludePropertyValues": True},
    )
    parameters = [{"ParameterKey": "A", "ParameterValue": "1"}]
    made = create(aws, request={"TemplateURL": "https://storage.example/t", "Parameters": parameters})
    assert not made.empty
    assert made.verdicts == (
        Verdict((), "Data", "AWS::CloudFormation::Stack", "Modify"),
        Verdict(
            ("Data",), "Table", "AWS::DynamoDB::Table", "Modify", "Conditional", (Detail("Properties", "TableName"),)
        ),
        Verdict(
            (),
            "Queue",
            "AWS::SQS::Queue",
            "Modify",
            "True",
            (Detail("Properties", "QueueName", direct=True),),
            retained=True,
        ),
    )
    assert made.sets == (("", STACK, ROOT_SET), ("Data", CHILD, CHILD_SET))
    aws.done()


VALUES = [
    # Details with values, and whether they are a change.
    ({"before": "a", "after": "b", "evaluation": "Static", "source": "DirectModification"}, True),
    ({"before": "a", "after": "b", "evaluation": "Static", "source": "ParameterReference"}, True),
    ({"before": "a", "after": KNOWN_LATER, "evaluation": "Static", "source": "ResourceReference"}, False),
    ({"before": "a", "after": KNOWN_LATER, "evaluation": "Static", "source": "DirectModification"}, False),
    ({"before": "a", "after": KNOWN_LATER, "evaluation": "Dynamic", "source": "DirectModification"}, False),
    ({"after": "b", "evaluation": "Static", "source": "DirectModification"}, True),
    ({"before": "a", "evaluation": "Static", "source": "DirectModification"}, True),
    ({"before": "a", "after": "a", "evaluation": "Dynamic", "source": "ResourceAttribute"}, False),
]


@pytest.mark.parametrize("values, is_change", VALUES)
def test_a_value_that_is_only_known_later_is_not_a_change(aws, values, is_change):
    stub = aws.stub("cloudformation")
    sides = {f"{side.capitalize()}Value": values[side] for side in ("before", "after") if side in values}
    target = {
        **{"Attribute": "Properties", "Name": "Roles", "Path": "/Properties/Roles/0"},
        **{"RequiresRecreation": "Always", "AttributeChangeType": "Modify", **sides},
    }
    entry = {"Target": target, "Evaluation": values["evaluation"], "ChangeSource": values["source"]}
    context = {"BeforeContext": '{"Properties":{}}', "AfterContext": '{"Properties":{}}'}
    stub.add_response(
        "describe_change_set",
        {"Changes": [change("Policy", "AWS::IAM::Policy", Replacement="True", Details=[entry, entry], **context)]},
    )
    [verdict] = changeset.read(aws.client("cloudformation"), ROOT_SET, [])
    [found] = verdict.details
    assert (found.path, found.before, found.after) == ("/Properties/Roles/0", values.get("before"), values.get("after"))
    assert found.recreation == "Always" and found.direct is is_change


@pytest.mark.parametrize("reason", [NOTHING, "No updates are to be performed."])
def test_no_changes_is_an_answer_not_an_error(aws, reason):
    stub = aws.stub("cloudformation")
    created(stub)
    stub.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": reason})
    assert create(aws).empty


def test_a_change_of_outputs_alone_is_not_empty(aws):
    stub = aws.stub("cloudformation")
    created(stub)
    stub.add_response("describe_change_set", {"Status": "CREATE_COMPLETE"})
    stub.add_response("describe_change_set", {"Changes": []})
    assert not create(aws).empty


def refused_in_its_child(stub):
    created(stub)
    root = {
        "StackId": STACK,
        "Status": "FAILED",
        "StatusReason": "Nested change set was not successfully created: Currently in FAILED.",
        "Changes": [change("Api", "AWS::CloudFormation::Stack", ChangeSetId=CHILD_SET)],
    }
    stub.add_response("describe_change_set", root)
    stub.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": "Parameters: [X] must have values"})
    stub.add_response("describe_change_set", root, {"ChangeSetName": ROOT_SET})  # what else was found, and where


def removed(stub):
    stub.add_response("describe_change_set", {"StackId": STACK, "Changes": []}, {"ChangeSetName": ROOT_SET})
    stub.add_response("list_stack_resources", {"StackResourceSummaries": []})
    stub.add_response("delete_change_set", {}, {"ChangeSetName": ROOT_SET, "StackName": STACK})
    stub.add_response("list_change_sets", {"Summaries": []})


def test_a_refused_nested_set_gives_the_childs_reason_and_is_removed(aws):
    stub = aws.stub("cloudformation")
    refused_in_its_child(stub)
    stub.add_client_error("describe_events", "AccessDenied", "not authorized")
    removed(stub)
    with pytest.raises(Failure, match=r"Api: Parameters: \[X\] must have values") as failure:
        create(aws)
    assert failure.value.code is Exit.FAILED
    aws.done()


def test_a_nested_set_that_is_still_being_made_when_the_root_has_failed_is_waited_for(aws):
    stub = aws.stub("cloudformation")
    created(stub)
    nested = change("Api", "AWS::CloudFormation::Stack", ChangeSetId=CHILD_SET)
    root = {"StackId": STACK, "Status": "FAILED", "StatusReason": "A nested change set failed.", "Changes": [nested]}
    stub.add_response("describe_change_set", root)
    stub.add_response("describe_change_set", {"Status": "CREATE_PENDING"}, {"ChangeSetName": CHILD_SET})
    stub.add_response("describe_change_set", {"Status": "CREATE_IN_PROGRESS"}, {"ChangeSetName": CHILD_SET})
    stub.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": "no such parameter"})
    stub.add_response("describe_change_set", root, {"ChangeSetName": ROOT_SET})
    stub.add_response("describe_events", {"OperationEvents": []}, {"ChangeSetName": ROOT_SET})
    for status in ("CREATE_IN_PROGRESS", "FAILED"):
        stub.add_response("describe_change_set", {"StackId": CHILD, "Status": status}, {"ChangeSetName": CHILD_SET})
    stub.add_response("describe_events", {"OperationEvents": []}, {"ChangeSetName": CHILD_SET})
    removed(stub)
    with pytest.raises(Failure, match="Api: no such parameter"):
        create(aws)
    aws.done()


def test_waiting_for_a_nested_set_has_an_end():
    [answer] = validation.settled(lambda: [{"Status": "CREATE_IN_PROGRESS"}], pause=0, limit=0)
    assert answer["Status"] == "CREATE_IN_PROGRESS"


def test_a_refused_nested_set_gives_what_was_found_in_it(aws):
    stub = aws.stub("cloudformation")
    refused_in_its_child(stub)
    found = {
        "EventType": "VALIDATION_ERROR",
        "StackId": CHILD,
        "LogicalResourceId": "Queue",
        "ResourceType": "AWS::SQS::Queue",
        "ValidationName": "NAME_CONFLICT_VALIDATION",
        "ValidationStatus": "FAILED",
    }
    stub.add_response("describe_events", {"OperationEvents": [found]}, {"ChangeSetName": ROOT_SET})
    stub.add_response("describe_change_set", {"StackId": CHILD, "Changes": []}, {"ChangeSetName": CHILD_SET})
    stub.add_response("describe_events", {"OperationEvents": [found]}, {"ChangeSetName": CHILD_SET})
    removed(stub)
    with pytest.raises(Refused, match="1 problem") as refused:
        create(aws)
    assert [(problem.stack, problem.logical_id) for problem in refused.value.problems] == [("Api", "Queue")]
    aws.done()


def test_a_creation_cut_off_before_its_answer_is_found_by_name_and_removed(aws, monkeypatch):
    """Ctrl-C while the request is on its way: whether CloudFormation got it is not known here."""
    client, stub = aws.client("cloudformation"), aws.stub("cloudformation")

    def cut_off(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(client, "create_change_set", cut_off)
    found = {"ChangeSetName": ANY, "StackName": "s"}
    stub.add_response("describe_change_set", {"ChangeSetId": ROOT_SET, "StackId": STACK}, found)
    stub.add_response("describe_change_set", {"StackId": STACK, "Changes": []}, {"ChangeSetName": ROOT_SET})
    stub.add_response("list_stack_resources", {"StackResourceSummaries": []})
    stub.add_response("delete_change_set", {}, {"ChangeSetName": ROOT_SET, "StackName": STACK})
    stub.add_response("list_change_sets", {"Summaries": []})
    with pytest.raises(KeyboardInterrupt):
        create(aws)
    aws.done()


@pytest.mark.parametrize(
    "code, message, lost",
    [
        ("InvalidChangeSetStatus", "cannot be executed in its current execution status of [OBSOLETE]", True),
        ("ChangeSetNotFound", "ChangeSet [x] does not exist", True),
        ("OperationInProgressException", "Another operation is in progress", True),
        ("ValidationError", "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated.", True),
        ("ValidationError", "Stack [s] already exists and cannot be created again with the changeSet [x].", True),
        ("ValidationError", "Template format error: unresolved Ref", False),
        ("AccessDenied", "not authorized", False),
    ],
)
def test_a_lost_race_differs_from_other_refusals(code, message, lost):
    error = ClientError({"Error": {"Code": code, "Message": message}}, "CreateChangeSet")
    assert changeset.lost_race(error) is lost


@pytest.mark.parametrize(
    "status, waits",
    [
        ("AVAILABLE", True),
        ("OBSOLETE", True),
        ("EXECUTE_IN_PROGRESS", False),
        ("EXECUTE_COMPLETE", False),
        (None, False),
    ],
)
def test_only_a_change_set_that_was_not_executed_is_still_ours_to_remove(aws, status, waits):
    stub, asked = aws.stub("cloudformation"), {"ChangeSetName": ROOT_SET}
    if status:
        stub.add_response("describe_change_set", {"ExecutionStatus": status}, asked)
    else:
        stub.add_client_error("describe_change_set", "ChangeSetNotFound", "does not exist")
    assert changeset.is_waiting(aws, changeset.ChangeSet(ROOT_SET, STACK, False)) is waits
