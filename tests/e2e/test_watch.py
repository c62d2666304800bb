"""`--watch`: what is saved is what answers; errors show, and the watch goes on. `--debug-function`: breakpoints work."""

import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from config import names
from tests.e2e.project_kit import redeploy
from tests.e2e.support import deployed, edit, stop
from tests.e2e.watch_kit import DebugClient, watching
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("project")]

HANDLER = "handlers/orders_query.py"
HINT = "an order accepted by POST /orders/async appears once it is stored"
UNKNOWN = "/orders/fd-01a22206-0000-7000-8000-000000000000"


def answers(deployment) -> str:
    with deployment.api() as api:
        return api.get(UNKNOWN).text


def save(project: Path, file: str, text: str) -> None:
    """As editors do that never leave half a file: a temporary one, renamed."""
    path = project / file
    draft = path.with_name(f".{path.name}.swp")
    draft.write_text(text)
    draft.replace(path)


@pytest.fixture
def handler(project):
    """(project, deployment, a function that saves the handler with another answer)."""
    project, deployment = project
    text = (project / HANDLER).read_text()
    assert HINT in text
    return project, deployment, lambda hint: save(project, HANDLER, text.replace(HINT, hint))


def test_a_saved_handler_answers_and_errors_do_not_end_the_watch(handler):
    project, deployment, write = handler
    with watching(project, deployment) as watch:
        write("version 2")
        eventually(lambda: "version 2" in answers(deployment), watch.text)
        watch.said(f"{HANDLER}: updated the code of 6 functions")

        write('version 3"] +')
        watch.said("does not compile")
        assert "version 2" in answers(deployment)

        write('version 3"] + nothing + ["')
        watch.said("updated the code", since=len(watch.lines))
        write("version 3")
        eventually(lambda: "version 3" in answers(deployment), watch.text)

        seen = len(watch.lines)
        save(project, HANDLER, "import nowhere\n" + (project / HANDLER).read_text())
        watch.said("orders-query cannot start: Runtime.ImportModuleError", since=seen)
        write("version 4")
        eventually(lambda: "version 4" in answers(deployment), watch.text)

        assert watch.end() == 0, watch.text
        assert "The watch has ended" in watch.text
    plan = redeploy(project, deployment, "--plan").stdout
    assert "OrdersQueryFunction" in plan and "is restored first" in plan


def test_files_that_come_and_go_are_one_round_with_those_that_need_them(handler):
    project, deployment, write = handler
    with watching(project, deployment) as watch:
        (project / "domain" / "hints.py").write_text('HINT = "from a new file"\n')
        text = (project / HANDLER).read_text().replace(f'"{HINT}"', "hints.HINT")
        save(project, HANDLER, text.replace("from domain import orders", "from domain import hints, orders"))
        eventually(lambda: "from a new file" in answers(deployment), watch.text)
        write(HINT)
        (project / "domain" / "hints.py").unlink()
        eventually(lambda: HINT in answers(deployment), watch.text)
        watch.said("domain/hints.py", since=len(watch.lines) - 1)

        seen = len(watch.lines)
        (project / "domain" / "notes.txt").write_text("no module")
        (project / HANDLER).touch()
        write("the last")
        watch.said(f"{HANDLER}: updated", since=seen)
        assert len(watch.lines) == seen + 1, (
            watch.text + "a file that is no source, and one that did not change, make no round"
        )


def test_all_else_is_deployed_and_what_is_saved_meanwhile_comes_after(handler):
    project, deployment, write = handler
    environment = project / "environments/dev.toml"
    settings = environment.read_text()
    with watching(project, deployment) as watch:
        save(project, "environments/dev.toml", settings.replace("rate_limit = 100", "rate_limit = 101"))
        write("version 5")
        eventually(lambda: "version 5" in answers(deployment), watch.text)
        watch.said("environments/dev.toml")
        eventually(lambda: rate_limit(deployment) == 101, watch.text)

        seen = len(watch.lines)
        save(project, "environments/dev.toml", settings.replace("rate_limit = 100", "rate_limit = 0"))
        assert "rate_limit" in watch.said("greater than or equal to 1", since=seen)
        edit(project, "generator/api.py", "def build()", "def built()")
        save(project, "environments/dev.toml", settings)
        watch.said("cannot be rendered", since=seen)
        edit(project, "generator/api.py", "def built()", "def build()")
        eventually(lambda: rate_limit(deployment) == 100, watch.text)
        assert "version 5" in answers(deployment)

        assert watch.end(signal.SIGTERM) == 0, watch.text
    assert "Nothing to change" in redeploy(project, deployment, "--plan").stdout


