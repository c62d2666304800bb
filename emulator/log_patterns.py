"""Filter patterns of CloudWatch Logs for JSON lines, such as `{ $.status = "403" && ($.kind = "a*" || $.size != 0) }`.

The part of "Filter pattern syntax" (CloudWatch Logs user guide) that compares for equality; a pattern with more raises
ValueError.
"""

import json
import re
from collections.abc import Callable
from fnmatch import translate

TOKEN = re.compile(r'\s*(?:(&&|\|\||[(){}])|\$\.([\w.-]+)\s*(!?=)\s*(?:"([^"]*)"|([^\s"(){}&|]+)))')
Condition = Callable[[dict], bool]


def compiled(pattern: str) -> Callable[[str], dict | None]:
    """Return a function that returns the document of a line that matches, None for any other line."""
    tokens = _tokens(pattern)
    if tokens[:1] != ["{"] or tokens[-1:] != ["}"]:
        raise ValueError(f"not a pattern for JSON: {pattern}")
    rest = tokens[1:-1]
    condition = _any_of(rest)
    if rest:
        raise ValueError(f"unexpected {rest[0]!r} in {pattern}")

    def match(line: str) -> dict | None:
        try:
            document = json.loads(line)
        except ValueError:
            return None
        return document if isinstance(document, dict) and condition(document) else None

    return match


def value(document: dict, path: str) -> object:
    """Return the value of `$.path`, None if it is missing."""
    found: object = document
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _tokens(pattern: str) -> list:
    tokens, position, pattern = [], 0, pattern.strip()
    while position < len(pattern):
        if not (found := TOKEN.match(pattern, position)):
            raise ValueError(f"cannot read {pattern[position:]!r}")
        symbol, path, operator, quoted, bare = found.groups()
        tokens.append(symbol or _comparison(path, operator, bare if quoted is None else quoted))
        position = found.end()
    return tokens


def _comparison(path: str, operator: str, wanted: str) -> Condition:
    same = re.compile(translate(wanted.replace("[", "[[]").replace("?", "[?]")))

    def compare(document: dict) -> bool:
        found = value(document, path)
        return found is not None and bool(same.match(str(found))) is (operator == "=")

    return compare


def _any_of(tokens: list) -> Condition:
    terms = [_all_of(tokens)]
    while tokens[:1] == ["||"]:
        tokens.pop(0)
        terms.append(_all_of(tokens))
    return lambda document: any(term(document) for term in terms)


def _all_of(tokens: list) -> Condition:
    factors = [_factor(tokens)]
    while tokens[:1] == ["&&"]:
        tokens.pop(0)
        factors.append(_factor(tokens))
    return lambda document: all(factor(document) for factor in factors)


def _factor(tokens: list) -> Condition:
    token = tokens.pop(0) if tokens else "the end"
    if token == "(":
        condition = _any_of(tokens)
        if tokens[:1] != [")"]:
            raise ValueError("a parenthesis is not closed")
        tokens.pop(0)
        return condition
    if isinstance(token, str):
        raise ValueError(f"a comparison is missing before {token}")
    return token
