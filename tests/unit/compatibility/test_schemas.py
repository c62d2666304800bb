"""No tightening escapes: where a value was accepted and is refused now, `changes` has a finding.

The judge is jsonschema, which knows nothing of containment.
"""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from contract.models import ORDER_REQUEST, ORDER_SUBMISSION
from generator.compatibility.schemas import Direction, changes
from tests.unit.handlers.test_openapi_agreement import bodies

NAMES = st.sampled_from("ab")
TYPES = ("string", "integer", "number", "boolean", "null", "array", "object")
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 3, -1, 1.5, "", "a", "b", "ab", "aab"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=6
)
SMALL = st.integers(0, 3)
KEYWORDS = {
    "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
    "enum": st.lists(SCALARS, min_size=1, max_size=4, unique_by=repr),
    **dict.fromkeys(("minimum", "maximum"), SMALL),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), SMALL),
    "exclusiveMinimum": st.booleans(),
    "exclusiveMaximum": st.booleans(),
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "pattern": st.sampled_from(["^a", "b$", "^a*$", "[ab]"]),
    "uniqueItems": st.booleans(),
    "required": st.lists(NAMES, min_size=1, unique=True),
}


def _complete(schema: dict) -> dict:
    """Remove what draft-04 does not allow: a bound's exclusiveness without the bound."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if bound not in schema:
            schema.pop(exclusive, None)
    return schema


def _larger(inner):
    return {
        "items": inner,
        "properties": st.dictionaries(NAMES, inner, max_size=2),
        "patternProperties": st.dictionaries(st.sampled_from(["^a$", "b"]), inner, min_size=1, max_size=1),
        "additionalProperties": st.booleans() | inner,
        "not": inner,
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), st.lists(inner, min_size=1, max_size=2)),
    }


LEAVES = st.fixed_dictionaries({}, optional=KEYWORDS).map(_complete)
SCHEMAS = st.recursive(
    LEAVES, lambda inner: st.fixed_dictionaries({}, optional=KEYWORDS | _larger(inner)).map(_complete), max_leaves=5
)
ONE_MORE = st.sampled_from([*KEYWORDS, *_larger(LEAVES)])


@st.composite
def changed_schemas(draw, source=SCHEMAS):
    """Draw a schema, and it with keywords replaced, added or removed at some place."""
    old = draw(source)
    new = copy.deepcopy(old)
    places = list(schemas_in(new))
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(places))
        keyword = draw(ONE_MORE)
        if draw(st.booleans()):
            place.pop(keyword, None)
        else:
            place[keyword] = draw((KEYWORDS | _larger(LEAVES))[keyword])
        _complete(place)
    return old, new


def schemas_in(schema: dict):
    """Yield a schema and those inside it."""
    yield schema
    named = [*schema.get("properties", {}).values(), *schema.get("patternProperties", {}).values()]
    listed = [each for keyword in ("allOf", "anyOf", "oneOf") for each in schema.get(keyword, ())]
    single = [schema.get(keyword) for keyword in ("items", "additionalProperties", "not")]
    for each in (*named, *listed, *single):
        if isinstance(each, dict):
            yield from schemas_in(each)


def is_valid(schema: dict, value: object) -> bool:
    return Draft4Validator(schema).is_valid(value)


def opened(schema: dict) -> dict:
    """Return `schema` with objects that may have other fields, as answers may."""
    schema = copy.deepcopy(schema)
    for each in schemas_in(schema):
        each.pop("additionalProperties", None)
    return schema


thorough = settings(max_examples=200, deadline=None)


@thorough
@given(changed_schemas(), st.lists(VALUES, min_size=4, max_size=8))
def test_a_value_that_is_refused_now_is_a_finding(pair, values):
    old, new = pair
    if any(is_valid(old, value) and not is_valid(new, value) for value in values):
        assert list(changes(old, new, Direction.RECEIVED)), (old, new)


@thorough
@given(changed_schemas(), st.lists(VALUES, min_size=4, max_size=8))
def test_an_answer_that_its_reader_does_not_expect_is_a_finding(pair, values):
    old, new = map(opened, pair)
    if any(is_valid(new, value) and not is_valid(old, value) for value in values):
        assert list(changes(old, new, Direction.SENT)), (old, new)


REQUESTS = {"OrderRequest": ORDER_REQUEST, "OrderSubmission": ORDER_SUBMISSION}


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(sorted(REQUESTS)))
def test_a_tightening_of_a_request_that_refuses_a_body_is_a_finding(data, model):
    old, new = data.draw(changed_schemas(st.just(REQUESTS[model])))
    given_bodies = data.draw(st.lists(bodies(model), min_size=3, max_size=6))
    if any(is_valid(old, body) and not is_valid(new, body) for body in given_bodies):
        assert list(changes(old, new, Direction.RECEIVED))


@thorough
@given(SCHEMAS)
def test_a_schema_does_not_differ_from_itself(schema):
    for direction in Direction:
        assert list(changes(schema, copy.deepcopy(schema), direction)) == []


def test_true_is_not_one():
    assert list(changes({"enum": [1]}, {"enum": [True]}, Direction.RECEIVED))
