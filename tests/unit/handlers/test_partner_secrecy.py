"""Nothing that a partner does returns, changes or confirms an order of another.

Two proofs over the same plan of requests, in which two partners use the same ids, Idempotency-Keys and customers, and
each sends what it cannot know of the other: its ids and its tokens.

- Twins. In a world where the other partner never was, a partner's requests get the same answers, to the byte, and leave
  the same orders. So no answer depends on whether the other's order exists, and no request of another changes one.
- Secrets. Each id that the platform gave, and each product, is of one partner. None of another's is in an answer, its
  headers and its tokens included.

A plan that fails is reduced to the steps that it needs.
"""

import re
from collections import Counter
from collections.abc import Callable
from unittest.mock import patch

import pytest

from contract.partners import QUALIFIER
from domain.callers import Caller
from handlers import repository, visibility
from tests.unit.handlers.partner_worlds import OPERATOR, Pair, Step, World, inhabited, plan, readable

STEPS = 2_100
# A name can begin like another, or like an id of the platform.
PAIRS = (("acme", "bistro"), ("acme", "acme-2"), ("fd-acme", "fd"), ("bistro", "fk-bistro"))


def run(steps: list[Step], seed: int, learned: World | None = None) -> World:
    with inhabited(World(seed, learned)) as world:
        for step in steps:
            world.take(step)
        return world


def owners(world: World) -> dict[int, str]:
    """Return whose the order is that an operator's request changes, by the request's step: a twin without that partner
    has no such order."""
    by_id = {key[0]: item["partner"]["S"] for key, item in world.table.items.items() if "partner" in item}
    return {
        number: by_id.get((sent["pathParameters"] or {}).get("orderId"), OPERATOR)
        for number, sent in world.sent.items()
    }


def without(steps: list[Step], left_out: str, world: World) -> list[Step]:
    whose = owners(world)
    return [
        step
        for step in steps
        if step.actor != left_out and not (step.actor == OPERATOR and whose.get(step.number) == left_out)
    ]


def stored(world: World, partner: str) -> dict:
    """Return a partner's orders and claims as they are in the table."""
    return {
        key: item
        for key, item in world.table.items.items()
        if item.get("partner", {}).get("S") == partner or key[0].startswith(f"{partner}{QUALIFIER}")
    }


def difference(steps: list[Step], seed: int, pair: Pair) -> str | None:
    """Return how a world differs from one without a partner, for the other partner; None if it does not."""
    world = run(steps, seed)
    for partner, other in (pair, pair[::-1]):
        fewer = without(steps, other, world)
        twin = run(fewer, seed, world)
        for step in fewer:
            if step.actor == partner and world.answers.get(step.number) != twin.answers.get(step.number):
                return (
                    f"{step!r}\nwith {other}:    {world.answers.get(step.number)}\n"
                    f"without {other}: {twin.answers.get(step.number)}"
                )
        if stored(world, partner) != stored(twin, partner):
            return f"the orders of {partner} are others with {other} than without"
        if {k: v for k, v in world.reports.items() if f"/{partner}/" in k} != {
            k: v for k, v in twin.reports.items() if f"/{partner}/" in k
        }:
            return f"the reports of {partner} are others with {other} than without"
    return leak(steps, world, pair)


def names(mark: str, text: str) -> bool:
    """Return whether a mark is in a text, and is not the end of a longer name."""
    return re.search(rf"(?<![a-z0-9-]){re.escape(mark)}", text) is not None


def leak(steps: list[Step], world: World, pair: Pair) -> str | None:
    """Return an answer to a partner that has a secret of another, which the partner had not sent."""
    known: dict[str, set[str]] = {partner: set() for partner in (*pair, OPERATOR)}
    for key, item in world.table.items.items():
        of = item.get("partner", {}).get("S", OPERATOR)
        if int(key[1]) and key[0].startswith(("fd-", "fk-")):
            known[of].add(key[0])
    for partner in pair:
        foreign = {secret for other, secrets in known.items() if other != partner for secret in secrets}
        others = {each for each in (*pair, OPERATOR) if each != partner}
        for step in steps:
            answer = world.answers.get(step.number)
            if answer is None or step.actor != partner:
                continue
            text, asked = readable(answer.text) + repr(answer.headers), repr(world.sent[step.number])
            found = [each for each in others if names(f"secret_{each}_", text)]
            found += [each for each in foreign if each in text and each not in asked]
            found += [
                each for each in others if each and names(each + QUALIFIER, text) and not names(each + QUALIFIER, asked)
            ]
            if found:
                return f"{step!r}\nanswers with {found}: {answer}"
    return None


