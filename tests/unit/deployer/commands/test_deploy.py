"""A whole run against an account in memory: what is written, when, and what is not."""

import io
import json
import os
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from config import names
from config.environment import load
from config.parameters import from_environment
from config.sections import Data
from deployer import argument_parser, cli, connection
from deployer.artifacts import bucket, lint, rendering, wheels
from deployer.artifacts.lint import Finding
from deployer.artifacts.packaging import Package
from deployer.aws import session, waiting
from deployer.commands import applying, deploy, desired_state, planning
from deployer.errors import MEANING, Exit, Failure
from deployer.options import Options
from deployer.preflight import account_state as preflight
from deployer.show.ui import Ui
from deployer.stacks import feature_flags, operation, termination_protection
from deployer.stacks.validation import Problem, Refused
from generator.parameters import BY_DEPLOYER

FLAGS = "/food-delivery/dev/feature-flags"
DECLARED = [*from_environment(load("dev")), *BY_DEPLOYER]
READS = ("Get", "Describe", "List", "Head")


def template(level="one", table=True):
    resources = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": level}}}
    if table:
        resources["Orders"] = {"Type": "AWS::SQS::Queue", "Properties": {}}
    return json.dumps(
        {
            "Parameters": {name: {"Type": "String"} for name in DECLARED},
            "Resources": resources,
            "Outputs": {"TopicArn": {"Value": {"Ref": "Topic"}}},
        }
    )


