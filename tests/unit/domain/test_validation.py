"""Bodies and parameters: each is accepted or refused, never another error."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import parameters, strict_json, validation
from domain.errors import OrderError

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=5) | st.dictionaries(st.text(), children, max_size=5),
)
SECRET = "Planted-Value-7c1"


@settings(deadline=None)
@given(ANY)
def test_any_document_is_valid_or_refused_with_reasons(document):
    for check in (lambda d: validation.order_request(d), validation.status_update):
        try:
            check(strict_json.loads(json.dumps(document)))
        except OrderError as error:
            assert error.kind.code == "invalid_request"
            assert 0 < len(error.details) <= validation.MAX_DETAILS + 1
        except ValueError as error:
            assert str(error) == "not valid JSON"


@given(st.text())
def test_any_text_is_json_or_a_valueerror(text):
    try:
        strict_json.loads(text)
    except ValueError as error:
        assert str(error) == "not valid JSON"


@given(ANY)
def test_json_survives_a_round_trip(document):
    try:
        read = strict_json.loads(json.dumps(document))
    except ValueError:  # half a surrogate pair, or Python's digit limit
        return
    assert strict_json.loads(strict_json.dumps(read)) == read


@pytest.mark.parametrize(
    "text",
    ["NaN", "-Infinity", "1e99999999999999999999", "9" * 5000, "[" * 100_000, '"\\ud800"', '{"\\udfff":1}', "\ud800",
     '{"a":1,"a":1}', "", " ", "\ufeff1", "{'a':1}", "01", "1.", "tru", '"\n"'],
)  # fmt: skip
def test_invalid_json_is_refused(text):
    with pytest.raises(ValueError, match="not valid JSON"):
        strict_json.loads(text)


def test_fractions_are_decimals_and_a_whole_pair_of_surrogates_is_a_character():
    assert strict_json.loads('[0.1, 1, 1.0, "\\ud83c\\udf55"]') == [Decimal("0.1"), 1, Decimal("1.0"), "🍕"]
    assert isinstance(strict_json.loads("1.0"), Decimal)
    with pytest.raises(TypeError):
        strict_json.dumps({1, 2})


@pytest.mark.parametrize(
    "document",
    [
        SECRET,
        {"customerId": f"{SECRET} x"},
        {"delivery": SECRET, SECRET + "!": 1, "Planted": 1},
        {"items": [SECRET], "payments": [{"method": SECRET, "amount": SECRET}]},
        {"deliveryAddress": {"street": SECRET * 50, "city": [SECRET], "zipCode": {SECRET: 1}}},
    ],
)
def test_details_never_repeat_a_value(document):
    with pytest.raises(OrderError) as refused:
        validation.order_request(document)
    assert "Planted" not in str(refused.value.details)


@settings(deadline=None)
@given(st.text(st.characters(categories=["L", "N"]), min_size=1), st.integers(0, 3))
def test_details_repeat_no_name_but_those_of_the_contract(name, index):
    name = f"Planted{name}"
    document = [{name: 1}, {"items": [{name: 1}]}, {"deliveryAddress": {name: 1}}, {"payments": [{name: 1}]}][index]
    with pytest.raises(OrderError) as refused:
        validation.order_request(document)
    assert "field 1 is not a known field" in str(refused.value.details)
    assert "Planted" not in str(refused.value.details)


def test_many_problems_are_cut_short():
    with pytest.raises(OrderError) as refused:
        validation.order_request({"items": [{}] * 50})
    assert len(refused.value.details) == validation.MAX_DETAILS + 1
    assert refused.value.details[-1] == "and 132 more"


@pytest.mark.parametrize(
    "text, versions",
    [
        (None, None), ("*", None), (" * ", None), ('"1"', (1,)), ('"1", "22"', (1, 22)), ('"1","2"', (1, 2)),
        ('W/"1"', ()), ('W/"1", "2"', (2,)), ('"x"', ()), ('""', ()), ('"01"', ()), ('"1,2"', ()), ('"0"', ()),
        ('"' + "9" * 99 + '"', ()),
    ],
)  # fmt: skip
def test_if_match(text, versions):
    assert parameters.if_match(text) == versions


@pytest.mark.parametrize("text", ["", "1", '"1', "'1'", '"1" "2"', '*, "1"', 'w/"1"', '"1",', ", ".join(['"1"'] * 101)])
def test_a_malformed_if_match_is_refused(text):
    with pytest.raises(OrderError):
        parameters.if_match(text)
