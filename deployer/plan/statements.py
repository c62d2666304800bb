"""Policy documents taken apart into single permissions: who may do what on what, and when. Pure.

However a policy is written (one statement or five, a name or a list of one, `dynamodb:getitem`), the same rights
make the same set of grants. Whatever cannot be read is kept as one grant of its own text, so that no change of it
is overlooked.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from deployer.plan.symbols import readable

ALLOW, DENY, BOUNDARY = "Allow", "Deny", "Boundary"
UNREADABLE = "(a policy that cannot be read)"
MANAGED = "(whatever a managed policy says)"
EVERYONE = "*"


@dataclass(frozen=True, order=True)
class Names:
    """A pattern of actions or resources, or with `but` all except these. Actions have no case; `shown` does."""

    patterns: tuple[str, ...]
    but: bool = False
    shown: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.shown or ", ".join(self.patterns)


@dataclass(frozen=True, order=True)
class Test:
    """One line of a Condition; the values are alternatives."""

    operator: str
    key: str
    values: tuple[str, ...]
    shown: str = field(default="", compare=False)

    __test__ = False  # pytest takes every Test for its own


@dataclass(frozen=True, order=True)
class Grant:
    """`holder`: a role's path (`ComputeStack/OrdersQueryRole`), or the principal of a resource's policy.

    `policy_of`: the resource whose policy says so, "" when it is the holder's own. All tests must hold.
    """

    holder: str
    effect: str
    action: Names
    resource: Names
    tests: tuple[Test, ...] = ()
    policy_of: str = ""

    @property
    def subject(self) -> str:
        return self.policy_of or self.holder


def of_document(document, holder: str = "", policy_of: str = "") -> Iterator[Grant]:
    """The grants of one document; without `holder` its principals hold them."""
    if document is None:
        return
    try:
        read = json.loads(document) if isinstance(document, str) else document
        statements = items_of(read if "Effect" in read else read["Statement"])
        yield from [grant for statement in statements for grant in _single(statement, holder, policy_of)]
    except (ValueError, KeyError, AttributeError, TypeError):
        yield Grant(holder or EVERYONE, ALLOW, Names((UNREADABLE,)), Names((text_of(document),)), (), policy_of)


def _single(statement: dict, holder: str, policy_of: str) -> Iterator[Grant]:
    if not isinstance(statement, dict) or statement.get("Effect") not in (ALLOW, DENY):
        raise ValueError("not a statement")
    holders = [holder] if holder else _principals(statement)
    tests = tests_of(statement.get("Condition", {}))
    resources = _names(statement, "Resource") or [Names((policy_of,))]
    for who in holders:
        for action in _names(statement, "Action", fold=True):
            for resource in resources:
                yield Grant(who, statement["Effect"], action, resource, tests, policy_of)


def _names(statement: dict, key: str, fold: bool = False) -> list[Names]:
    if f"Not{key}" in statement:
        texts = sorted(map(text_of, items_of(statement[f"Not{key}"])))
        patterns = tuple(sorted({text.lower() if fold else text for text in texts}))
        return [Names(patterns, True, f"everything but {', '.join(map(readable, texts))}")]
    texts = map(text_of, items_of(statement.get(key)))
    return [Names((text.lower() if fold else text,), shown=readable(text)) for text in texts]


def _principals(statement: dict) -> list[str]:
    if "NotPrincipal" in statement:
        return [f"everyone but {', '.join(sorted(_named(statement['NotPrincipal'])))}"]
    return _named(statement["Principal"]) if "Principal" in statement else [EVERYONE]


def _named(principal) -> list[str]:
    if not isinstance(principal, dict):
        return [principal_of(text_of(item)) for item in items_of(principal)]
    return [principal_of(text_of(item)) for values in principal.values() for item in items_of(values)]


def principal_of(text: str) -> str:
    """An account is written as its number or as the ARN of its root."""
    root = r"arn:(?:aws[\w-]*|\$\{AWS::Partition\}):iam::(\d{12}|\$\{AWS::AccountId\}):root"
    account = re.fullmatch(root, text)
    return account[1] if account else readable(text)


def tests_of(condition: dict) -> tuple[Test, ...]:
    found = set()
    for operator, keys in condition.items():
        for key, values in keys.items():
            texts = tuple(sorted({readable(text_of(value)) for value in items_of(values)}))
            found.add(Test(operator, key.lower(), texts, key))
    return tuple(sorted(found))


def items_of(value) -> list:
    return [] if value is None else value if isinstance(value, list) else [value]


def text_of(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
