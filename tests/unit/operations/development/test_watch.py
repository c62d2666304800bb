"""`--watch`: which saves make a round, whatever the editor does, and what ends the watch."""

import io
import shutil

import pytest
from botocore.exceptions import EndpointConnectionError
from watchfiles import _rust_notify

from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from operations.development import changes, watch


class Rounds:
    """Stands for the rounds: `rounds` has the paths of each, `fails` what the next ones raise."""

    def __init__(self):
        self.rounds: list[list[str]] = []
        self.fails: list[Exception] = []
        self.meanwhile = lambda: None
        self.code, self.emulator_runs, self.number = Exit.OK, True, 0

    def first(self) -> int:
        return self.code

    def carry_out(self, paths: list[str]) -> str:
        self.number += 1
        self.rounds.append(paths)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        if self.fails:
            raise self.fails.pop(0)
        return "updated"

    def start_errors(self, paths, is_current):
        return iter(())


class World:
    def __init__(self, root, monkeypatch):
        self.root, self.rounds, self.said = root, Rounds(), io.StringIO()
        self.steps = []
        monkeypatch.setattr(watch, "Rounds", lambda *_: self.rounds)
        monkeypatch.setattr(watch, "_ticks", self._ticks)

    def _ticks(self, ui, root):
        """One burst of events for each step; then Ctrl-C."""
        for step in self.steps:
            step()
            yield
        raise KeyboardInterrupt

    def watch(self, *steps, **options) -> list[list[str]]:
        """Watch while the steps happen; return the paths of each round."""
        self.steps = steps
        watch.run(Options(**{"env": "dev", "local": True, **options}), Ui(self.said), self.root)
        return self.rounds.rounds

    def write(self, name: str, text: str):
        return lambda: (self.root / name).write_text(text)


@pytest.fixture
def world(tmp_path, monkeypatch):
    for name in (*changes.FOLDERS, "environments", "requirements", "generator/alarms"):
        (tmp_path / name).mkdir()
    (tmp_path / "environments" / "dev.toml").write_text("a = 1")
    (tmp_path / "generator" / "alarms" / "api.py").write_text("A = 1")
    (tmp_path / "handlers" / "orders.py").write_text("A = 1")
    return World(tmp_path, monkeypatch)


ORDERS = "handlers/orders.py"
LOST = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


def renamed(world):
    draft = world.root / "handlers" / "4913"
    draft.write_text("A = 2")
    draft.replace(world.root / ORDERS)


def written_beside_a_backup(world):
    (world.root / ORDERS).rename(world.root / "handlers" / "orders.py~")
    (world.root / ORDERS).write_text("A = 2")


def linked(world):
    (world.root / "real.txt").write_text("A = 2")
    (world.root / ORDERS).unlink()
    (world.root / ORDERS).symlink_to(world.root / "real.txt")


@pytest.mark.parametrize("save", [renamed, written_beside_a_backup, linked])
def test_a_save_is_one_round_however_the_editor_does_it(world, save):
    assert world.watch(lambda: save(world), lambda: None) == [[ORDERS]]


def test_a_file_seen_half_way_through_its_save_is_another_round(world):
    assert world.watch(world.write(ORDERS, ""), world.write(ORDERS, "A = 2")) == [[ORDERS], [ORDERS]]


def test_what_is_as_before_when_it_is_looked_at_is_no_round(world):
    def there_and_back():
        (world.root / ORDERS).unlink()
        (world.root / ORDERS).write_text("A = 1")

    assert world.watch(there_and_back) == []


def test_a_checkout_of_many_files_is_one_round_and_its_line_names_some(world):
    def checkout():
        for number in range(9):
            (world.root / "domain" / f"m{number}.py").write_text("")
        (world.root / ORDERS).unlink()

    assert len(world.watch(checkout)[0]) == 10
    assert "domain/m0.py, domain/m1.py, domain/m2.py and 7 more: updated" in world.said.getvalue()


def test_what_is_saved_during_a_round_is_the_next_one(world):
    world.rounds.meanwhile = world.write(ORDERS, "A = 3")
    assert world.watch(world.write(ORDERS, "A = 2")) == [[ORDERS], [ORDERS]]


def test_a_folder_may_go_and_come_back(world):
    away = world.root / "away"
    gone = lambda: shutil.move(world.root / "generator", away)  # noqa: E731
    back = lambda: shutil.move(away, world.root / "generator")  # noqa: E731
    assert world.watch(gone, back) == [["generator/alarms/api.py"]] * 2


def test_a_folder_may_go_while_it_is_listed(world, monkeypatch):
    """As during `git checkout`: it was in its parent's list, and is gone when it is opened."""
    scan = changes.memo.os.scandir

    def scandir(path="."):
        if str(path).endswith("alarms"):
            raise FileNotFoundError(path)
        return scan(path)

    gone = lambda: monkeypatch.setattr(changes.memo.os, "scandir", scandir)  # noqa: E731
    assert world.watch(gone) == [["generator/alarms/api.py"]]


def test_a_preview_has_the_settings_of_the_environment_that_it_is_like(world):
    saved = world.write("environments/dev.toml", "a = 2")
    assert world.watch(saved, env="pr-1", like="dev") == [["environments/dev.toml"]]


def test_a_failed_round_is_shown_and_the_watch_goes_on(world):
    world.rounds.fails = [Failure(Exit.PACKAGING, "line 3 does not compile", "run it again"), LOST]
    saves = [world.write(ORDERS, f"A = {number}") for number in (2, 3, 4)]
    assert len(world.watch(*saves)) == 3
    said = world.said.getvalue()
    assert said.count("failed") == 2 and "    line 3 does not compile" in said and "run it again" not in said
    assert "ended after 3 rounds" in said


def test_an_emulator_that_stops_is_said_once(world):
    def stop():
        world.rounds.emulator_runs = False

    world.watch(stop, lambda: None, lambda: None)
    assert world.said.getvalue().count("the emulator has stopped") == 1


@pytest.mark.parametrize("code", [Exit.USAGE, Exit.PREFLIGHT, Exit.EMULATOR, Exit.INTERRUPTED])
def test_a_first_deployment_that_no_save_mends_ends_the_watch(world, code):
    world.rounds.code = code
    with pytest.raises(Failure) as failure:
        world.watch(world.write(ORDERS, "A = 2"))
    assert failure.value.code == code and world.rounds.rounds == []


def test_a_first_deployment_that_a_save_can_mend_does_not(world):
    world.rounds.code = Exit.LINT
    assert world.watch(world.write(ORDERS, "A = 2")) == [[ORDERS]]


def test_without_events_files_are_looked_at_every_second(world, tmp_path, monkeypatch):
    monkeypatch.undo()

    def refused(*_, **__):
        raise _rust_notify.WatchfilesRustInternalError("OS file watch limit reached")
        yield

    monkeypatch.setattr("watchfiles.watch", refused)
    monkeypatch.setattr(watch, "LOOK_EVERY_SECONDS", 0)
    ticks = watch._ticks(Ui(world.said), tmp_path)
    assert [next(ticks) for _ in range(3)] == [None] * 3
    assert "they are compared every second" in world.said.getvalue()


def test_a_watched_folder_that_is_deleted_does_not_end_the_watch(tmp_path, monkeypatch):
    monkeypatch.undo()
    for name in changes.FOLDERS:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(watch, "LOOK_EVERY_SECONDS", 0.1)
    ticks = watch._ticks(Ui(io.StringIO()), tmp_path)
    next(ticks)
    shutil.rmtree(tmp_path / "domain")
    assert [next(ticks) for _ in range(3)] == [None] * 3
