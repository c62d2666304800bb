"""The options, what they select, and the error for a misspelt one."""

import shlex
import subprocess
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from deployer import argument_parser, arguments, cli, completion
from deployer.errors import Exit
from deployer.options import Options
from deployer.stacks.deployment_records import Source


def refused(capsys, *given: str) -> str:
    with pytest.raises(SystemExit) as end:
        arguments.parse(["--env", "dev", *given])
    assert end.value.code == Exit.USAGE
    return capsys.readouterr().err


def meant(*given: str) -> tuple[str, Options]:
    options, command = arguments.parse(["--env", "dev", *given])
    return command.flag, arguments.wanted(options)


def test_without_a_command_it_deploys():
    assert meant() == ("", Options(env="dev"))


@pytest.mark.parametrize("command", arguments.COMMANDS, ids=lambda command: command.flag or "deploy")
def test_every_command_is_an_option_and_a_function_of_the_engine(command):
    known = {flag for action in argument_parser.build()._actions for flag in action.option_strings}
    assert command.flag in known | {""}
    assert callable(getattr(import_module(command.module), command.function))


def test_every_option_belongs_to_some_command():
    theirs = {key for command in arguments.COMMANDS for key in command.companions | {command.key}}
    anywhere = arguments._ANYWHERE | {"stop", "completion", "version", "help"}
    assert {action.dest for action in argument_parser.build()._actions} == (theirs - {""}) | anywhere


def test_every_field_of_the_options_can_be_given():
    flag, options = meant(
        *("--local", "--local-dir", "d", "--region", "eu-west-1", "--profile", "p", "--output", "json"),
        *("--yes", "--plan", "--allow-replace", "A", "--allow-replace", "B", "--orders-per-day", "9"),
        *("--no-rollback", "--detailed-exitcode", "--outputs-file", "o", "--save", "s"),
    )
    assert flag == ""
    assert options == Options(
        env="dev",
        local=True,
        local_dir=Path("d"),
        region="eu-west-1",
        profile="p",
        output="json",
        yes=True,
        plan=True,
        allow_replace=frozenset("AB"),
        orders_per_day=9,
        no_rollback=True,
        detailed_exitcode=True,
        outputs_file=Path("o"),
        save=Path("s"),
    )
    assert meant("--logs", "orders_worker", "--follow", "--order", "o-1", "--since", "2h") == (
        "--logs",
        Options(env="dev", command="--logs", function="orders_worker", follow=True, order="o-1", since=7200.0),
    )
    assert meant("--rollback", "1a2b") == ("--rollback", Options(env="dev", command="--rollback", version="1a2b"))
    assert meant("--destroy", "--delete-data") == (
        "--destroy",
        Options(env="dev", command="--destroy", delete_data=True),
    )
    assert meant("--apply", "f", "--yes") == (
        "--apply",
        Options(env="dev", command="--apply", file=Path("f"), yes=True),
    )
    assert meant("--discard", "f") == ("--discard", Options(env="dev", command="--discard", file=Path("f")))
    assert meant("--import", "f") == ("--import", Options(env="dev", command="--import", file=Path("f")))
    faults = Options(env="dev", command="--faults", local=True, file=Path("f"), duration=90.0)
    assert meant("--local", "--faults", "f", "--duration", "1m30s") == ("--faults", faults)
    assert faults.command_line() == "python deploy.py --env dev --faults f --local --duration 90s"
    assert meant("--imported", "2026-11-28") == (
        "--imported",
        Options(env="dev", command="--imported", day="2026-11-28"),
    )
    assert meant("--dlq", "Q") == ("--dlq", Options(env="dev", command="--dlq", queue="Q"))
    assert meant("--redrive", "Q") == ("--redrive", Options(env="dev", command="--redrive", queue="Q"))


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
VALUES = {
    "text": TEXTS,
    "seconds": st.floats(0.001, 1e8).map(lambda seconds: f"{seconds:.6f}s"),
    "orders": st.integers(0, 10**9).map(str),
    "day": st.dates().map(str),
}


