"""The changes of permissions, as lines, Markdown and JSON."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from deployer.plan.permissions import GrantChange, PermissionChanges
from deployer.plan.statements import ALLOW, BOUNDARY, MANAGED, ConditionTest, Grant
from deployer.show.ui import Ui


def text(ui: Ui, changes: PermissionChanges) -> None:
    if not changes.changes:
        return
    ui.line("permissions", "bold")
    for line, broadens in _lines(changes):
        ui.line(f"  {line}", "red" if broadens else "green" if line.startswith("-") else "")
    ui.line(summary(changes))


def markdown(changes: PermissionChanges) -> list[str]:
    if not changes.changes:
        return ["No permission changes."]
    return ["```diff", *(line.replace("```", "'''") for line, _ in _lines(changes)), "```", "", summary(changes)]


def as_json(changes: PermissionChanges) -> dict:
    return {
        "first": changes.first,
        "broadens": len(changes.broadens),
        "narrows": len(changes.narrows),
        "changes": [
            {
                "change": "gained" if change.gained else "lost",
                "holder": change.grant.holder,
                "effect": change.grant.effect,
                "action": str(change.grant.action),
                "resource": str(change.grant.resource),
                "condition": _condition(change.grant.tests),
                "policyOf": change.grant.policy_of,
                "broadens": change.broadens,
                "narrows": change.narrows,
                "covered": change.covered,
            }
            for change in changes.changes
        ],
    }


def summary(changes: PermissionChanges) -> str:
    if not changes.changes:
        return "no permission changes"
    if changes.first:
        principals = {change.grant.holder for change in changes.changes}
        return f"permissions: {len(changes.gained)} for {len(principals)} principals; there were none before"
    broadens, narrows = len(changes.broadens), len(changes.narrows)
    rest = len(changes.changes) - broadens - narrows
    parts = [f"{number} {word}" for number, word in ((broadens, "broader"), (narrows, "narrower")) if number]
    parts += [f"{rest} neither broader nor narrower"] if rest else []
    return f"permissions: {', '.join(parts)}"


def _lines(changes: PermissionChanges) -> Iterator[tuple[str, bool]]:
    """Yield each line, and whether it broadens permissions; for a first deployment, one line a holder."""
    if changes.first:
        for holder, group in groupby(changes.changes, key=lambda change: change.grant.holder):
            effects = [change.grant.effect for change in group]
            allowed = effects.count(ALLOW)
            parts = [(allowed, "allowed"), (len(effects) - allowed, "denied or bounded")]
            yield f"+ {_who(holder)}: {', '.join(f'{number} {word}' for number, word in parts if number)}", False
        return
    for _, group in groupby(sorted(changes.changes, key=_all_but_action), key=_all_but_action):
        members = list(group)
        yield _line(members), members[0].broadens


def _all_but_action(change: GrantChange) -> tuple:
    grant = change.grant
    where = (grant.holder, change.gained, grant.effect, grant.resource, grant.tests, grant.policy_of)
    return (*where, change.broadens, change.covered)


def _line(members: list[GrantChange]) -> str:
    """Return one line for grants that differ only in their action."""
    change, grant = members[0], members[0].grant
    sign = "+" if change.gained else "-"
    who, resource = _who(grant.holder), grant.resource
    condition = f" if {_tests(grant.tests)}" if grant.tests else ""
    note = (
        "  [broadens]" if change.broadens else "  [no effect: a broader statement covers it]" if change.covered else ""
    )
    if grant.effect == BOUNDARY:
        return f"{sign} {who} is bounded by {resource}{note}"
    if grant.action.patterns == (MANAGED,):
        return f"{sign} {who} has the managed policy {resource}{note}"
    verb = "may" if grant.effect == ALLOW else "may not"
    actions = ", ".join(str(member.grant.action) for member in members)
    return f"{sign} {who} {verb} {actions} on {resource}{condition}{_by(grant)}{note}"


def _who(holder: str) -> str:
    return "everyone" if holder == "*" else holder


def _by(grant: Grant) -> str:
    """Return whose policy it is, unless the resource shows that."""
    return f" (policy of {grant.policy_of})" if grant.policy_of and grant.policy_of not in str(grant.resource) else ""


def _tests(tests: Iterable[ConditionTest]) -> str:
    return " and ".join(f"{test.shown} {test.operator} {' or '.join(test.values)}" for test in tests)


def _condition(tests: Iterable[ConditionTest]) -> dict[str, dict[str, list[str]]]:
    condition: dict[str, dict[str, list[str]]] = {}
    for test in tests:
        condition.setdefault(test.operator, {})[test.shown] = list(test.values)
    return condition
