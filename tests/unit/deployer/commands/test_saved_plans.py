"""--plan --save, --apply and --discard: whole runs of the command line, over the real parsers."""

import contextlib
import copy
import itertools
import json
import re
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.errors import Exit
from deployer.stacks import saved_plan
from deployer.stacks.rollback_triggers import Monitoring
from tests.unit.deployer import wire
from tests.unit.deployer.commands.test_fault_matrix import Account, templates
from tests.unit.deployer.commands.test_fault_matrix import account as account  # the fixture
from tests.unit.deployer.wire import FAULTS, Refused

GOLDEN = Path(__file__).parents[1] / "golden" / "saved_plans"
SCHEMA = Path(__file__).parents[4] / "docs" / "saved-plan.schema.json"
PREVIEW = ("--env", "pr-1", "--like", "dev")
INTERRUPTED = {
    "interrupted before": wire._raising(lambda request: KeyboardInterrupt()),
    "interrupted after": wire._raising(lambda request: KeyboardInterrupt(), after=True),
}


class Team:
    """Saves, applies and discards the plan in `file`."""

    def __init__(self, account: Account, file):
        self.account, self.file = account, file

    @property
    def aws(self):
        return self.account.wire.account

    @property
    def set(self):
        """The plan's change set."""
        [found] = [each for each in self.aws.sets.values() if each.id == self.document["changeSet"]]
        return found

    @property
    def document(self) -> dict:
        return json.loads(self.file.read_text())

    @property
    def record(self) -> dict:
        """Of the deployment that the plan makes."""
        return self.document["deployment"]

    def records(self) -> list[dict]:
        """Of all deployments, oldest first."""
        return [json.loads(body) for key, body in self.aws.objects.items() if key.startswith("deployments/")]

    @property
    def artifacts(self) -> list[str]:
        """The keys of root, packages and child."""
        root = self.record["root"]
        return [root, *self.record["packages"], *re.findall(r"templates/\w+\.yaml", self.aws.objects[root].decode())]

    def edit(self, **fields) -> None:
        """Set fields of the document, or of its record."""
        document = self.document
        for name, value in fields.items():
            (document if name in document else document["deployment"])[name] = value
        self.file.write_text(json.dumps(document))

    def run(self, *arguments: str, faults: dict | None = None, yes: bool = True) -> tuple[int, str]:
        self.account.aws.sent.writes.clear()
        return self.account.run(*arguments, faults=faults, yes=yes)

    def save(self, *arguments: str, level: str = "one", **faults) -> tuple[int, str]:
        self.account.level = level
        return self.run("--plan", "--save", str(self.file), *arguments, **faults)

    def saved(self, *arguments: str, level: str = "one") -> None:
        code, said = self.save(*arguments, level=level)
        assert code == Exit.OK, said

    def apply(self, *arguments: str, **faults) -> tuple[int, str]:
        return self.run("--apply", str(self.file), *arguments, **faults)

    def discard(self, **faults) -> tuple[int, str]:
        return self.run("--discard", str(self.file), yes=False, **faults)

    @property
    def executed(self) -> bool:
        return "ExecuteChangeSet" in self.account.wire.changed

    def refused(self, *words: str, code: Exit = Exit.REFUSED) -> str:
        """Apply it, which must be refused without a change."""
        got, said = self.apply()
        assert (got, self.account.wire.changed) == (code, []), said
        assert all(word in said for word in words), said
        assert "plan again" in said or code is Exit.USAGE
        return said

    def kept(self):
        """Return a function that puts account and file back: faster than another deployment."""
        before = copy.deepcopy({name: value for name, value in vars(self.aws).items() if name != "changed"})
        text = self.file.read_text() if self.file.exists() else None

        def put_back() -> None:
            vars(self.aws).update(copy.deepcopy(before))
            self.file.unlink(missing_ok=True)
            if text is not None:
                self.file.write_text(text)

        return put_back

    def left(self) -> list[str]:
        return [each.name for each in self.aws.sets.values() if not each.executed]


@pytest.fixture
def team(account, tmp_path) -> Team:
    vars(account.wire.account).clear()  # what other tests have replaced
    account.reset()
    return Team(account, tmp_path / "plan.json")


