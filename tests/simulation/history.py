"""What happened in a run, and the rule that it breaks."""

from typing import NamedTuple

from tests.simulation.scheduler import START, Scheduler


class Step(NamedTuple):
    at: float  # ms since the start
    actor: str
    text: str

    def __str__(self) -> str:
        return f"{self.at / 1000:9.3f} s  {self.actor}: {self.text}"


class Violation(AssertionError):
    """A broken rule, by its name."""

    def __init__(self, rule: str, explanation: str) -> None:
        super().__init__(f"{rule}: {explanation}")
        self.rule = rule


class History:
    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.steps: list[Step] = []

    def add(self, actor: str, text: str) -> None:
        self.steps.append(Step(self.scheduler.now - START, actor, text))