@pytest.fixture
def world(monkeypatch, tmp_path):
    """An account in memory, a checkout with a root template, and a record of every call that writes."""
    state = SimpleNamespace(root=template(), writes=[], said=io.StringIO(), calls=[], parameters=[])
    monkeypatch.setattr("generator.origins.origins", dict)  # before its renderer is replaced
    monkeypatch.setitem(sys.modules, "generator.render", SimpleNamespace(render=lambda: {"root": state.root}))
    monkeypatch.setenv("FOOD_DELIVERY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(rendering, "_sources", lambda root: [state.root])
    monkeypatch.setattr(lint, "started", lambda *arguments: nullcontext(lambda: []))
    layer = Package("layer", b"layer")
    monkeypatch.setattr(wheels, "started", lambda *arguments: nullcontext(lambda: layer))
    monkeypatch.setattr(
        preflight, "check_concurrency", lambda *arguments: None
    )  # moto does not know GetAccountSettings
    monkeypatch.setattr(preflight, "has_gateway_role", lambda aws: True)
    monkeypatch.setattr(deploy, "can_ask", lambda: False)
    for package in ("contract", "domain", "handlers"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    # moto enforces a policy's Deny without looking at its Condition, so here it denies another object.
    tls_only = bucket._tls_only
    monkeypatch.setattr(bucket, "_tls_only", lambda bucket, partition: tls_only(bucket + "/nothing", partition))
    state.path = tmp_path
    connect = session.connect

    def recording(*arguments, **named):
        aws = connect(*arguments, **named)
        inner = aws.client

        def client(service):
            made = inner(service)
            made.meta.events.register("before-call", record, unique_id=f"record-{service}")
            return made

        aws.client = client
        aws.local = True  # which has no X-Ray, and denies nothing
        return aws

    def record(model, params, **_):
        state.calls.append(model.name)
        state.parameters.append(params["body"] if isinstance(params["body"], dict) else {})
        if not model.name.startswith(READS):
            state.writes.append(model.name)

    monkeypatch.setattr(session, "connect", recording)
    monkeypatch.setattr(waiting, "REMOTE", waiting.LOCAL)
    with mock_aws():
        yield state


def run(world, **options):
    world.writes.clear()
    options = Options(**{"env": "dev", "yes": True} | options)
    return deploy.run(options, Ui(world.said, interactive=False), world.path)


def code(world, **options):
    with pytest.raises(Failure) as failure:
        run(world, **options)
    return failure.value.code


def stacks():
    return boto3.client("cloudformation", "us-east-1").describe_stacks()["Stacks"]


def test_the_first_deployment_creates_everything(world):
    assert run(world)["result"] == "deployed"
    assert [stack["StackStatus"] for stack in stacks()] == ["CREATE_COMPLETE"]
    assert {tag["Key"]: tag["Value"] for tag in stacks()[0]["Tags"]} == {
        "Project": "food-delivery",
        "Environment": "dev",
    }


def test_a_stack_that_retains_data_gets_termination_protection_again_if_it_was_taken_away(world, monkeypatch):
    retaining = load("dev").model_copy(update={"data": Data(retention="Retain", deletion_protection=False)})
    monkeypatch.setattr(connection, "load_environment", lambda options: retaining)
    asked = []
    monkeypatch.setattr(termination_protection, "_set", lambda aws, stack, on: asked.append((stack["StackName"], on)))
    assert run(world, plan=True)["result"] == "planned" and asked == []
    assert [run(world)["result"], run(world)["result"]] == ["deployed", "unchanged"]
    assert asked == [("food-delivery-dev", True)] * 2, "moto's stack stays without"


def test_an_object_with_other_content_than_its_key_says_is_replaced(world):
    run(world)
    s3, name = boto3.client("s3", "us-east-1"), names.artifact_bucket("123456789012", "us-east-1")
    [key] = [each["Key"] for each in s3.list_objects_v2(Bucket=name)["Contents"] if "functions" in each["Key"]]
    right = s3.get_object(Bucket=name, Key=key)["Body"].read()
    s3.put_object(Bucket=name, Key=key, Body=b"planted")
    world.root = template("two")
    run(world)
    assert s3.get_object(Bucket=name, Key=key)["Body"].read() == right


def test_the_outputs_are_written_to_the_outputs_file(world):
    path = world.path / "outputs.json"
    result = run(world, outputs_file=path)  # moto forgets the outputs of a change set's stack
    assert json.loads(path.read_text()) == result["outputs"]
    assert path.stat().st_mode & 0o077 == 0


def test_outputs_that_could_not_be_written_are_refused_before_anything_is_asked(world):
    assert code(world, outputs_file=world.path / "o" / "outputs.json") is Exit.USAGE
    assert world.calls == []


def test_the_bucket_is_private_encrypted_versioned_and_tls_only(world):
    run(world)
    s3, bucket = boto3.client("s3", "us-east-1"), "food-delivery-artifacts-123456789012-us-east-1"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=bucket)["Policy"]


def test_an_unchanged_project_writes_nothing_at_all_and_asks_nothing(world):
    run(world)
    world.calls.clear()
    assert run(world, yes=False)["result"] == "unchanged"
    assert world.writes == []
    # ListObjectsV2: whether the deployed version has a record
    assert world.calls == ["GetCallerIdentity", "DescribeStacks", "GetTemplate", "ListObjectsV2"]


def test_a_change_of_tags_alone_is_a_change(world, monkeypatch):
    """moto's change sets have no tags: CloudFormation is asked for one, and the plan lists them."""
    run(world)
    wanted = names.tags("dev") | {"CostCenter": "42"}
    monkeypatch.setattr(names, "tags", lambda environment: wanted)
    result = run(world)
    assert "CreateChangeSet" in world.writes
    assert result["plan"]["tags"] == [{"key": "CostCenter", "before": None, "after": "42"}]


def test_everything_that_a_deployment_sets_is_compared(world, monkeypatch):
    """What is added to the request and to nothing else must not pass in silence."""
    assert {*desired_state._IS_DEPLOYED} == {
        *("TemplateURL", "Parameters", "Tags", "Capabilities", "RollbackConfiguration")
    }
    run(world)
    [made] = [call for call in world.parameters if call.get("Action") == "CreateChangeSet"]
    chosen = {"StackName", "ChangeSetName", "ChangeSetType", "IncludeNestedStacks", "ClientToken", "Description"}
    sent = {key.partition(".")[0] for key in made} - {"Action", "Version"}
    assert sent - chosen == {*desired_state._IS_DEPLOYED}


def test_only_what_is_missing_is_uploaded(world):
    run(world)
    world.root = template("two")
    assert run(world)["result"] == "deployed"
    assert world.writes.count("PutObject") == 2  # the root template, and the record of the deployment
    assert "CreateBucket" not in world.writes


def test_changed_code_changes_one_package(world):
    run(world)
    (world.path / "domain" / "new.py").write_text("x = 1\n")
    run(world)
    assert world.writes.count("PutObject") == 2  # the root template, and the record of the deployment


def test_a_plan_leaves_nothing_behind(world):
    assert run(world, plan=True, yes=False)["result"] == "planned"
    assert stacks() == []
    assert "PutParameter" not in world.writes and "ExecuteChangeSet" not in world.writes


def test_a_plan_of_an_update_leaves_the_stack_and_no_change_set(world):
    run(world)
    world.root = template("two")
    before = change_sets()  # moto keeps the executed one
    result = run(world, plan=True)
    assert [(change["path"], change["action"]) for change in result["plan"]["changes"]] == [("Topic", "modify")]
    assert "exitCode" not in result
    assert change_sets() == before


@pytest.mark.parametrize("level, exit_code", [("one", None), ("two", Exit.DIFFERENCES)])
def test_a_plan_can_tell_by_its_exit_code_whether_there_are_changes(world, level, exit_code):
    run(world)
    world.root = template(level)
    assert run(world, plan=True, detailed_exitcode=True).get("exitCode") == exit_code


def test_a_plan_is_markdown_where_that_is_asked_for(world):
    assert "Topic" in run(world, plan=True, output="markdown")["markdown"]
    assert "markdown" not in run(world, plan=True)


def test_without_terminal_and_yes_a_change_is_refused_before_the_first_write(world):
    assert code(world, yes=False) is Exit.REFUSED
    assert world.writes == []


@pytest.mark.parametrize("answer, kind", [(True, "deployed"), (False, None)])
def test_the_answer_decides(world, monkeypatch, answer, kind):
    monkeypatch.setattr(deploy, "can_ask", lambda: True)
    monkeypatch.setattr(planning, "ask", lambda question: answer)
    if kind:
        assert run(world, yes=False)["result"] == kind
    else:
        assert code(world, yes=False) is Exit.REFUSED
        assert stacks() == []
        assert "PutParameter" not in world.writes


def problem(**more):
    return Problem("", "Topic", "AWS::SNS::Topic", "PROPERTY_VALIDATION", "too long", "DisplayName", **more)


def test_what_cloudformation_rejects_is_shown_and_in_the_report(world, monkeypatch):
    def refuse(*arguments, **options):
        raise Refused("validation failed", [problem()])

    monkeypatch.setattr(planning.changeset, "create", refuse)
    with pytest.raises(Failure, match="1 problem, see above") as failure:
        run(world)
    [problem_shown] = failure.value.report["problems"]
    assert (problem_shown["resource"], problem_shown["property"], problem_shown["message"]) == (
        "Topic",
        "DisplayName",
        "too long",
    )
    assert "Topic (AWS::SNS::Topic), DisplayName: refused" in world.said.getvalue()
    assert "ExecuteChangeSet" not in world.writes and "PutParameter" not in world.writes


def test_what_cloudformation_warns_of_is_shown_and_deployed(world, monkeypatch):
    asked = []

    def warn(aws, sets):
        asked.extend(sets)
        return (problem(stops=False),)

    monkeypatch.setattr(planning.validation, "problems", warn)
    assert run(world)["result"] == "deployed"
    [(path, stack_id, change_set)] = asked
    assert world.calls.count("DescribeChangeSet") == 2  # until it is there, then its only page
    assert path == "" and stack_id == stacks()[0]["StackId"] and ":changeSet/deploy-" in change_set
    assert "! Topic (AWS::SNS::Topic)" in world.said.getvalue()


def test_losing_data_is_refused_then_allowed_by_name(world):
    run(world)
    world.root = template(table=False)
    assert code(world) is Exit.REFUSED
    assert "ExecuteChangeSet" not in world.writes
    assert "DATA AT RISK" in world.said.getvalue()
    assert run(world, allow_replace=frozenset({"Orders"}))["result"] == "deployed"


def test_flags_are_a_secure_string_written_once_and_never_over_an_operators(world):
    ssm = boto3.client("ssm", "us-east-1")
    run(world)
    assert ssm.get_parameter(Name=FLAGS)["Parameter"]["Type"] == "SecureString"
    ssm.put_parameter(Name=FLAGS, Value="operator", Type="SecureString", Overwrite=True)
    world.root = template("two")
    run(world)
    assert ssm.get_parameter(Name=FLAGS, WithDecryption=True)["Parameter"]["Value"] == "operator"
    assert not feature_flags.write_if_absent(session.connect(load("dev")), load("dev"))


def test_lint_errors_stop_before_anything_is_written(world, monkeypatch):
    findings = [Finding("root.yaml", 3, "Table", "E3002", "error", "no such property")]
    monkeypatch.setattr(lint, "started", lambda *arguments: nullcontext(lambda: findings))
    assert code(world) is Exit.LINT
    assert world.writes == []
    assert "root.yaml:3: Table: E3002" in world.said.getvalue()


def test_a_template_that_cannot_be_rendered_stops_like_one_that_fails_the_linter(world, monkeypatch):
    def broken():
        raise TypeError("AttributeName is int, expected str")

    monkeypatch.setattr(sys.modules["generator.render"], "render", broken)
    assert code(world) is Exit.LINT
    assert world.calls == []


def test_parameters_that_do_not_match_are_refused_before_the_first_write(world):
    world.root = json.dumps({"Parameters": {}, "Resources": {}})
    assert code(world) is Exit.USAGE
    assert world.writes == []


def test_an_unknown_environment_is_a_usage_error(world):
    assert code(world, env="nope") is Exit.USAGE


def interrupted(*arguments, **options):
    raise KeyboardInterrupt


def change_sets():
    return boto3.client("cloudformation", "us-east-1").list_change_sets(StackName="food-delivery-dev")["Summaries"]


@pytest.mark.parametrize(
    "where",
    [
        (planning.validation, "problems"),
        (planning.plan_values, "summary"),
        (planning.costs, "compare"),
        (planning.plan_text, "show_first"),
    ],
    ids=lambda where: where[1],
)
def test_interrupted_before_the_execution_leaves_no_change_set_and_no_stack(world, monkeypatch, where):
    monkeypatch.setattr(*where, interrupted)
    with pytest.raises(Failure, match=r"the stack was not changed, .* uploaded 3 objects$") as failure:
        run(world)
    assert failure.value.code is Exit.INTERRUPTED
    assert stacks() == [] and "ExecuteChangeSet" not in world.writes


def test_interrupted_while_the_flags_are_written_leaves_no_change_set(world, monkeypatch):
    run(world)
    world.root, before = template("two"), change_sets()  # moto keeps executed ones
    monkeypatch.setattr(feature_flags, "write_if_absent", interrupted)
    assert code(world) is Exit.INTERRUPTED
    assert change_sets() == before


def test_interrupted_after_the_execution_says_that_the_operation_finished(world, monkeypatch):
    monkeypatch.setattr(applying, "_verify", interrupted)
    with pytest.raises(Failure, match="finished: stack food-delivery-dev is in CREATE_COMPLETE") as failure:
        run(world)
    assert failure.value.code is Exit.INTERRUPTED


# --- without rollback ------------------------------------------------------------------------------


@pytest.mark.parametrize("no_rollback, sent", [(False, "false"), (True, "true")])
def test_an_execution_says_who_began_it_and_whether_to_roll_back(world, no_rollback, sent):
    assert run(world, no_rollback=no_rollback)["result"] == "deployed"
    [asked] = [call for call in world.parameters if "ClientRequestToken" in call]
    assert operation.starter(asked["ClientRequestToken"]).pid == os.getpid()
    assert asked["DisableRollback"] == sent


def test_no_rollback_is_refused_where_data_is_retained(world):
    with pytest.raises(Failure, match="retains its data") as failure:
        run(world, env="prod", no_rollback=True)
    assert failure.value.code is Exit.USAGE and world.calls == []


def test_no_rollback_is_refused_where_something_would_be_replaced(world):
    run(world)
    root = json.loads(world.root)
    root["Resources"]["Orders"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "other"}}
    world.root = json.dumps(root)
    changes = {"no_rollback": True, "allow_replace": frozenset({"Orders"})}
    with pytest.raises(Failure, match=r"CloudFormation replaces nothing \(Orders\)") as failure:
        run(world, **changes)
    assert failure.value.code is Exit.REFUSED and "ExecuteChangeSet" not in world.writes
    assert run(world, allow_replace=frozenset({"Orders"}))["result"] == "deployed"


