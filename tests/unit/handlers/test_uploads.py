"""Reading a version of an object in ranges, over moto and over streams that end too early."""

import io

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3.exceptions import ProtocolError

from handlers import clients, uploads
from tests.unit.handlers.importing import BUCKET, KEY, VERSION, World, event, failure


@pytest.fixture
def s3(aws):
    client = clients.s3()
    client.create_bucket(Bucket=BUCKET)
    return client


def versioned(s3):
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


def put(s3, body, key=KEY):
    """Put an object; return its event."""
    answer = s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return event(key, answer.get("VersionId"), etag=answer["ETag"].strip('"'), size=len(body))


def read(client, given_event, offset=0):
    return b"".join(uploads.read(client, uploads.file_of(given_event), offset))


def test_the_version_in_the_event_is_read_even_if_there_is_a_newer_one(s3):
    first = put(versioned(s3), b"first")
    put(s3, b"second")
    assert read(s3, first) == b"first"
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    assert read(s3, first) == b"first"


def test_without_versions_only_the_object_that_the_event_names_is_read(s3):
    first = put(s3, b"first")
    file = uploads.file_of(first)
    assert (file.version_id, file.version) == (None, first["detail"]["object"]["etag"])
    assert read(s3, first) == b"first"
    put(s3, b"second")
    with pytest.raises(ClientError) as refused:
        read(s3, first)
    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"


@pytest.mark.parametrize("key", ["orders/a b+c%20ä/=.csv", "orders/%2F?#", "orders/ü"])
def test_a_key_is_used_unchanged(s3, key):
    assert read(s3, put(s3, b"x", key)) == b"x"
    assert uploads.file_of(event(key)).url == f"s3://{BUCKET}/{key}"


@pytest.mark.parametrize("offset", [0, 1, 4, 9, 10])
def test_a_file_is_read_from_an_offset_in_ranges(s3, monkeypatch, offset):
    monkeypatch.setattr(uploads, "RANGE_BYTES", 4)
    given_event = put(versioned(s3), b"0123456789")
    pieces = list(uploads.read(s3, uploads.file_of(given_event), offset))
    assert b"".join(pieces) == b"0123456789"[offset:]
    assert all(len(piece) == 4 for piece in pieces[:-1]) and b"" not in pieces


def test_an_empty_object_yields_no_pieces(s3):
    assert list(uploads.read(s3, uploads.file_of(put(s3, b"")), 0)) == []


def test_the_size_is_s3s_not_the_events(s3):
    given_event = put(versioned(s3), b"0123456789")
    for size in (3, 30, None):
        given_event["detail"]["object"]["size"] = size
        if size is None:
            del given_event["detail"]["object"]["size"]
        file = uploads.file_of(given_event)
        assert b"".join(uploads.read(s3, file, 0)) == b"0123456789" and file.size == 10


@settings(deadline=None)
@given(st.binary(max_size=50), st.integers(0, 60), st.integers(1, 9))
def test_any_file_is_read_completely_from_any_offset_with_any_ranges(body, offset, length):
    whole, uploads.RANGE_BYTES = uploads.RANGE_BYTES, length
    try:
        assert read(World(body), event(), offset) == body[offset:]
    finally:
        uploads.RANGE_BYTES = whole


class Broken(io.BytesIO):
    """A stream that returns half of its bytes, then fails."""

    def __init__(self, piece, error):
        super().__init__(piece[: len(piece) // 2])
        self.error = error

    def read(self, *arguments):
        got = super().read(*arguments)
        if self.error is not None:
            raise self.error
        return got


BREAKS = [None, ProtocolError("broken"), ReadTimeoutError(endpoint_url="x")]  # None: the stream just ends


@pytest.mark.parametrize("error", BREAKS, ids=repr)
def test_a_range_with_an_incomplete_body_is_read_again(monkeypatch, error):
    monkeypatch.setattr(uploads, "RANGE_BYTES", 4)
    world, breaks, streams = World(b"0123456789"), [4, 4, 8], []

    def on_get(start, piece):
        if start in breaks:
            breaks.remove(start)
            streams.append(Broken(piece, error))
            return StreamingBody(streams[-1], len(piece))

    world.on_get = on_get
    assert read(world, event()) == b"0123456789"
    starts = [each["Range"].split("-")[0] for each in world.gets]
    assert starts == ["bytes=0", "bytes=4", "bytes=4", "bytes=4", "bytes=8", "bytes=8"]
    assert all(stream.closed for stream in streams)


@pytest.mark.parametrize("error", BREAKS, ids=repr)
def test_a_range_that_is_always_incomplete_is_raised(error):
    world = World(b"0123456789")
    world.on_get = lambda start, piece: StreamingBody(Broken(piece, error), len(piece))
    with pytest.raises(Exception):  # noqa: B017 - whichever the break was
        read(world, event())
    assert len(world.gets) == uploads.ATTEMPTS


def raising(error):
    def on_get(start, piece):
        raise error

    return on_get


@pytest.mark.parametrize(
    "error", [EndpointConnectionError(endpoint_url="x"), failure("SlowDown"), failure("InternalError")]
)
def test_a_call_with_a_transient_failure_is_retried(error):
    error.response = {**getattr(error, "response", {}), "ResponseMetadata": {"HTTPStatusCode": 503}}
    world = World(b"0123456789")
    world.on_get = raising(error)
    with pytest.raises(type(error)):
        read(world, event())
    assert len(world.gets) == uploads.ATTEMPTS


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchKey", "NoSuchVersion", "PreconditionFailed"])
def test_a_deleted_version_is_raised_at_once(code):
    world = World(b"0123456789")
    world.on_get = raising(failure(code))
    with pytest.raises(ClientError):
        read(world, event())
    assert len(world.gets) == 1


@pytest.mark.parametrize("key", ["reports/orders/a.json/v.json", "other/a.json", "orders"])
def test_only_an_upload_is_a_file(key):
    with pytest.raises(ValueError):
        uploads.file_of(event(key))


def test_reading_has_long_timeouts_and_ten_connections():
    config = clients.s3().meta.config
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (2, 10, 10)
    assert uploads.file_of(event()).version == VERSION