@pytest.fixture
def updating(team) -> Team:
    """Something is deployed, and the plan of an update is saved."""
    team.account.deploy()
    team.saved()
    return team


# --- what is saved --------------------------------------------------------------------------------


def test_a_plan_is_saved_applied_and_recorded_with_who_approved_it(team):
    code, said = team.save("--output", "json")
    report = json.loads(said[: said.rindex("}") + 1])
    assert code == Exit.OK
    assert report["saved"] == {"file": str(team.file), "changeSet": team.set.id}
    assert report["plan"] == team.document["plan"]
    assert team.set.name.startswith("deploy-saved-") and team.aws.stacks["root"].status == "REVIEW_IN_PROGRESS"
    made = team.document
    assert {team.record["who"], made["account"], made["region"], made["endpoint"]} == {
        *("arn:aws:iam::123456789012:user/ops", "123456789012", "us-east-1", "AWS")
    }
    assert {*team.artifacts} == {*team.aws.objects}

    team.aws.get_caller_identity = lambda: {"Account": wire.ACCOUNT, "Arn": "arn:aws:iam::1:user/lead", "UserId": "U"}
    code, said = team.apply()
    assert code == Exit.OK and team.executed, said
    [record] = team.records()
    assert (record["who"], record["approved_by"]) == ("arn:aws:iam::123456789012:user/ops", "arn:aws:iam::1:user/lead")
    assert record["version"] == team.record["version"] and record["changes"]


def test_an_applied_plan_has_nothing_to_change_and_is_refused_once_something_else_is_deployed(updating):
    assert updating.apply()[0] == Exit.OK
    code, said = updating.apply()
    assert (code, updating.account.wire.changed) == (Exit.OK, []) and "the plan is applied" in said
    code, said = updating.discard()
    assert code == Exit.REFUSED and "was applied" in said
    another_deployment(updating)
    said = updating.refused("was applied already", "EXECUTE_COMPLETE")
    assert "by ops on " in said, "who did it"


def test_the_record_that_an_ended_run_did_not_write_is_written_by_the_same_command_and_the_stack_protected(
    updating, monkeypatch
):
    protected = []
    monkeypatch.setattr(
        "deployer.stacks.termination_protection.ensure", lambda aws, env, stack: protected.append(stack["StackName"])
    )
    assert updating.apply(faults={"PutObject": "denied"})[0] == Exit.OK
    assert updating.records()[-1]["version"] != updating.record["version"] and protected.pop()
    assert updating.apply()[0] == Exit.OK and not updating.executed
    assert updating.records()[-1]["version"] == updating.record["version"] and updating.records()[-1]["approved_by"]
    assert protected
    updating.edit(who="arn:aws:iam::1:user/mallory")
    updating.refused("was applied already")


def test_the_plan_of_a_preview_has_its_expiry_and_its_settings(team):
    assert team.run("--plan", "--save", str(team.file), *PREVIEW, "--ttl", "3d")[0] == Exit.OK
    code, said = team.apply("--env", "pr-1", "--like", "staging")
    assert code == Exit.REFUSED and "--like 'dev', not 'staging'" in said and not team.executed
    assert team.apply(*PREVIEW)[0] == Exit.OK
    record = json.loads(team.aws.objects["deployments/pr-1/preview.json"])
    assert record["like"] == "dev" and record["expires"]
    team.file.unlink()
    assert team.run("--plan", "--save", str(team.file), *PREVIEW, "--ttl", "9d")[0] == Exit.OK
    assert team.document["changeSet"] is None and team.apply(*PREVIEW)[0] == Exit.OK
    assert json.loads(team.aws.objects["deployments/pr-1/preview.json"])["expires"] > record["expires"]


def test_a_plan_with_another_service_role_is_refused_and_can_be_discarded(updating, monkeypatch):
    monkeypatch.setattr(updating.account.aws, "service_role", "arn:aws:iam::123456789012:role/new")
    updating.refused("service role '', not 'arn:aws:iam::123456789012:role/new'")
    assert updating.discard()[0] == Exit.OK


