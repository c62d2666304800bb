"""DynamoDB streams as the source of a function's events."""

import copy
import sys
import threading
from contextvars import ContextVar

from emulator.registry import patch


@patch
def stream_partial_failures() -> None:
    """Upstream takes a batch of a table's stream for done although the function reports
    failures in it (ReportBatchItemFailures), so those records are lost. AWS goes on from the
    first that failed, and so does the patch, a second later."""
    from ministack.services import dynamodb, lambda_svc

    poll, execute = lambda_svc._poll_dynamodb_streams, lambda_svc._execute_function
    polling: ContextVar[bool] = ContextVar("polling_streams", default=False)

    def poll_noted():
        token = polling.set(True)
        try:
            return poll()
        finally:
            polling.reset(token)

    def execute_checked(func, event, *more, **options):
        result = execute(func, event, *more, **options)
        if not polling.get() or result.get("error"):
            return result
        mapping = reporting(func, event["Records"][0]["eventSourceARN"])
        failed = reported(result.get("body")) if mapping else set()
        if not failed:
            return result
        first = next((r for r in event["Records"] if r["dynamodb"]["SequenceNumber"] in failed), None)
        if first:  # else the whole batch has failed, as on AWS
            table = table_of(mapping)
            place = dynamodb.stream_live_records(table).index(first)
            with lambda_svc._dynamodb_stream_positions_lock:
                lambda_svc._dynamodb_stream_positions[mapping["UUID"]] = dynamodb.stream_start_position(table) + place
        return {**result, "error": True}  # upstream then leaves the position alone

    def reporting(func, stream):
        name = (func.get("config") or func)["FunctionName"]
        for mapping in list(lambda_svc._esms.values()):
            if (mapping["EventSourceArn"], mapping["FunctionName"]) == (stream, name):
                return mapping if "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", []) else None
        return None

    lambda_svc._poll_dynamodb_streams = poll_noted
    lambda_svc._execute_function = execute_checked


@patch
def streams_apart() -> None:
    """Upstream polls no queue while a function works on a batch of a stream: a slow consumer of
    the one holds up the consumers of the other. AWS polls each by itself; the patch polls streams
    in a thread of their own."""
    from ministack.services import lambda_svc

    poll = lambda_svc._poll_dynamodb_streams
    polling = threading.Lock()

    def poll_all():
        try:
            while poll():
                pass
        finally:
            polling.release()

    def poll_apart():
        if polling.acquire(blocking=False):
            threading.Thread(target=poll_all, name="streams", daemon=True).start()
        return False  # nothing that the poller of queues should hurry for

    lambda_svc._poll_dynamodb_streams = poll_apart


@patch
def streams_persist() -> None:
    """Upstream saves how far each mapping has read a table's stream, but not the stream: after
    a restart a mapping passes over as many new records as it had read old ones. The patch saves
    with the positions the records that a mapping has yet to read."""
    from ministack.services import dynamodb, lambda_svc

    get_state, load = lambda_svc.get_state, lambda_svc.load_persisted_state

    def state_with_streams():
        state = get_state()
        records, starts = type(dynamodb._stream_records)(), type(dynamodb._stream_trimmed)()
        for (account, region, mapping_id), position in state["dynamodb_stream_positions"].all_items():
            mapping = lambda_svc._esms.get_scoped(account, region, mapping_id)
            if mapping:
                at = (account, region, table_of(mapping))
                starts.set_scoped(*at, min(position, starts.get_scoped(*at, sys.maxsize)))
        for (account, region, table), position in list(starts.all_items()):
            live = {"account_id": account, "region": region}
            start = max(position, dynamodb.stream_start_position(table, **live))
            unread = dynamodb.stream_records_since(table, start, sys.maxsize, **live)
            starts.set_scoped(account, region, table, start)
            records.set_scoped(account, region, table, copy.deepcopy(unread))
        return {**state, "stream_records": records, "stream_starts": starts}

    def load_with_streams(data):
        dynamodb._stream_records.update(data.get("stream_records", {}))
        dynamodb._stream_trimmed.update(data.get("stream_starts", {}))
        load(data)

    lambda_svc.get_state = state_with_streams
    lambda_svc.load_persisted_state = load_with_streams


def table_of(mapping: dict) -> str:
    """The table of a mapping's stream, whose ARN ends in ``table/NAME/stream/LABEL``."""
    return mapping["EventSourceArn"].split("/")[1]


def reported(body: object) -> set[str]:
    """The sequence numbers that a function's answer reports as failed."""
    failures = body.get("batchItemFailures") if isinstance(body, dict) else None
    return {str(failure.get("itemIdentifier")) for failure in failures or []}
