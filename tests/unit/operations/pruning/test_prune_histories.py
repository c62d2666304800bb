"""Random histories of deployments, rollbacks, saved plans and prunes: what was kept can still be deployed."""

import io

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deployer import connection
from deployer.options import Options
from deployer.show.ui import Ui
from operations.pruning import command
from tests.unit.operations.pruning.prune_world import Account, release

ENVIRONMENTS = st.sampled_from(["dev", "pr-7"])
RELEASES = st.integers(1, 6)
KEEP = st.integers(1, 3)


class Histories(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.account = Account()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(connection, "connect", lambda *arguments: self.account.aws)
        self.plans: dict[tuple[str, str], int] = {}
        self.history: dict[str, list[int]] = {"dev": [], "pr-7": []}

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
        self.execute(environment, identity, number)

    def execute(self, environment, identity, number):
        self.forget_plans(environment)
        self.account.execute(environment, identity)
        self.history[environment].insert(0, number)

    @rule(environment=ENVIRONMENTS, number=RELEASES)
    def saves_a_plan(self, environment, number):
        self.plans[environment, self.account.propose(environment, self.account.upload(number))] = number

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def applies_a_plan(self, data):
        environment, identity = plan = data.draw(st.sampled_from(sorted(self.plans)))
        self.execute(environment, identity, self.plans.pop(plan))

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def discards_a_plan(self, data):
        environment, identity = plan = data.draw(st.sampled_from(sorted(self.plans)))
        del self.plans[plan], self.account.stacks[environment].change_sets[identity]

    @rule(environment=ENVIRONMENTS, number=RELEASES, keep=KEEP)
    def prunes_between_upload_and_change_set(self, environment, number, keep):
        self.account.upload(number)
        self.prunes(keep)
        assert self.account.has(number)
        self.plans[environment, self.account.propose(environment, release(number))] = number

    @rule(time=st.sampled_from([{"hours": 11}, {"hours": 13}, {"days": 2}]))
    def time_passes(self, time):
        self.account.later(**time)

    @precondition(lambda self: "pr-7" in self.account.stacks)
    @rule()
    def destroys_the_preview(self):
        self.plans = {plan: number for plan, number in self.plans.items() if plan[0] != "pr-7"}
        self.account.destroy("pr-7")
        self.history["pr-7"] = []

    @rule(keep=KEEP)
    def prunes(self, keep):
        last = [number for history in self.history.values() for number in [*dict.fromkeys(history)][:keep]]
        kept = [number for number in last if self.account.has(number)]
        given = Options("dev", command="--prune", keep=keep, yes=True)
        command.run(given, Ui(io.StringIO(), interactive=False), None)
        assert all(self.account.has(number) for number in kept)
        assert command.run(given, Ui(io.StringIO(), interactive=False), None)["result"] == "unchanged"

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
                [number] = [number for number in range(1, 7) if release(number).root == stack.body]
                assert self.account.has(number)


Histories.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestHistories = Histories.TestCase
