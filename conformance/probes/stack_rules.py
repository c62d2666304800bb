"""What CloudFormation accepts, refuses and keeps: on small stacks of the probes' own."""

import json
import re
from typing import Any

from botocore.exceptions import ClientError

from conformance.account import Account
from conformance.probe import Differs, deploys, expect, holds
from conformance.resources import child, impossible, parameter, queue, ref, template

MAX_BODY = 51_200
"""Bytes of a template in a request."""


@deploys("deployer/stacks/validation.py", "deployer/show/failure.py")
def an_unknown_property_fails_the_change_set(account: Account, name: str) -> None:
    """A change set with a property that no schema has is FAILED; DescribeEvents by its ARN says which property."""
    wrong = template({"P": parameter("1"), "Q": queue(Colour="red")})
    made = account.change_set(name, wrong)
    expect(made["Status"], "FAILED", "status of the change set")
    pages = (
        account.client("cloudformation").get_paginator("describe_events").paginate(ChangeSetName=made["ChangeSetId"])
    )
    events = [event for page in pages for event in page["OperationEvents"]]
    seen = [event.get("ValidationPath") for event in events if event["EventType"] == "VALIDATION_ERROR"]
    holds(any("Q" in (path or "") for path in seen), "an error whose ValidationPath is in Q", seen)


@deploys("deployer/plan/verdicts.py", "deployer/plan/consequences.py")
def an_untouched_nested_stack_is_listed_as_modified(account: Account, name: str) -> None:
    """A change set of a root lists its nested stacks as modified, also one whose template and parameters are the same."""

    def root(value: str) -> dict:
        urls = [account.template_url(template({"P": parameter(each)})) for each in (value, "same")]
        return template({"Changed": child(urls[0]), "Untouched": child(urls[1])})

    account.deployed(name, root("1"))
    made = account.change_set(name, root("2"), IncludeNestedStacks=True)
    listed = {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"]["Action"] for each in made["Changes"]}
    expect(listed, {"Changed": "Modify", "Untouched": "Modify"}, "changes of the root")


@deploys("generator/lifecycle.py", "deployer/plan/stateful.py")
def a_deletion_policy_may_be_a_parameter(account: Account, name: str) -> None:
    """DeletionPolicy may refer to a parameter without a transform: with Retain the resource outlives its stack."""
    kept = parameter("kept", DeletionPolicy=ref("Retention"), UpdateReplacePolicy=ref("Retention"))
    gone = parameter("gone")
    document = template({"Kept": kept, "Gone": gone}, {"Kept": ref("Kept"), "Gone": ref("Gone")})
    document["Parameters"] = {"Retention": {"Type": "String"}}
    made, ssm = account.deployed(name, document, {"Retention": "Retain"}), account.client("ssm")
    account.made.callback(ssm.delete_parameter, Name=made["Kept"])
    account.delete(name)
    found = ssm.get_parameters(Names=[made["Kept"], made["Gone"]])["Parameters"]
    expect([each["Name"] for each in found], [made["Kept"]], "parameters after the deletion of the stack")


@deploys("deployer/stacks/feature_flags.py")
def a_secure_string_cannot_be_created(account: Account, name: str) -> None:
    """CloudFormation refuses an AWS::SSM::Parameter of the type SecureString."""
    secret = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "SecureString", "Value": "x"}}
    expect(_status(account, name, template({"P": parameter("1"), "Secret": secret})), "refused", "the stack")


@deploys("deployer/stacks/causes.py", "deployer/stacks/diagnosis.py")
def a_nested_failure_has_its_cause_in_the_nested_events(account: Account, name: str) -> None:
    """The root's event says that the embedded stack was not created; the cause is in the events of the nested stack."""
    nested = account.template_url(template({"P": parameter("1"), "Broken": impossible(account)}))
    found = account.deploy(name, template({"Child": child(nested)}), OnStackFailure="ROLLBACK")
    reason = next(each for each in account.failures(found["StackId"]) if each.startswith("Child: "))
    embedded = re.fullmatch(r"Child: Embedded stack (arn:\S+) was not successfully created.*", reason, re.DOTALL)
    if not embedded:
        raise Differs("Embedded stack <ARN> was not successfully created", reason)
    failures = account.failures(embedded[1])
    causes = [failure.partition(": ")[2] for failure in failures if failure.startswith("Broken: ")]
    holds(causes, "a failure of Broken in the nested stack", failures)
    holds(causes[0] not in reason, "an event of the root without the cause", reason)


@deploys("deployer/artifacts/bucket.py", "deployer/plan/templates.py")
def a_template_body_above_51200_bytes_is_refused(account: Account, name: str) -> None:
    """CloudFormation takes a template of 51,200 bytes in a request; a larger one goes by way of S3."""
    cloudformation = account.client("cloudformation")
    body = json.dumps(template({"P": parameter("1")}))
    cloudformation.validate_template(TemplateBody=body.ljust(MAX_BODY))
    try:
        cloudformation.validate_template(TemplateBody=body.ljust(MAX_BODY + 1))
    except ClientError as error:
        expect(error.response["Error"]["Code"], "ValidationError", "code")
    else:
        raise Differs("an error", "none", f"{MAX_BODY + 1} bytes")


@deploys("deployer/preflight/name_conflicts.py", "deployer/plan/consequences.py")
def a_name_under_a_new_logical_id_is_refused(account: Account, name: str) -> None:
    """A resource that keeps its name under another logical id fails: it is created before the old one is deleted."""
    named = parameter("1")
    named["Properties"]["Name"] = f"/{name}/named"
    account.deployed(name, template({"Old": named}))
    expect(_status(account, name, template({"New": named})), "refused", "the update")


@deploys("deployer/stacks/stack_status.py", "deployer/stacks/recovery.py")
def a_rolled_back_creation_can_only_be_deleted(account: Account, name: str) -> None:
    """A stack whose creation failed is in ROLLBACK_COMPLETE, and refuses an update."""
    found = account.deploy(name, template({"P": parameter("1"), "Broken": impossible(account, DependsOn="P")}))
    expect(found["StackStatus"], "ROLLBACK_COMPLETE", "status of the stack")
    cloudformation = account.client("cloudformation")
    try:
        cloudformation.update_stack(StackName=name, TemplateBody='{"Resources": {}}')
    except cloudformation.exceptions.ClientError as error:
        holds("ROLLBACK_COMPLETE" in str(error), "an error that names ROLLBACK_COMPLETE", str(error))
    else:
        holds(False, "an error", "an update that begins")


@deploys("generator/api.py")
def a_reference_in_metadata_is_a_dependency(account: Account, name: str) -> None:
    """A resource whose Metadata refers to another is created after it, and deleted before it."""
    first = parameter("1", Metadata={"Waits": ref("Second")})
    account.deployed(name, template({"First": first, "Second": parameter("2")}))
    completed = [e["LogicalResourceId"] for e in account.events(name) if e["ResourceStatus"] == "CREATE_COMPLETE"]
    expect([each for each in completed if each in ("First", "Second")], ["Second", "First"], "order of creation")


def _status(account: Account, name: str, document: dict[str, Any]) -> str:
    """Deploy a template; return "refused" if its change set or the operation fails, else the stack's status."""
    made = account.change_set(name, document)
    if made["Status"] == "FAILED":
        return "refused"
    found = account.execute(made)["StackStatus"]
    return "refused" if "ROLLBACK" in found else found