def rate_limit(deployment) -> float:
    plans = deployment.client("apigateway").get_usage_plans()["items"]
    [limit] = [plan["throttle"]["rateLimit"] for plan in plans if plan["name"] == names.root_stack("dev")]
    return limit


def test_an_emulator_that_has_stopped_is_started_by_the_next_change(handler):
    project, deployment, write = handler
    with watching(project, deployment) as watch:
        stop(deployment.local_dir, project)
        watch.said("the emulator has stopped")
        seen = len(watch.lines)
        write("after a restart")
        watch.said(f"{HANDLER}: deployed", since=seen)
        assert "after a restart" in answers(deployment)
        write("and once more")
        eventually(lambda: "and once more" in answers(deployment), watch.text)


def test_a_breakpoint_in_the_working_copy_stops_the_function_for_longer_than_its_timeout(handler):
    project, deployment, write = handler
    lines = (project / HANDLER).read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "orders_table(configuration" in text)
    with watching(project, deployment, "--debug-function", "orders_query") as watch:
        watch.said("orders-query waits for a debugger")
        found = re.search(r"for VS Code's launch.json:\n(.+?\n  \})\n", watch.text, re.DOTALL)
        configuration = json.loads(found[1])
        assert configuration["pathMappings"][0]["localRoot"] == str(project.resolve())
        client = DebugClient(**configuration["connect"])
        client.ask("initialize", adapterID="test", pathFormat="path")
        client.send("attach", **configuration)
        client.event("initialized")
        breakpoints = client.ask(
            "setBreakpoints", source={"path": str(project / HANDLER)}, breakpoints=[{"line": line}]
        )
        assert breakpoints["breakpoints"][0]["verified"]
        client.ask("configurationDone")
        watch.said("orders-query runs under the debugger")

        answer: list[str] = []
        request = threading.Thread(target=lambda: answer.append(answers(deployment)))
        request.start()
        thread = client.event("stopped")["threadId"]
        frame = client.ask("stackTrace", threadId=thread)["stackFrames"][0]
        assert (frame["source"]["path"], frame["line"]) == (str(project / HANDLER), line)
        scope = client.ask("scopes", frameId=frame["id"])["scopes"][0]
        variables = client.ask("variables", variablesReference=scope["variablesReference"])["variables"]
        assert {each["name"]: each["value"] for each in variables}["order_id"] == f"'{UNKNOWN.rpartition('/')[2]}'"
        remaining = client.ask("evaluate", expression="len(str(request))", frameId=frame["id"])
        assert int(remaining["result"]) > 0
        with deployment.api() as api:
            assert api.post("/orders/async", content="{").status_code == 400, "other functions go on"
        write("saved at a breakpoint")
        watch.said("updated the code")
        client.send("continue", threadId=thread)
        request.join()
        assert HINT in answer[0], "the call that had begun ends with the code that it began with"
        client.close()
        assert watch.end() == 0, watch.text
    assert "saved at a breakpoint" in answers(deployment)
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(project) not in "".join(each for each in listing.splitlines() if "--watch" in each)


def test_watching_is_refused_before_anything_is_deployed(project):
    project, deployment = project
    for arguments, said in {
        ("--env", "dev", "--watch"): "--watch requires --local",
        ("--env", "nowhere", "--local", "--watch"): "nowhere",
    }.items():
        done = subprocess.run(
            [sys.executable, "deploy.py", *arguments],
            cwd=project,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 2 and said in done.stderr, done.stderr
    assert deployed("--env", "dev", "--local", "--status", local_dir=deployment.local_dir, project=project)
