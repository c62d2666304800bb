"""Differences between two values: exact (they turn one into the other), complete, and small."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.plan.changes import ABSENT, Difference, Hidden, Inside, Item, Unknown
from deployer.plan.properties import Secret, differences, masked, same, walk


def paths(before, after) -> dict:
    return {difference.path: (difference.before, difference.after) for difference in differences(before, after)}


# --- applying them, to see that nothing is missing ------------------------------------------------


def applied(before, found):
    """`before` with the differences (steps, old, new) made in it."""
    if not found:
        return before
    whole = [new for steps, _, new in found if not steps]
    if whole:
        return whole[0]
    first = found[0][0][0]
    if isinstance(before, list):
        return _list(before, found)
    if first in (Inside.TEXT, Inside.NAMES):
        argument = before["Fn::Sub"]
        parts = [argument, {}] if isinstance(argument, str) else argument
        wanted = [_below(found, step) for step in (Inside.TEXT, Inside.NAMES)]
        return {"Fn::Sub": [applied(part, inner) for part, inner in zip(parts, wanted, strict=True)]}
    if first is Inside.JSON:
        return json.dumps(applied(json.loads(before), _below(found, first)))
    result = {str(key): value for key, value in before.items()}
    for key in {steps[0] for steps, _, _ in found}:
        new = applied(result.get(key, ABSENT), _below(found, key))
        result[key] = new
    return {key: value for key, value in result.items() if value is not ABSENT}


def _below(found, step):
    return [(steps[1:], old, new) for steps, old, new in found if steps[0] == step]


def _list(before, found):
    gone = {steps[0].index for steps, _, new in found if len(steps) == 1 and new is ABSENT}
    added = {steps[0].index: new for steps, old, new in found if len(steps) == 1 and old is ABSENT}
    items = []
    for index, item in enumerate(before):
        inner = [
            (steps[1:], old, new)
            for steps, old, new in found
            if isinstance(steps[0], Item) and steps[0].index == index and (len(steps) > 1 or ABSENT not in (old, new))
        ]
        if index not in gone:
            items.append(applied(item, inner))
    for steps, old, new in found:
        if steps == (Inside.ORDER,):
            assert len(old) == len(new) == len(items)
            items = [items[old.index(identity)] for identity in new]
    for index, item in sorted(added.items()):
        items.insert(index, item)
    return items


def parsed(node):
    """JSON in strings as what it says, Fn::Sub in its long form: the notation is not kept by a step inside."""
    if isinstance(node, str) and not isinstance(node, Secret):
        try:
            document = json.loads(node) if node.lstrip().startswith(("{", "[")) else None
        except (ValueError, RecursionError):
            document = None
        return node if document is None else {"json": parsed(document)}
    if isinstance(node, dict):
        inner = {str(key): parsed(value) for key, value in node.items()}
        if node.keys() == {"Fn::Sub"} and isinstance(node["Fn::Sub"], str):
            return {"Fn::Sub": [inner["Fn::Sub"], {}]}
        return inner
    return [parsed(item) for item in node] if isinstance(node, list) else node


NAMES = st.sampled_from(["Sid", "Name", "Key", "Id", "Ref", "Fn::Sub", "Fn::GetAtt", "Action", "a.b", "200"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.floats(allow_nan=False, width=16)
    | st.sampled_from(["a", "b", "c", "60", "true", "", "{", "[1, 2]", '{"a": [1, {"Sid": "x"}]}', '{"a": [2]}'])
    | st.text(max_size=3)
    | st.builds(Unknown, st.sampled_from(["A.b", ""]))
    | st.builds(Secret, st.sampled_from(["s3cret", "other"]))
)
IDENTIFIED = st.lists(
    st.builds(lambda sid, more: {**more, "Sid": sid}, st.sampled_from("abcdef"), st.dictionaries(NAMES, SCALARS)),
    max_size=5,
    unique_by=lambda item: str(item["Sid"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(NAMES | st.integers(200, 202), inner, max_size=4)
        | IDENTIFIED
        | st.builds(lambda text, names: {"Fn::Sub": [text, names]}, st.text(max_size=4), st.dictionaries(NAMES, inner))
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES, VALUES)
def test_the_differences_turn_one_into_the_other(before, after):
    made = applied(before, list(walk(before, after)))
    assert same(parsed(made), parsed(after))


@settings(deadline=None)
@given(VALUES, VALUES)
def test_there_are_none_exactly_when_both_mean_the_same(before, after):
    assert (not differences(before, after)) == same(before, after)
    assert not differences(before, before)


@settings(deadline=None)
@given(IDENTIFIED, st.randoms())
def test_what_has_an_identity_is_found_again_in_any_order(items, random):
    shuffled = random.sample(items, len(items))
    assert {steps for steps, _, _ in walk(items, shuffled)} <= {(Inside.ORDER,)}


@settings(deadline=None)
@given(VALUES, VALUES)
def test_every_difference_has_a_path_and_shows_no_secret(before, after):
    for difference in differences({"P": before}, {"P": after}):
        assert difference.path.startswith("P")
        assert difference.name == "P"
        shown = f"{masked(difference.before)!r} {masked(difference.after)!r}"
        assert "s3cret" not in shown


ODD = [None, [], {}, "", 0, {1: 2}, {"Ref": None}, {"Fn::Sub": None}, {"Fn::Sub": [1, 2, 3]}, [[[]]], {"a": {None: []}}]


@pytest.mark.parametrize("before", ODD)
@pytest.mark.parametrize("after", [*ODD, float("nan"), "[" * 100_000, [{"Sid": {}}], [{"Sid": None}, 1]])
def test_odd_shapes_are_no_error(before, after):
    assert all(difference.path is not None for difference in differences(before, after))


# --- what a person sees ----------------------------------------------------------------------------


def statement(sid, *actions):
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions)}


def test_an_inserted_statement_is_one_difference():
    before = {"Statement": [statement("Read", "a"), statement("Write", "b")]}
    after = {"Statement": [statement("New", "c"), *before["Statement"]]}
    assert paths(before, after) == {"Statement[Sid=New]": (ABSENT, statement("New", "c"))}


def test_actions_come_and_go_one_by_one():
    before, after = {"Statement": [statement("Orders", "a", "b")]}, {"Statement": [statement("Orders", "b", "c")]}
    assert paths(before, after) == {
        "Statement[Sid=Orders].Action[-]": ("a", ABSENT),
        "Statement[Sid=Orders].Action[+]": (ABSENT, "c"),
    }


def test_an_inserted_item_without_identity_does_not_rewrite_the_rest():
    before = [{"x": 1, "y": [1]}, {"x": 1, "y": [2]}, {"x": 1, "y": [3]}]
    assert paths(before, [{"x": 1, "y": [0]}, *before]) == {"[+]": (ABSENT, {"x": 1, "y": [0]})}


def test_a_renamed_sort_key_is_identified_by_its_key_type():
    before = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}]}
    after = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "on", "KeyType": "RANGE"}]}
    assert paths(before, after) == {"KeySchema[KeyType=RANGE].AttributeName": ("at", "on")}


def test_another_order_is_reported_as_order():
    assert paths({"Types": ["a", "b"]}, {"Types": ["b", "a"]}) == {"Types[order]": (["a", "b"], ["b", "a"])}


def test_json_in_a_string_is_compared_by_what_it_says():
    before, after = '{"widgets": [{"title": "Orders"}]}', '{"widgets":[{"title":"All orders"}]}'
    assert paths({"Body": before}, {"Body": after}) == {"Body.widgets[0].title": ("Orders", "All orders")}


def test_the_same_json_written_otherwise_still_is_another_text():
    assert paths({"Body": '{"a": 1}'}, {"Body": '{"a":1}'}) == {"Body": ('{"a": 1}', '{"a":1}')}


def test_json_with_placeholders_is_compared_by_what_it_says():
    before, after = ({"Fn::Sub": f'{{"region": "${{AWS::Region}}", "stat": "{stat}"}}'} for stat in ("p95", "p99"))
    assert paths({"Body": before}, {"Body": after}) == {"Body.stat": ("p95", "p99")}


def test_a_number_and_its_text_are_the_same_to_cloudformation():
    assert not differences({"Timeout": 60, "On": True, "Rate": 1.0}, {"Timeout": "60", "On": "true", "Rate": 1})
    assert differences({"On": True}, {"On": 1})


def test_a_name_with_dots_stays_one_step():
    name = "method.request.path.id"
    assert list(paths({"P": {name: True}}, {"P": {}})) == [f'P["{name}"]']


def test_a_reference_is_one_value():
    before, after = {"Ref": "Old"}, {"Fn::GetAtt": ["New", "Arn"]}
    assert paths({"Role": before}, {"Role": after}) == {"Role": (before, after)}


def test_a_secret_is_compared_and_masked():
    [difference] = differences({"Password": Secret("one")}, {"Password": Secret("two")})
    assert (masked(difference.before), masked(difference.after)) == (Hidden(), Hidden())
    assert not differences({"Password": Secret("one")}, {"Password": Secret("one")})
    assert masked({"A": ["x", Secret("s")]}) == {"A": ["x", Hidden()]}


def test_an_attribute_is_named_before_the_place_in_it():
    [difference] = differences({"checkov": 1}, {"checkov": 2}, "Metadata")
    assert (difference.path, difference.name) == ("Metadata.checkov", "Metadata")
    assert Difference((), "Retain", "Delete", attribute="DeletionPolicy").path == "DeletionPolicy"
