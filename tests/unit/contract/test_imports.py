"""Reports about an imported file: schemas compile; keys are valid in S3 and unique."""

import fastjsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import imports
from contract.documents import IMPORT_RECORD, ORDER_MESSAGE
from contract.models import ORDER_SUBMISSION
from contract.schemas import DRAFT_04

SCHEMAS = {
    "ImportReport": imports.IMPORT_REPORT,
    "RejectedRecord": imports.REJECTED_RECORD,
}
KEYS = st.text(st.characters(codec="utf-8"), max_size=1017).map(lambda text: imports.UPLOAD_PREFIX + text)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_a_draft_04_schema_that_compiles(name):
    assert (SCHEMAS[name]["$schema"], SCHEMAS[name]["title"]) == (DRAFT_04, name)
    fastjsonschema.compile(SCHEMAS[name])


def test_a_record_is_a_submission_with_an_order_id():
    assert IMPORT_RECORD["properties"] == ORDER_SUBMISSION["properties"]
    assert set(IMPORT_RECORD["required"]) == {"orderId", *ORDER_SUBMISSION["required"]}


def test_the_name_of_any_file_fits_into_a_message():
    longest = len("s3://") + 63 + len("/") + imports.MAX_KEY_BYTES
    assert longest <= ORDER_MESSAGE["properties"]["sourceFile"]["maxLength"]


@given(KEYS.filter(lambda key: len(key.encode()) <= imports.MAX_KEY_BYTES))
def test_the_keys_about_a_file_fit_and_are_no_uploads(key):
    highest = imports.MAX_UNPACKED_BYTES
    for about in (imports.report_key(key, "v" * 64), imports.rejected_key(key, "v" * 64, highest, highest, "d" * 8)):
        assert len(about.encode()) <= imports.MAX_KEY_BYTES
        assert about.startswith(imports.REPORT_PREFIX) and not about.startswith(imports.UPLOAD_PREFIX)


def test_long_keys_that_differ_only_at_their_end_have_reports_of_their_own():
    keys = [imports.UPLOAD_PREFIX + "x" * 1000 + end for end in ("a", "b")]
    assert len({imports.report_key(key, "v") for key in keys}) == 2