@st.composite
def typed(draw) -> list[str]:
    """A command with any of the options that go with it, each with any value."""
    command = draw(st.sampled_from(arguments.COMMANDS))
    words = [f"--env={draw(TEXTS)}"]
    for action in argument_parser.build()._actions:
        if action.dest in command.companions | arguments._ANYWHERE - {"env"}:
            for _ in range(draw(st.integers(0, 2 if action.dest == "allow_replace" else 1))):
                words.append(_typed(draw, action))
    if command.flag:
        [asked] = [each for each in argument_parser.build()._actions if command.flag in each.option_strings]
        words.append(command.flag if asked.nargs == "?" and draw(st.booleans()) else _typed(draw, asked))
    return words


def _typed(draw, action) -> str:
    flag = action.option_strings[0]
    if action.nargs == 0:
        return flag
    if action.choices:
        return f"{flag}={draw(st.sampled_from(sorted(action.choices)))}"
    kind = {argument_parser._seconds: "seconds", argument_parser._orders: "orders", argument_parser._day: "day"}.get(
        action.type, "text"
    )
    return f"{flag}={draw(VALUES[kind])}"


@settings(max_examples=150, deadline=None)
@given(words=typed())
def test_options_written_as_a_command_line_are_the_same_options(words):
    """Whatever the options are: one that is added and forgotten here is found out."""
    try:
        options = arguments.wanted(arguments.parse(words)[0])
    except SystemExit:
        reject()  # such as --detailed-exitcode without --plan
    again = shlex.split(options.command_line())
    assert again[:2] == ["python", "deploy.py"]
    assert arguments.wanted(arguments.parse(again[2:])[0]) == options


def test_another_command_is_for_the_same_place():
    here = meant("--local", "--local-dir", "my dir", "--region", "eu-west-1", "--profile", "p", "--yes")[1]
    assert here.at_the_same_place("--destroy", delete_data=True).command_line() == (
        "python deploy.py --env dev --destroy --local --local-dir 'my dir' --region eu-west-1 --profile p --delete-data"
    )


@pytest.mark.parametrize("local, where", [(False, "--profile p"), (True, "--endpoint-url http://127.0.0.1:1")])
def test_a_command_of_the_aws_cli_goes_where_this_run_went(local, where):
    aws = SimpleNamespace(region="eu-west-1", local=local, endpoint_url="http://127.0.0.1:1")
    said = Options("dev", local=local, profile="p").aws_command(aws, "sts get-caller-identity")
    assert said == f"aws sts get-caller-identity --region eu-west-1 {where}"


@pytest.mark.parametrize("flag", ["--logs", "--rollback"])
def test_what_may_stand_alone_then_means_all_or_the_one_before(flag):
    assert meant(flag) == (flag, Options(env="dev", command=flag))


@pytest.mark.parametrize(
    "given, said",
    [
        (["--status", "--drift"], "--status and --drift do not go together"),
        (["--logs", "--plan"], "--logs and --plan do not go together"),
        (["--stop", "--local", "--yes"], "--stop and --yes do not go together"),
        (["--follow"], "--follow goes with --logs"),
        (["--delete-data"], "--delete-data goes with --destroy"),
        (["--destroy", "--expired"], "--destroy --expired finds the environments: leave out --env"),
        (["--status", "--ttl", "3d"], "--status and --ttl do not go together"),
        (["--ttl", "soon"], "is not a duration such as"),
        (["--detailed-exitcode"], "--detailed-exitcode goes with --plan or --drift"),
        (["--save", "f"], "--save goes with --plan"),
        (["--apply", "f", "--plan"], "--apply and --plan do not go together"),
        (["--destroy", "--plan", "--save", "f"], "--destroy and --save do not go together"),
        (["--status", "--output", "markdown"], "--output markdown goes with --plan"),
        (["--logs", "--since", "soon"], "is not a duration such as"),
        (["--plan", "--orders-per-day", "-1"], "--orders-per-day"),
        (["--plan", "--orders-per-day", "x"], "must be a non-negative integer, not 'x'"),
        (["--statsu"], "there is no option --statsu; did you mean --status?"),
        (["--order-per-day=9"], "there is no option --order-per-day; did you mean --orders-per-day?"),
        (["--xyzzy"], "there is no option --xyzzy; see --help"),
        (["status"], "unexpected argument 'status'"),
    ],
)
def test_a_mistake_is_told_with_what_it_would_belong_to(capsys, given, said):
    assert said in refused(capsys, *given)