# --- the command line -----------------------------------------------------------------------------


def end(monkeypatch, capsys, error, *arguments):
    def run(*_):
        raise error

    monkeypatch.setattr(deploy, "run", run)
    status = cli.main(["--env", "dev", *arguments])
    return status, capsys.readouterr()


def test_a_bug_is_one_line_with_a_hint_and_a_traceback_only_when_asked(monkeypatch, capsys):
    status, said = end(monkeypatch, capsys, RuntimeError("boom"))
    assert status == Exit.BUG and "Traceback" not in said.err and "--debug" in said.err
    assert "Traceback" in end(monkeypatch, capsys, RuntimeError("boom"), "--debug")[1].err


def test_a_missing_package_is_no_bug(monkeypatch, capsys):
    status, said = end(monkeypatch, capsys, ModuleNotFoundError("x", name="moto"))
    assert status == Exit.USAGE and "moto" in said.err


def test_ctrl_c_is_130(monkeypatch, capsys):
    assert end(monkeypatch, capsys, KeyboardInterrupt())[0] == 130


def test_json_says_how_it_ended_and_nothing_else_on_stdout(monkeypatch, capsys):
    status, said = end(monkeypatch, capsys, Failure(Exit.REFUSED, "no", "hint"), "--output", "json")
    assert json.loads(said.out) == {"result": "failed", "exitCode": 5, "error": "no", "hint": "hint"}
    assert status == 5


