"""Every pattern of the contract matches the same in ECMA-262, Java and Python, and no newline at the end."""

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import imports
from contract.documents import DOCUMENTS
from contract.models import MODELS
from contract.routes import ROUTES
from contract.schemas import IDEMPOTENCY_KEY_PATTERN, IDENTIFIER, IF_MATCH_PATTERN
from contract.text import INVISIBLE, PRINTABLE_PATTERN, VISIBLE_PATTERN
from domain import validation
from domain.errors import OrderError

EVERYTHING = [
    *(MODELS | DOCUMENTS).values(),
    imports.IMPORT_REPORT,
    IDENTIFIER,
    *(schema for route in ROUTES for schema in (*route.query.values(), *route.headers.values())),
]
# A class, an escaped punctuation mark, or one character.
TOKEN = re.compile(r"\[\^?((?:\\u[0-9A-F]{4}|\\t|[^\\\]])+)\]|\\[*.+?()\[\]{}|^$/]|\{[0-9]+(?:,[0-9]*)?\}|[^\\\[\]{}]")


def patterns(schema) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(patterns, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
    return own.union(*map(patterns, schema.values()))


PATTERNS = sorted(patterns(EVERYTHING))


def is_portable(pattern: str) -> bool:
    tokens = [match.group() for match in TOKEN.finditer(pattern)]
    plain = [token for token in tokens if len(token) == 1]
    return (
        "".join(tokens) == pattern
        and "." not in plain
        and "$" not in tokens[:-1]
        and "(?" not in pattern.replace("(?:", "")
    )


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_is_portable(pattern):
    re.compile(pattern)
    assert is_portable(pattern)


@pytest.mark.parametrize("pattern", [r"\S", r"^\d+$", r"[\w-]", "^a.$", "^a$b$", "(?=a)", r"\bx", r"[\s]", r"\p{L}"])
def test_a_pattern_that_readers_match_differently_is_found(pattern):
    assert not is_portable(pattern)


def test_the_patterns_that_matter_are_among_them():
    assert {VISIBLE_PATTERN, PRINTABLE_PATTERN, IF_MATCH_PATTERN, IDEMPOTENCY_KEY_PATTERN} <= set(PATTERNS)


ORDER = {
    "customerId": "c",
    "items": [{"productId": "p", "quantity": 1, "price": 1}],
    "deliveryAddress": {"street": "s", "city": "c", "zipCode": "z"},
}


@pytest.mark.parametrize(
    "changes",
    [
        {"customerId": "c\n"},
        {"items": [{"productId": "p\n", "quantity": 1, "price": 1}]},
        {"orderId": "o\n"},
        {"delivery": "standard\n"},
    ],
)
def test_no_identifier_ends_in_a_newline(changes):
    with pytest.raises(OrderError):
        validation.order_submission({**ORDER, **changes}, 1_767_323_045_678)


def address(street: str) -> dict:
    return {**ORDER, "deliveryAddress": {**ORDER["deliveryAddress"], "street": street}}


def accepts(street: str) -> bool:
    try:
        validation.order_request(address(street))
    except OrderError as error:
        sentences = ("must not be blank", "must have no control characters but tabs and line breaks")
        assert {*error.details} <= {f"deliveryAddress.street: {sentence}" for sentence in sentences}
        return False
    return True


@pytest.mark.parametrize(
    "street",
    ["12 Harbour Road", "Flat 2\n12 Harbour Road", "Flat 2\r\n12", "\tx", "x\n", "\u3042", "🍕", "a\u200db", "\u00a0x", "1"],
)  # fmt: skip
def test_a_visible_text_is_accepted(street):
    assert accepts(street)


@pytest.mark.parametrize(
    "street",
    [" ", "\n", "\u200b", "\u200b\u200d\ufeff", "\u00a0", "\u3000 \u2800", "\u00ad", "\u2028", "\0", "x\0", "\0x", "a\x1b[2Jb",
     "x\u0085", "\x7fx", "a\x07"],
)  # fmt: skip
def test_an_invisible_text_or_a_control_character_is_refused(street):
    assert not accepts(street)


@given(st.text(min_size=1, max_size=40))
def test_texts_are_what_unicode_calls_visible(street):
    control = any(unicodedata.category(each) == "Cc" and each not in "\t\n\r" for each in street)
    visible = re.search(f"[^{INVISIBLE}]", street) is not None
    assert accepts(street) == (visible and not control)


@pytest.mark.parametrize("evil", ['"1",' * 2_500, '"1"' + " " * 10_000 + "x"])
def test_no_header_makes_its_pattern_slow(evil):
    started = time.process_time()
    assert not re.search(IF_MATCH_PATTERN, evil)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("evil", ["x" * 250_000 + "\0", " " * 250_000, " " * 125_000 + "x" * 125_000 + "\0"])
def test_no_body_within_the_limit_makes_the_pattern_slow(evil):
    started = time.process_time()
    assert not (re.search(VISIBLE_PATTERN, evil) and re.search(PRINTABLE_PATTERN, evil))
    assert time.process_time() - started < 5  # milliseconds; minutes if it backtracks