@pytest.mark.parametrize("words", [["--environments"], ["--destroy", "--expired"]])
def test_commands_over_all_environments_need_none(words):
    options, command = arguments.parse(words)
    assert command.module.startswith("operations.environments.")
    assert arguments.wanted(options).command_line() == f"python deploy.py {' '.join(words)}"
    assert callable(getattr(import_module(command.module), command.function))


def test_without_destroy_nothing_expires(capsys):
    with pytest.raises(SystemExit):
        arguments.parse(["--expired"])
    assert "--expired goes with --destroy" in capsys.readouterr().err


def test_a_preview_is_made_like_an_environment_without_a_file(capsys):
    assert meant("--like", "staging", "--ttl", "3d")[1] == Options(env="dev", like="staging", ttl=259200.0)
    assert cli.main(["--env", "dev", "--like", "staging", "--plan"]) == Exit.USAGE
    assert "environments/dev.toml exists" in capsys.readouterr().err
    assert cli.main(["--env", "feature/x", "--like", "dev", "--plan"]) == Exit.USAGE
    assert "'feature/x' is no name of a preview: expected lower-case letters" in capsys.readouterr().err


def test_a_misspelt_environment_is_answered_with_all_and_the_closest(capsys):
    assert cli.main(["--env", "prd", "--plan"]) == Exit.USAGE
    assert "'prd'; did you mean prod? known: dev, prod, staging" in capsys.readouterr().err


def test_the_version_is_the_contracts_with_the_commit(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("contract.VERSION", "1.2.3")
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    assert cli.main(["--version"]) == Exit.OK
    assert capsys.readouterr().out == "food-delivery-platform 1.2.3\n"  # outside git
    monkeypatch.setattr(
        "deployer.stacks.deployment_records.local_source", lambda root: Source(commit="0123456789abcdef", dirty=True)
    )
    assert cli.main(["--version"]) == Exit.OK
    assert capsys.readouterr().out == "food-delivery-platform 1.2.3 (commit 0123456789, changed since)\n"


def test_the_help_names_every_option_in_one_line_or_two():
    text = argument_parser.build().format_help()
    assert all(flag in text for action in argument_parser.build()._actions for flag in action.option_strings)
    assert max(map(len, text.split("examples:")[0].splitlines())) <= 110


@pytest.mark.parametrize("shell", argument_parser.SHELLS)
def test_a_completion_script_knows_options_environments_functions_and_queues(shell, capsys):
    assert cli.main(["--completion", shell]) == Exit.OK
    script = capsys.readouterr().out
    for word in ("allow-replace", "staging", "orders_worker", "OrderImportDLQ", "markdown"):
        assert word in script


@pytest.mark.parametrize(
    "typed, offered",
    [
        ("deploy.py --des", {"--destroy"}),
        ("deploy.py --env ", {"dev", "staging", "prod"}),
        ("deploy.py --output ", {"text", "json", "markdown"}),
    ],
)
def test_bash_completes_with_it(typed, offered):
    script = f"""
{completion.script("bash")}
COMP_LINE={typed!r} COMP_POINT={len(typed)}
read -ra COMP_WORDS <<< "$COMP_LINE"; [[ "$COMP_LINE" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
$(complete -p deploy.py | sed -E 's/.*-F ([^ ]+).*/\\1/') deploy.py "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20)
    assert set(done.stdout.split()) == offered, done.stderr
