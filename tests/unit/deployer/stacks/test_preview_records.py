"""The record of a preview: every released format is read, and a record that cannot be read never expires."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from deployer.aws import session
from deployer.stacks import deployment_records, preview_records
from deployer.stacks.preview_records import UNREADABLE, Preview

ACCOUNT = "123456789012"
BUCKET = "food-delivery-artifacts-123456789012-us-east-1"
ADA = "arn:aws:iam::123456789012:user/ada"
FIRST = json.loads((Path(__file__).parent / "preview-1.json").read_text())
"""As format 1 was written. Do not change it."""


@pytest.fixture
def aws(dev):
    with mock_aws():
        aws = session.connect(dev)
        aws.client("s3").create_bucket(Bucket=BUCKET)
        yield aws


def test_the_first_format_is_read():
    assert preview_records.parsed(json.dumps(FIRST).encode()) == Preview("dev", "2026-12-01T17:20:34+00:00", ADA, 1)


def test_fields_may_be_added_without_a_new_number():
    assert preview_records.parsed(json.dumps({**FIRST, "more": 1}).encode()).like == "dev"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": preview_records.FORMAT + 1},
        {"expires": "2026-12-01T17:20:34"},  # of which time zone?
        {"expires": "tomorrow"},
        {"expires": 1764609634},
        {"expires": ""},
        {"like": None},
        {"like": ""},
        {"like": ["dev"]},
        {"who": None},
        {"format": "1"},
    ],
)
def test_what_cannot_be_read_never_expires(changes):
    found = preview_records.parsed(json.dumps({**FIRST, **changes}).encode())
    assert found == UNREADABLE
    assert not found.has_expired(datetime.max.replace(tzinfo=UTC))


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", b"7", b'"text"', b"\xff", b'{"like":'])
def test_what_is_no_record_is_none(text):
    assert preview_records.parsed(text) == UNREADABLE


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-23, 23), st.timedeltas(timedelta(0), timedelta(days=999)))
def test_a_preview_expires_at_one_moment_in_every_time_zone(moment, hours, span):
    zone = timezone(timedelta(hours=hours))
    try:
        later, there = moment + span, moment.astimezone(zone)
    except OverflowError:
        return
    found = preview_records.parsed(json.dumps({**FIRST, "expires": there.isoformat()}).encode())
    assert found.has_expired(later)
    if moment > datetime.min.replace(tzinfo=UTC):
        assert not found.has_expired(moment - timedelta(microseconds=1))


def test_a_record_is_read_as_it_was_written_and_is_no_deployment(aws):
    written = Preview("dev", None, ADA)
    preview_records.write(aws, ACCOUNT, "pr-1", written)
    aws.client("s3").put_object(Bucket=BUCKET, Key="deployments/pr-2/preview.json", Body=b"?")
    aws.client("s3").put_object(Bucket=BUCKET, Key="deployments/dev/20261201T000000.000000Z-0123456789.json", Body=b"")
    assert preview_records.read(aws, ACCOUNT, "pr-1") == written
    assert preview_records.read(aws, ACCOUNT, "dev") is None
    assert preview_records.read_all(aws, ACCOUNT) == {"pr-1": written, "pr-2": UNREADABLE}
    assert deployment_records.entries(aws, ACCOUNT, "pr-1") == []


def test_without_a_bucket_there_are_no_previews(aws):
    aws.client("s3").delete_bucket(Bucket=BUCKET)
    assert preview_records.read_all(aws, ACCOUNT) == {}
    assert preview_records.read(aws, ACCOUNT, "pr-1") is None


def test_records_of_more_than_one_page_are_all_found(aws, monkeypatch):
    for number in range(3):
        preview_records.write(aws, ACCOUNT, f"pr-{number}", Preview("dev", None, ADA))
    s3 = aws.client("s3")
    paginator = s3.get_paginator("list_objects_v2")
    paged = type(
        "Paged", (), {"paginate": lambda self, **how: paginator.paginate(**how, PaginationConfig={"PageSize": 1})}
    )
    monkeypatch.setattr(s3, "get_paginator", lambda operation: paged())
    assert preview_records.read_all(aws, ACCOUNT).keys() == {"pr-0", "pr-1", "pr-2"}
