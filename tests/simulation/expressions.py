"""DynamoDB's condition and update expressions, as far as the handlers use them."""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from typing import Any

Item = dict[str, dict]
Names = dict[str, str]
Test = Callable[[Item, Names, dict], bool]

_TOKEN = re.compile(r"\s*(<=|>=|<>|[()=<>,+]|[#:]?\w+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def comparable(attribute: dict) -> object:
    ((kind, value),) = attribute.items()
    return (kind, Decimal(value)) if kind == "N" else (kind, value)


@cache
def condition(text: str) -> Test:
    parser = _Parser(text)
    test = parser.either()
    assert not parser.tokens, f"not understood: {parser.tokens} of {text}"
    return test


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)

    def take(self, *expected: str) -> str:
        token = self.tokens.pop(0)
        assert not expected or token in expected, f"{token} in the place of {expected}"
        return token

    def either(self) -> Test:
        return self._joined("OR", self.both, any)

    def both(self) -> Test:
        return self._joined("AND", self.one, all)

    def _joined(self, word: str, part: Callable[[], Test], combine: Callable[[Iterable[bool]], bool]) -> Test:
        tests = [part()]
        while self.tokens[:1] == [word]:
            self.take()
            tests.append(part())
        return lambda *given: combine(test(*given) for test in tests)

    def one(self) -> Test:
        token = self.take()
        if token == "(":
            test = self.either()
            self.take(")")
            return test
        if token in ("attribute_exists", "attribute_not_exists"):
            self.take("(")
            name = self.take()
            self.take(")")
            wanted = token == "attribute_exists"
            return lambda item, names, values: (names.get(name, name) in item) is wanted
        operator = self.take(*_COMPARE, "IN")
        if operator == "IN":
            return self._among(token)
        compare, right = _COMPARE[operator], self.take()

        def test(item: Item, names: Names, values: dict) -> bool:
            found = item.get(names.get(token, token))
            if found is None:
                return False
            left, other = comparable(found), comparable(values[right])
            return left[0] == other[0] and compare(left, other)  # type: ignore[index]

        return test

    def _among(self, name: str) -> Test:
        self.take("(")
        operands = [self.take()]
        while self.take(",", ")") == ",":
            operands.append(self.take())

        def test(item: Item, names: Names, values: dict) -> bool:
            found = item.get(names.get(name, name))
            return found is not None and comparable(found) in [comparable(values[each]) for each in operands]

        return test


def update(text: str, item: Item, names: Names, values: dict) -> Item:
    """Return `item` after `SET a = :v, b = b + :n`."""
    assert text.startswith("SET "), text
    changed = {**item}
    for assignment in text.removeprefix("SET ").split(","):
        target, _, value = (part.strip() for part in assignment.partition("="))
        operands = [part.strip() for part in value.split("+")]
        found = [values[each] if each.startswith(":") else item[names.get(each, each)] for each in operands]
        if len(found) == 2:
            found = [{"N": format(sum((Decimal(each["N"]) for each in found), Decimal(0)), "f")}]
        changed[names.get(target, target)] = found[0]
    return changed
