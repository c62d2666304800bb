"""The definition of each field is complete, or names what is missing."""

import pytest

from contract import imports
from contract.fields import ORDER_FIELDS, RESPONSE, Field
from contract.schemas import IDENTIFIER, money


@pytest.mark.parametrize(
    "definition, problem",
    [
        (("tip", money(), ""), "tip: the description is missing"),
        (("tip", money(), "for the courier"), "tip: say whether totalAmount includes this amount"),
    ],
)
def test_a_definition_that_lacks_a_part_is_refused_by_name(definition, problem):
    with pytest.raises(ValueError, match=problem):
        Field(*definition)


def test_nothing_but_an_amount_that_a_client_sends_is_charged():
    with pytest.raises(ValueError, match="note: only an amount"):
        Field("note", IDENTIFIER, "a note", charged=True)
    with pytest.raises(ValueError, match="totalAmount: only an amount"):
        Field("totalAmount", {"type": "number"}, "a sum", first=RESPONSE, charged=False)


@pytest.mark.parametrize("names", [[each.name for each in ORDER_FIELDS], [each.name for each in imports.CSV_COLUMNS]])
def test_a_name_is_used_once(names):
    assert [name for name in names if names.count(name) > 1] == []
