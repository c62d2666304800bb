"""Split policy documents into single permissions: principal, action, resource and conditions. Pure.

Equivalent policies give the same set of grants, however they are written (one statement or five, a name or a list of
one, `dynamodb:getitem`). A policy that cannot be parsed becomes one grant with its text, so its changes are visible.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from deployer.plan.symbols import readable

ALLOW, DENY, BOUNDARY = "Allow", "Deny", "Boundary"
UNREADABLE = "(a policy that cannot be read)"
MANAGED = "(permissions of a managed policy)"
EVERYONE = "*"


@dataclass(frozen=True, order=True)
class Patterns:
    """A pattern of actions or resources; if `inverted`, all except these. Actions are in lower case, `shown` is not."""

    patterns: tuple[str, ...]
    inverted: bool = False
    shown: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.shown or ", ".join(self.patterns)


@dataclass(frozen=True, order=True)
class ConditionTest:
    """One operator and key of a Condition; the values are alternatives."""

    operator: str
    key: str
    values: tuple[str, ...]
    shown: str = field(default="", compare=False)


@dataclass(frozen=True, order=True)
class Grant:
    """`holder`: a role's path (`ComputeStack/OrdersQueryRole`), or the principal of a resource policy.

    `policy_of`: the resource with the policy, "" for an identity policy. All tests must hold.
    """

    holder: str
    effect: str
    action: Patterns
    resource: Patterns
    tests: tuple[ConditionTest, ...] = ()
    policy_of: str = ""

    @property
    def subject(self) -> str:
        return self.policy_of or self.holder


def of_document(document, holder: str = "", policy_of: str = "") -> Iterator[Grant]:
    """Yield the grants of one document. `holder`: of an identity policy; "" to use the document's principals."""
    if document is None:
        return
    try:
        parsed = json.loads(document) if isinstance(document, str) else document
        statements = items_of(parsed if "Effect" in parsed else parsed["Statement"])
        yield from [grant for statement in statements for grant in _of_statement(statement, holder, policy_of)]
    except (ValueError, KeyError, AttributeError, TypeError):
        yield Grant(holder or EVERYONE, ALLOW, Patterns((UNREADABLE,)), Patterns((text_of(document),)), (), policy_of)


def _of_statement(statement: dict, holder: str, policy_of: str) -> Iterator[Grant]:
    if not isinstance(statement, dict) or statement.get("Effect") not in (ALLOW, DENY):
        raise ValueError("not a statement")
    holders = [holder] if holder else _principals(statement)
    tests = tests_of(statement.get("Condition", {}))
    resources = _names(statement, "Resource") or [Patterns((policy_of,))]
    for who in holders:
        for action in _names(statement, "Action", fold=True):
            for resource in resources:
                yield Grant(who, statement["Effect"], action, resource, tests, policy_of)


def _names(statement: dict, key: str, fold: bool = False) -> list[Patterns]:
    if f"Not{key}" in statement:
        excluded = sorted(map(text_of, items_of(statement[f"Not{key}"])))
        patterns = tuple(sorted({text.lower() if fold else text for text in excluded}))
        return [Patterns(patterns, True, f"everything but {', '.join(map(readable, excluded))}")]
    texts = map(text_of, items_of(statement.get(key)))
    return [Patterns((text.lower() if fold else text,), shown=readable(text)) for text in texts]


def _principals(statement: dict) -> list[str]:
    if "NotPrincipal" in statement:
        return [f"everyone but {', '.join(sorted(_named(statement['NotPrincipal'])))}"]
    return _named(statement["Principal"]) if "Principal" in statement else [EVERYONE]


def _named(principal) -> list[str]:
    if not isinstance(principal, dict):
        return [principal_of(text_of(item)) for item in items_of(principal)]
    return [principal_of(text_of(item)) for values in principal.values() for item in items_of(values)]


def principal_of(text: str) -> str:
    """Normalize a principal: an account may be its number or the ARN of its root."""
    root = r"arn:(?:aws[\w-]*|\$\{AWS::Partition\}):iam::(\d{12}|\$\{AWS::AccountId\}):root"
    account = re.fullmatch(root, text)
    return account[1] if account else readable(text)


def tests_of(condition: dict) -> tuple[ConditionTest, ...]:
    found = set()
    for operator, keys in condition.items():
        for key, values in keys.items():
            texts = tuple(sorted({readable(text_of(value)) for value in items_of(values)}))
            found.add(ConditionTest(operator, key.lower(), texts, key))
    return tuple(sorted(found))


def items_of(value) -> list:
    return [] if value is None else value if isinstance(value, list) else [value]


def text_of(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