def test_an_alarm_that_cannot_roll_back_is_named_when_the_plan_is_applied(team, monkeypatch):
    found = Monitoring(left_out={"sync-path": "in ALARM since yesterday"})
    monkeypatch.setattr("deployer.preflight.monitoring.check", lambda *_: found)
    team.saved()
    assert "not sync-path: in ALARM since yesterday" in team.apply()[1]


def test_nothing_local_but_the_settings_is_needed_to_apply(updating, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("the local version was looked at")

    for name in ("rendered", "functions", "packages"):
        monkeypatch.setattr(f"deployer.commands.local_version.{name}", forbidden)
    monkeypatch.setattr("deployer.artifacts.wheels.started", forbidden)
    assert updating.apply()[0] == Exit.OK and updating.executed


def test_a_plan_without_changes_is_saved_and_applied_without_an_execution(updating):
    updating.apply()
    updating.file.unlink()
    updating.saved()
    assert updating.document["changeSet"] is None and not updating.left()
    code, said = updating.apply()
    assert (code, updating.executed) == (Exit.OK, False) and "no changes" in said
    assert updating.discard()[0] == Exit.OK
    updating.edit(version="0000000000")
    updating.refused("its change set is missing")


def test_a_plan_whose_change_set_is_removed_from_the_file_is_refused(updating):
    updating.edit(changeSet=None)
    updating.refused("its change set is missing")
    updating.edit(changeSet=None, stack=None)
    updating.refused("its change set is missing")


def test_a_plan_without_changes_is_refused_once_something_else_is_deployed(updating):
    updating.apply()
    updating.file.unlink()
    updating.saved()
    updating.account.level = "other"
    assert updating.run()[0] == Exit.OK
    updating.refused("changed since the plan")


def test_a_plan_that_loses_data_is_shown_and_not_saved(team, monkeypatch):
    team.account.deploy()
    without_table = {key: body.replace('"Table"', '"Renamed"') for key, body in templates("one").items()}
    monkeypatch.setattr("deployer.commands.local_version.rendered", lambda *_: without_table)
    table = {"Action": "Remove", "LogicalResourceId": "Table", "ResourceType": "AWS::DynamoDB::Table"}
    describe = team.aws.describe_change_set
    team.aws.describe_change_set = lambda **asked: describe(**asked) | {"Changes": [{"ResourceChange": table}]}
    code, said = team.save()
    assert code == Exit.REFUSED and "--allow-replace Table" in said and not team.file.exists() and not team.left()
    team.saved("--allow-replace", "Table")
    assert team.document["allowReplace"] == ["Table"]
    assert team.apply()[0] == Exit.OK, "the consent is part of the plan"


def test_no_value_of_a_secret_parameter_is_saved(team, monkeypatch):
    root = templates("one")
    declared = root["root"].replace(
        '"AlertEmail": {"Type": "String"}', '"AlertEmail": {"Type": "String", "NoEcho": true}'
    )
    assert declared != root["root"]
    monkeypatch.setattr("deployer.commands.local_version.rendered", lambda *_: root | {"root": declared})
    team.saved()
    assert "AlertEmail" not in team.record["parameters"]
    describe = team.aws.describe_change_set
    masked = [{"ParameterKey": "AlertEmail", "ParameterValue": "****"}]

    def hiding(**asked):
        answer = describe(**asked)
        rest = [each for each in answer["Parameters"] if each["ParameterKey"] != "AlertEmail"]
        return answer | {"Parameters": rest + masked}

    team.aws.describe_change_set = hiding
    assert team.apply()[0] == Exit.OK and team.executed


# --- where it cannot be saved ----------------------------------------------------------------------


@pytest.mark.parametrize("where", ["missing/plan.json", "", "there.json"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_asked(team, tmp_path, where):
    (tmp_path / "there.json").write_text("{}")
    code, said = team.run("--plan", "--save", str(tmp_path / where))
    assert code == Exit.USAGE and "--save" in said and team.account.wire.calls == []
    assert (tmp_path / "there.json").read_text() == "{}"


def test_a_disk_that_is_full_leaves_neither_file_nor_change_set(team, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("deployer.show.outputs_file.os.replace", full)
    code, said = team.save()
    assert code == Exit.FAILED and "No space left" in said
    assert not team.left() and not list(team.file.parent.iterdir()) and not team.aws.stacks


# --- what no longer fits ---------------------------------------------------------------------------


def deleted(team):
    team.aws.delete_change_set(team.set.name)


def obsolete(team):
    described = team.aws.describe_change_set
    team.aws.describe_change_set = lambda **asked: described(**asked) | {"ExecutionStatus": "OBSOLETE"}


def failed(team):
    described = team.aws.describe_change_set
    team.aws.describe_change_set = lambda **asked: (
        described(**asked) | {"Status": "FAILED", "ExecutionStatus": "UNAVAILABLE"}
    )


def another_deployment(team):
    team.account.level = "other"
    assert team.run()[0] == Exit.OK


def another_operation(team):
    """It left everything as it was, such as an update that was rolled back."""
    stack = team.aws.stacks["root"]
    team.aws._event(stack, "UPDATE_IN_PROGRESS", "token of another program")
    stack.events[0]["Timestamp"] += timedelta(minutes=1)


def another_status(team):
    team.aws.stacks["root"].status = "UPDATE_ROLLBACK_COMPLETE"


def other_parameters(team):
    team.aws.stacks["root"].parameters = [
        {**each, "ParameterValue": "1" if each["ParameterKey"] == "RecoveryDays" else each["ParameterValue"]}
        for each in team.aws.stacks["root"].parameters
    ]


def recreated(team):
    team.aws.stacks["root"].id += "-again"


def gone(team):
    team.aws.stacks.clear()


def missing_template(team):
    del team.aws.objects[team.artifacts[3]]


def changed_template(team):
    team.aws.objects[team.artifacts[3]] += b" "


def missing_package(team):
    del team.aws.objects[team.artifacts[1]]


def changed_package(team):
    team.aws.objects[team.artifacts[1]] += b"evil"


def another_template_in_the_change_set(team):
    team.set.template = team.set.template.replace("DataStack", "EvilStack")


def other_parameters_in_the_change_set(team):
    team.set.parameters = [{**each, "ParameterValue": "x"} for each in team.set.parameters]


def other_tags_in_the_change_set(team):
    team.set.tags = [{"Key": "Project", "Value": "other"}]


def another_account(team):
    team.aws.get_caller_identity = lambda: {"Account": "999999999999", "Arn": "arn:aws:iam::9:user/x", "UserId": "U"}


def running(team):
    team.aws._event(team.aws.stacks["root"], "UPDATE_IN_PROGRESS", "token of another program")
    team.aws.stacks["root"].status = "UPDATE_IN_PROGRESS"


@pytest.mark.parametrize(
    "happened, words",
    [
        (deleted, "no longer exists: it was discarded, or has expired"),
        (obsolete, "is in CREATE_COMPLETE, OBSOLETE"),
        (failed, "is in FAILED"),
        (another_deployment, "changed since the plan"),
        (another_operation, "changed since the plan"),
        (another_status, "UPDATE_ROLLBACK_COMPLETE"),
        (other_parameters, "changed since the plan"),
        (recreated, "is not the plan's: it was deleted since"),
        (gone, "is not the plan's: it was deleted since"),
        (missing_template, "no longer exists"),
        (changed_template, "was changed after its upload"),
        (missing_package, "no longer exists"),
        (changed_package, "was changed after its upload"),
        (another_template_in_the_change_set, "the plan's template"),
        (other_parameters_in_the_change_set, "the plan's parameters"),
        (other_tags_in_the_change_set, "the plan's tags"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_plan_that_no_longer_fits_is_refused_with_the_difference(updating, happened, words):
    happened(updating)
    updating.refused(words)


def test_a_plan_of_another_account_is_refused(updating):
    another_account(updating)
    code, said = updating.apply()
    assert code == Exit.REFUSED and "account '123456789012', not '999999999999'" in said and not updating.executed
    assert updating.discard()[0] == Exit.REFUSED


def test_a_plan_is_refused_where_it_was_not_made(updating):
    updating.account.aws.region = "eu-west-1"
    try:
        code, said = updating.apply()
    finally:
        updating.account.aws.region = "us-east-1"
    assert code == Exit.REFUSED and "Region 'us-east-1', not 'eu-west-1'" in said
    code, said = updating.run("--env", "staging", "--apply", str(updating.file))
    assert code == Exit.REFUSED and "environment 'dev', not 'staging'" in said and not updating.executed
    updating.account.aws.endpoint_url = "http://127.0.0.1:1"
    try:
        code, said = updating.apply()
    finally:
        del updating.account.aws.endpoint_url
    assert code == Exit.REFUSED and "endpoint 'AWS', not 'http://127.0.0.1:1'" in said


def test_while_another_operation_runs_it_is_named(updating):
    running(updating)
    code, said = updating.apply()
    assert code == Exit.PREFLIGHT and "is in UPDATE_IN_PROGRESS: started by another program" in said


def test_of_two_plans_one_is_applied_and_the_other_refused(updating, tmp_path):
    other = Team(updating.account, tmp_path / "other.json")
    other.saved(level="two")
    assert len(updating.left()) == 2
    assert other.apply()[0] == Exit.OK
    updating.refused("changed since the plan")


def test_a_plan_survives_another_plan_and_a_deployment_says_that_it_waits(team):
    team.saved()
    code, said = team.run("--plan")
    assert code == Exit.OK and "it is a saved plan, for --apply or --discard" in said
    assert team.left() == [team.set.name]
    assert team.apply()[0] == Exit.OK


# --- discarding ------------------------------------------------------------------------------------


def test_a_discarded_first_deployment_leaves_nothing(team):
    team.saved()
    code, said = team.discard()
    assert code == Exit.OK and "is discarded" in said
    assert not team.aws.sets and not team.aws.stacks and team.file.exists()
    code, said = team.discard()
    assert code == Exit.OK and "Nothing to discard" in said
    team.refused("it was deleted since")


def test_a_plan_whose_stack_was_deleted_is_discarded(updating):
    """CloudFormation refuses a call that names a stack that was deleted."""
    gone(updating)
    updating.aws.sets.clear()

    def refused(**_):
        raise Refused("ValidationError", f"Stack [{updating.document['stack']}] does not exist")

    updating.aws.delete_change_set = refused
    code, said = updating.discard()
    assert code == Exit.OK and "Nothing to discard" in said, said


def test_an_empty_stack_that_another_plan_needs_stays(team, tmp_path):
    team.saved()
    other = Team(team.account, tmp_path / "other.json")
    other.saved(level="two")
    assert team.discard()[0] == Exit.OK
    assert other.apply()[0] == Exit.OK and other.executed
    assert other.aws.stacks["root"].status == "CREATE_COMPLETE"


def test_a_change_set_that_the_file_does_not_fit_is_not_discarded(updating):
    updating.edit(who="arn:aws:iam::1:user/mallory")
    code, said = updating.discard()
    assert code == Exit.REFUSED and "not as it was saved" in said and updating.left()


# --- the file --------------------------------------------------------------------------------------


def test_a_newer_format_is_named(updating):
    updating.edit(format=2)
    code, said = updating.apply()
    assert code == Exit.USAGE and "has format 2" in said and "reads formats up to 1" in said


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"null", b"{}", b'{"format": 1}', b"[" * 5000])
def test_what_is_no_plan_is_a_usage_error(updating, content):
    updating.file.write_bytes(content)
    assert updating.apply()[0] == updating.discard()[0] == Exit.USAGE
    assert updating.account.wire.calls == []


def test_a_file_that_is_not_there_is_a_usage_error(team, tmp_path):
    for path in (tmp_path / "none.json", tmp_path, tmp_path / ("x" * 300)):
        assert team.run("--apply", str(path))[0] == Exit.USAGE


def test_an_edited_plan_is_refused(updating):
    shown = updating.document["plan"]
    updating.edit(plan=shown | {"changes": []})
    updating.refused("does not do what", "(changes)")
    updating.edit(plan=shown | {"note": "reviewed"})
    updating.refused("does not do what", "(note)")


def test_an_edited_field_does_not_fit_the_change_set(updating):
    original = updating.document
    fields = {
        "who": "arn:aws:iam::1:user/mallory",
        "commit": "f" * 40,
        "allowReplace": ["Table"],
        "noRollback": True,
        "tags": {},
        "version": "0" * 10,
        "added": 1,
    }
    for field, value in fields.items():
        updating.edit(**{field: value})
        updating.refused("not as it was saved")
        updating.file.write_text(json.dumps(original))
    assert updating.apply()[0] == Exit.OK


def test_the_change_set_of_another_plan_is_not_executed(updating, tmp_path):
    other = Team(updating.account, tmp_path / "other.json")
    other.saved(level="two")
    updating.edit(changeSet=other.document["changeSet"])
    updating.refused("not as it was saved")


def test_a_null_is_a_value_and_false_is_not_zero(updating):
    plan = updating.document["plan"]
    assert plan["shift"] is None and plan["permissions"]["first"] is False
    updating.edit(plan={key: value for key, value in plan.items() if key != "shift"})
    updating.refused("does not do what", "shift")
    updating.edit(plan=plan | {"permissions": plan["permissions"] | {"first": 0}})
    updating.refused("does not do what", "permissions")


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner))


def paths(node, path=()):
    """The paths of all values in a document."""
    yield path
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from paths(value, (*path, key))


def mutated(document, data):
    """The document with one value replaced, removed or added."""
    made = json.loads(json.dumps(document))
    path = data.draw(st.sampled_from([each for each in paths(made) if each]))
    holder = made
    for step in path[:-1]:
        holder = holder[step]
    how = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if how == "remove":
        del holder[path[-1]]
    elif how == "add" and isinstance(holder, dict):
        holder[data.draw(st.text(max_size=5))] = data.draw(VALUES)
    else:
        holder[path[-1]] = data.draw(VALUES)
    return made


def without_cost(document) -> str:
    plan = document["plan"]
    kept = document | {"plan": {key: value for key, value in plan.items() if key != "cost"}}
    return json.dumps(kept, sort_keys=True)  # as text: to Python 0 equals False


def test_a_mutated_file_never_ends_in_a_traceback_and_executes_nothing_else(updating):
    original, text, put_back = updating.document, updating.file.read_text(), updating.kept()

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(data=st.data())
    def check(data) -> None:
        put_back()
        document = None
        if data.draw(st.integers(0, 3)):
            document = mutated(original, data)
            updating.file.write_text(json.dumps(document))
        else:
            cut, width = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 3))
            updating.file.write_text(text[:cut] + data.draw(st.text(max_size=3)) + text[cut + width :])
            with contextlib.suppress(ValueError):
                document = json.loads(updating.file.read_text())
        code, said = updating.apply()
        assert code in (Exit.OK, Exit.USAGE, Exit.PREFLIGHT, Exit.REFUSED) and "Traceback" not in said, said
        if code == Exit.OK:
            assert updating.executed and without_cost(document) == without_cost(original), said

    check()


# --- faults and interruptions ----------------------------------------------------------------------


def operations(team: Team, run) -> list[str]:
    code, said = run()
    assert code == Exit.OK, said
    return sorted(set(team.account.wire.calls))


def test_a_lost_response_of_the_execution_is_no_failure(updating):
    for fault in ("reset after", "hang after"):
        code, said = updating.apply(faults={"ExecuteChangeSet": fault})
        assert code == Exit.OK and updating.executed, said
        updating.account.deploy()
        updating.file.unlink()
        updating.saved()


@pytest.mark.parametrize("fault", ["reset", "html 200", "html 503", "truncated", "denied", "expired", "throttled"])
@pytest.mark.parametrize("step", ["save", "apply", "discard"])
def test_a_fault_of_any_call_ends_in_one_line(updating, step, fault):
    assert fault in FAULTS

    if step == "save":
        updating.discard()
        updating.file.unlink()
    prepare, found = updating.kept(), []
    for operation in operations(updating, getattr(updating, step)):
        prepare()
        code, said = getattr(updating, step)(faults={operation: fault})
        if code not in (Exit.OK, Exit.FAILED, Exit.PREFLIGHT, Exit.REFUSED) or "Traceback" in said:
            found.append(f"{operation}: exit {code}: {said}")
        if updating.account.wire.changed and "nothing was changed" in said:
            found.append(f"{operation}: changed {updating.account.wire.changed}, and says: {said}")
        if step == "save" and code and updating.file.exists():
            found.append(f"{operation}: exit {code} and a file: {said}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("moment", INTERRUPTED)
@pytest.mark.parametrize("first", [True, False], ids=["first deployment", "update"])
def test_an_interrupted_save_leaves_neither_file_nor_change_set(team, monkeypatch, first, moment):
    monkeypatch.setitem(wire._FAULTS, moment, INTERRUPTED[moment])

    if not first:
        team.account.deploy()
    prepare = team.kept()
    for operation in operations(team, team.save):
        prepare()
        code, said = team.save(faults={operation: lambda number: moment if number == 1 else ""})
        assert code == Exit.INTERRUPTED or "perhaps" in said, f"{operation}: {said}"
        assert not team.file.exists() and not list(team.file.parent.glob(".*")), operation
        assert not team.left() or f"left the unexecuted change set {team.left()[0]}" in said, f"{operation}: {said}"
        if operation != "DeleteChangeSet":
            assert not team.left(), f"{operation}: {said}"


@pytest.mark.parametrize("moment", INTERRUPTED)
def test_an_interrupted_application_keeps_the_plan_or_has_begun_it(updating, monkeypatch, moment):
    monkeypatch.setitem(wire._FAULTS, moment, INTERRUPTED[moment])

    prepare = updating.kept()
    for operation in operations(updating, updating.apply):
        prepare()
        code, said = updating.apply(faults={operation: lambda number: moment if number == 1 else ""})
        assert code == Exit.INTERRUPTED, f"{operation}: {code} {said}"
        assert not updating.executed or "nothing was changed" not in said, f"{operation}: {said}"
        assert updating.apply()[0] == Exit.OK, f"{operation}: the plan is still there, or applied"
        assert updating.records()[-1]["version"] == updating.record["version"], operation


def test_an_interrupted_application_is_resumed_by_the_same_command(updating):
    """The run ended while the operation went on: the same command follows it to its end and records it."""
    execute = updating.aws.execute_change_set

    def begun(**asked):
        execute(**asked)
        stack = updating.aws.stacks["root"]
        stack.status, updating.ended = "UPDATE_IN_PROGRESS", list(stack.events)
        del stack.events[0]
        raise KeyboardInterrupt

    updating.aws.execute_change_set = begun
    assert updating.apply()[0] == Exit.INTERRUPTED
    describe = updating.aws.describe_stack_events
    looks = itertools.count()

    def ends(**asked):
        if next(looks):
            stack = updating.aws.stacks["root"]
            stack.status, stack.events = "UPDATE_COMPLETE", updating.ended
        return describe(**asked)

    updating.aws.describe_stack_events = ends
    code, said = updating.apply()
    assert code == Exit.OK, said
    assert updating.records()[-1]["version"] == updating.record["version"] and updating.records()[-1]["approved_by"]


def test_a_change_set_that_another_deployment_makes_obsolete_between_look_and_execution(updating):
    def lost(**_):
        raise Refused("InvalidChangeSetStatus", "ChangeSet is in OBSOLETE status")

    updating.aws.execute_change_set = lost
    code, said = updating.apply()
    assert code == Exit.PREFLIGHT and "came first" in said


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_a_file_of_each_released_format_is_read(file):
    content = file.read_bytes()
    read = saved_plan.parse(content, file.name)
    now, then = json.loads(read.text()), json.loads(content)
    assert now.pop("deployment").items() >= then.pop("deployment").items(), "fields may be added"
    assert now.items() >= then.items()
    assert read.change_set.split("/")[1].endswith(f"-{read.seal}"), "a field that is added changes no seal"


def schema() -> dict:
    made = saved_plan.SavedPlan.model_json_schema(by_alias=True)
    del made["properties"]["seal"]
    made["properties"]["plan"] = {"$ref": "plan.schema.json", "description": "The plan that was shown"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | made


def test_the_schema_is_that_of_the_code(updating):
    assert json.loads(SCHEMA.read_text()) == schema(), f"renew {SCHEMA.name}: write schema() to it"
    plan = json.loads((SCHEMA.parent / "plan.schema.json").read_text())
    jsonschema.validate(updating.document["plan"], plan)
    alone = schema()
    alone["properties"]["plan"] = {"type": "object"}
    jsonschema.validate(updating.document, alone)