def test_stop_without_local_is_a_usage_error_and_not_running_is_fine(capsys, tmp_path):
    assert cli.main(["--env", "dev", "--stop"]) == Exit.USAGE
    assert cli.main(["--env", "dev", "--local", "--stop", "--local-dir", str(tmp_path)]) == Exit.OK
    assert "was not running" in capsys.readouterr().out


def test_help_documents_every_exit_code():
    text = argument_parser.build().format_help()
    assert all(f"{code:>3}  {meaning}" in text for code, meaning in MEANING.items())
    assert set(MEANING) == set(Exit)


def test_a_plain_terminal_gets_plain_marks():
    class Ascii(io.StringIO):
        encoding = "ascii"

    ui = Ui(stream := Ascii(), interactive=False)
    with ui.step("Lint") as step:
        step.result = "no findings → done"
    stream.getvalue().encode("ascii")
    assert stream.getvalue().startswith("ok Lint")


def test_a_slow_step_says_that_it_is_running(monkeypatch):
    import threading

    monkeypatch.setattr("deployer.show.ui.QUIET_SECONDS", 0.01)
    ui = Ui(stream := io.StringIO(), interactive=False)
    with ui.step("Package"):
        threading.Event().wait(0.1)
    assert stream.getvalue().splitlines()[0].strip().startswith("Package")
