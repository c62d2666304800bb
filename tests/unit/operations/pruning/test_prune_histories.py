"""Random histories of deployments, rollbacks, saved plans and prunes: what was kept can still be deployed."""

import io

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deployer import connection
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import deployment_records
from operations.pruning import command, selection
from tests.unit.operations.pruning.prune_world import ACCOUNT, Account, release

ENVIRONMENTS = st.sampled_from(["dev", "pr-7"])
RELEASES = st.integers(1, 6)


class Histories(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.account = Account()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(connection, "connect", lambda *arguments: self.account.aws)
        self.plans: dict[tuple[str, str], int] = {}
        self.uploaded: tuple[str, int] | None = None
        self.root_keys = {release(number).root_key: number for number in range(1, 7)}

    def teardown(self):
        self.patch.undo()

    def forget_plans(self, environment):
        """An execution makes other change sets of the stack obsolete."""
        for plan in [plan for plan in self.plans if plan[0] == environment]:
            del self.plans[plan]
            self.account.stacks[environment].change_sets[plan[1]].execution = "OBSOLETE"

    @rule(environment=ENVIRONMENTS, number=RELEASES)
    def deploys(self, environment, number):
        """To an earlier release as well: a rollback."""
        identity = self.account.propose(environment, self.account.upload(number))
        self.forget_plans(environment)
        self.account.execute(environment, identity)

    @rule(environment=ENVIRONMENTS, number=RELEASES)
    def saves_a_plan(self, environment, number):
        self.plans[environment, self.account.propose(environment, self.account.upload(number))] = number

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def applies_a_plan(self, data):
        environment, identity = plan = data.draw(st.sampled_from(sorted(self.plans)))
        del self.plans[plan]
        self.forget_plans(environment)
        self.account.execute(environment, identity)

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def discards_a_plan(self, data):
        environment, identity = plan = data.draw(st.sampled_from(sorted(self.plans)))
        del self.plans[plan], self.account.stacks[environment].change_sets[identity]

    @precondition(lambda self: self.uploaded is None)
    @rule(environment=ENVIRONMENTS, number=RELEASES)
    def begins_to_upload(self, environment, number):
        self.account.upload(number)
        self.uploaded = environment, number

    @precondition(lambda self: self.uploaded)
    @rule()
    def makes_the_change_set_of_the_upload(self):
        environment, number = self.uploaded
        assert self.account.has(number), "pruned between upload and change set"
        self.plans[environment, self.account.propose(environment, release(number))] = number
        self.uploaded = None

    @precondition(lambda self: self.uploaded is None)
    @rule(days=st.integers(1, 3))
    def days_pass(self, days):
        self.account.later(days=days)

    @rule(hours=st.sampled_from([1, 11, 13]))
    @precondition(lambda self: self.uploaded is None)
    def hours_pass(self, hours):
        self.account.later(hours=hours)

    @rule(minutes=st.sampled_from([1, 20]))
    def minutes_pass(self, minutes):
        self.account.later(minutes=minutes)

    @precondition(lambda self: "pr-7" in self.account.stacks)
    @rule()
    def destroys_the_preview(self):
        self.plans = {plan: number for plan, number in self.plans.items() if plan[0] != "pr-7"}
        self.account.destroy("pr-7")

    @rule(keep=st.integers(1, 3))
    def prunes(self, keep):
        kept = [each for each in self.recorded(keep) if self.account.has(each)]
        given = Options("dev", command="--prune", keep=keep, yes=True)
        command.run(given, Ui(io.StringIO(), interactive=False), None)
        assert all(self.account.has(number) for number in kept)
        assert command.run(given, Ui(io.StringIO(), interactive=False), None)["result"] == "unchanged"

    def recorded(self, keep) -> list[int]:
        aws, found = self.account.aws, []
        for environment in ("dev", "pr-7"):
            entries = deployment_records.entries(aws, ACCOUNT, environment)
            found += selection.kept(deployment_records.read(aws, ACCOUNT, entries), keep)
        return [self.root_keys[each.root] for each in found]

    @invariant()
    def saved_plans_can_be_applied(self):
        assert all(self.account.has(number) for number in self.plans.values())

    @invariant()
    def what_is_deployed_is_there(self):
        for stack in self.account.stacks.values():
            for name in stack.functions:
                function = self.account.functions[name]
                assert function.aliases["live"]["FunctionVersion"] in function.versions
            if stack.body:
                [number] = [number for number in self.root_keys.values() if release(number).root == stack.body]
                assert self.account.has(number)


Histories.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestHistories = Histories.TestCase
