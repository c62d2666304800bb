"""What Lambda does with published versions and aliases, and CloudFormation with them."""

from typing import Any

from botocore.exceptions import ClientError

from conformance.account import Account
from conformance.probe import Differs, deploys, expect, holds
from conformance.resources import RECEIVE, att, child, function, impossible, mapping, queue, ref, role, template
from conformance.small_stacks import received

VERSIONS = "generator/versions.py"
SHOWS = "import os\n\ndef handler(event, context):\n    return [os.environ['RELEASE'], context.invoked_function_arn]\n"
PRINTS = "def handler(event, context):\n    print('INVOKED', context.invoked_function_arn)\n"
FAILS = "def handler(event, context):\n    raise ValueError(event)\n"


def _published(account: Account, release: str, source: str = SHOWS, **more: Any) -> dict:
    """The function F of a release, its version V and its alias A."""
    variables = {"Environment": {"Variables": {"RELEASE": release}}}
    version = {"FunctionName": ref("F"), "Description": release}
    alias = {"FunctionName": ref("F"), "FunctionVersion": att("V", "Version"), "Name": "live"}
    kept = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Retain"}
    return {
        "Role": role(*more.pop("may", ())),
        "F": function(account.code(source), att("Role", "Arn"), **variables, **more),
        "V": {"Type": "AWS::Lambda::Version", **kept, "Properties": version},
        "A": {"Type": "AWS::Lambda::Alias", "Properties": alias},
    }


def _versions(account: Account, function_name: str) -> list[str]:
    pages = account.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=function_name)
    return [each["Version"] for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"]


@deploys(VERSIONS, "deployer/stacks/leftover_versions.py")
def alias_of_versions(account: Account, name: str) -> None:
    """A new Description publishes a version and moves the alias; a replaced version is kept and answers as it did."""
    made = ""
    for release in ("first", "second"):
        made = account.deployed(name, template(_published(account, release), {"F": ref("F")}))["F"]
        answered, arn = account.invoke(f"{made}:live")
        expect((answered, arn.endswith(f":{made}:live")), (release, True), "answer through the alias")
    expect(_versions(account, made), ["1", "2"], "versions")
    expect(account.invoke(f"{made}:1")[0], "first", "answer of the first version")


@deploys("generator/event_sources.py", "handlers/orders_import.py")
def invoked_function_arn(account: Account, name: str) -> None:
    """A function that a queue invokes through an alias gets the alias's ARN."""
    more = {"Q": queue(), "M": mapping(att("Q", "Arn"), FunctionName=ref("A"))}
    resources = _published(account, "one", PRINTS, may=[(RECEIVE, att("Q", "Arn"))]) | more
    made = account.deployed(name, template(resources, {"F": ref("F")}))["F"]
    account.client("sqs").send_message(QueueUrl=account.child(name, "Q"), MessageBody="{}")

    def invoked() -> list[str]:
        return [line for line in account.messages(f"/aws/lambda/{made}") if line.startswith("INVOKED")]

    line = account.until(invoked, "the function is invoked", 8)[0].strip()
    holds(line.endswith(f":function:{made}:live"), "the ARN is the alias's", line)


@deploys("generator/event_sources.py")
def asynchronous_invocations_of_aliases(account: Account, name: str) -> None:
    """An event that fails goes to the destination of the alias through which it came, and not to the function's."""
    config = {"FunctionName": ref("F"), "MaximumRetryAttempts": 0}
    more = {}
    for title, qualifier in (("Live", "live"), ("Latest", "$LATEST")):
        destination = {"DestinationConfig": {"OnFailure": {"Destination": att(f"Q{title}", "Arn")}}}
        more[f"Q{title}"] = queue()
        more[title] = {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "DependsOn": ["A"],
            "Properties": {**config, "Qualifier": qualifier, **destination},
        }
    may = [("sqs:SendMessage", [att("QLive", "Arn"), att("QLatest", "Arn")])]
    resources = _published(account, "one", FAILS, may=may) | more
    made = account.deployed(name, template(resources, {"F": ref("F")}))["F"]
    account.client("lambda").invoke(FunctionName=f"{made}:live", InvocationType="Event", Payload=b'"lost?"')
    body = received(account, account.child(name, "QLive"), 8)["Body"]
    holds(f"{made}:live" in body and "lost?" in body, "the record has the alias's ARN and the event", body)


@deploys("generator/compute.py", "generator/functions.py")
def reserved_concurrency_of_aliases(account: Account, name: str) -> None:
    """Reserved concurrency is the function's: with 0 its alias refuses, too."""
    made = account.deployed(name, template(_published(account, "one"), {"F": ref("F")}))["F"]
    functions = account.client("lambda")
    functions.put_function_concurrency(FunctionName=made, ReservedConcurrentExecutions=0)
    try:
        functions.invoke(FunctionName=made, Qualifier="live")
    except ClientError as error:
        expect(error.response["Error"]["Code"], "TooManyRequestsException", "refusal")
    else:
        raise Differs("no execution with 0 reserved", "the alias's version ran")


@deploys(VERSIONS, "deployer/stacks/leftover_versions.py")
def unchanged_versions(account: Account, name: str) -> None:
    """A function that was changed and changed back is not published again: the version's resource fails."""
    resources = _published(account, "one")
    made = account.deployed(name, template(resources, {"F": ref("F")}))["F"]
    functions = account.client("lambda")
    for timeout in (7, 5):
        functions.update_function_configuration(FunctionName=made, Timeout=timeout)
        functions.get_waiter("function_updated_v2").wait(FunctionName=made)
    resources["V"]["Properties"]["Description"] = "another"
    stack = account.deploy(name, template(resources, {"F": ref("F")}))
    expect(stack["StackStatus"], "UPDATE_ROLLBACK_COMPLETE", "an update that publishes an unchanged function")
    failures = account.failures(stack["StackId"])
    holds(any("version for this Lambda function exists" in each for each in failures), "it exists", failures)


@deploys("deployer/stacks/leftover_versions.py")
def rolled_back_replacements(account: Account, name: str) -> None:
    """A version that a failed update published is kept, by UpdateReplacePolicy, and the alias is back on the one before."""
    made = account.deployed(name, template(_published(account, "one"), {"F": ref("F")}))["F"]
    resources = _published(account, "two") | {"Broken": impossible(account, DependsOn="A")}
    stack = account.deploy(name, template(resources, {"F": ref("F")}))
    expect(stack["StackStatus"], "UPDATE_ROLLBACK_COMPLETE", "an update that fails")
    _is_first(account, made, account.child(name, "V"))


@deploys("deployer/stacks/leftover_versions.py")
def rolled_back_versions(account: Account, name: str) -> None:
    """A version that a nested stack published is kept when its parent fails, and the nested stack is back on the one before."""

    def parent(release: str, **more: Any) -> dict:
        nested = template(_published(account, release), {"F": ref("F"), "V": ref("V")})
        return template({"Child": child(account.template_url(nested)), **more}, {"F": att("Child", "Outputs.F")})

    made = account.deployed(name, parent("one"))["F"]
    stack = account.deploy(name, parent("two", Broken=impossible(account, DependsOn="Child")))
    expect(stack["StackStatus"], "UPDATE_ROLLBACK_COMPLETE", "an update that fails")
    _is_first(account, made, account.child(account.child(name, "Child"), "V"))


def _is_first(account: Account, made: str, version: str) -> None:
    expect(_versions(account, made), ["1", "2"], "versions")
    expect(version.rpartition(":")[2], "1", "the stack's version")
    expect(account.invoke(f"{made}:live")[0], "one", "answer through the alias")