def shrunk(steps: list[Step], fails: Callable[[list[Step]], bool]) -> list[Step]:
    """Return the fewest steps found that still fail: halves, quarters and so on are left out."""
    size = len(steps) // 2
    while size:
        first = 0
        while first < len(steps):
            fewer = steps[:first] + steps[first + size :]
            if fails(fewer):
                steps = fewer
            else:
                first += size
        size //= 2
    return steps


def report(steps: list[Step], seed: int, pair: Pair) -> str:
    fewest = shrunk(steps, lambda fewer: difference(fewer, seed, pair) is not None)
    summary = f"seed {seed}, {len(fewest)} of {len(steps)} steps:"
    return "\n".join([summary, *map(repr, fewest), str(difference(fewest, seed, pair))])


@pytest.mark.parametrize("seed", range(len(PAIRS)), ids=map("-and-".join, PAIRS))
def test_a_partner_notices_nothing_of_another(seed):
    pair = PAIRS[seed]
    steps = plan(seed, STEPS, pair)
    if difference(steps, seed, pair) is not None:
        pytest.fail(report(steps, seed, pair))


def test_a_plan_has_what_could_give_an_order_away(seed=0):
    """Of both partners: orders found, missing, changed, replayed and in conflict, full lists, and pages of the other."""
    steps = plan(seed, STEPS, PAIRS[seed])
    world = run(steps, seed)
    for partner in PAIRS[seed]:
        outcomes = Counter(
            (step.action, world.answers[step.number].status)
            for step in steps
            if step.actor == partner and step.number in world.answers
        )
        for needed in (
            *(("place", 201), ("place", 422), ("submit", 202), ("get", 200), ("get", 404)),
            *(("change", 200), ("change", 404), ("change", 409), ("change", 412), ("list", 200), ("list", 400)),
        ):
            assert outcomes[needed] >= 3, (needed, outcomes)
        assert len([step for step in steps if step.actor == partner and asks_for_another(step, world)]) > 20
    assert len([each for each in world.answers.values() if each.headers.get("Idempotency-Replayed")]) > 5


def asks_for_another(step: Step, world: World) -> bool:
    """Return whether a step asks for an order that exists and is another's."""
    asked = (world.sent.get(step.number, {}).get("pathParameters") or {}).get("orderId")
    return any(
        key[0] == asked and item.get("partner", {}).get("S") != step.actor for key, item in world.table.items.items()
    )


# A fault of each kind, in the place of what keeps partners apart.


def sees_every_order(item, caller):
    return repository._unexpired(repository.order_of(item))


def lists_every_order(caller, customer_id):
    return visibility.Listing(visibility.CUSTOMER_INDEX, "customerId", customer_id, "")


FAULTS = {
    "GET shows every order": (repository, "_seen", sees_every_order),
    "a change is not bound to the caller": (visibility, "condition", lambda caller: ("", {})),
    "a list is not by partner": (visibility, "listing", lists_every_order),
    "Idempotency-Keys are not by partner": (Caller, "scope", property(lambda caller: "all")),
    "chosen ids are not by partner": (Caller, "qualified", lambda caller, order_id: order_id),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault):
    where, name, faulty = FAULTS[fault]
    steps = plan(0, 600, PAIRS[0])
    with patch.object(where, name, faulty):
        assert difference(steps, 0, PAIRS[0]) is not None
        fewest = shrunk(steps, lambda fewer: difference(fewer, 0, PAIRS[0]) is not None)
    print(len(fewest), *fewest, sep="\n")
    assert len(fewest) <= 6
