"""Reports, rejected records and dead letters of imports, as the function and AWS write them."""

import json

from contract.imports import COMPLETED, rejected_key, report_key


def report(status=COMPLETED, **fields):
    return {
        "status": status,
        "sourceFile": "s3://uploads/orders/a.csv",
        "version": "v1",
        "bytes": 123,
        "format": "csv",
        "compressed": False,
        "read": 3,
        "queued": 3,
        "rejected": 0,
        "reasons": {},
        "fault": None,
        "rejectedFiles": [],
        "startedAt": "2026-11-21T10:00:00Z",
        "finishedAt": "2026-11-21T10:00:02Z",
        "durationMs": 2000,
        "invocations": 1,
        **fields,
    }


def rejected_line(number, text="..."):
    return json.dumps(
        {
            "record": number,
            "line": number + 1,
            "byte": 0,
            "bytes": len(text),
            "reason": "invalid_request",
            "details": ["items: is required"],
            "text": text,
        }
    ).encode()


def put_report(s3, key, version, document, rejected=()):
    """With a file of these lines, if any."""
    if rejected:
        name = rejected_key(key, version, 1, document["read"])
        s3.put_object(Bucket="uploads", Key=name, Body=b"\n".join(rejected) + b"\n")
        document = {**document, "rejectedFiles": [name]}
    s3.put_object(Bucket="uploads", Key=report_key(key, version), Body=json.dumps(document))


def event(key="orders/a.csv", version="v1"):
    return {
        "version": "0",
        "id": "e-1",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": "2026-11-21T10:00:00Z",
        "detail": {"bucket": {"name": "uploads"}, "object": {"key": key, "size": 123, "version-id": version}},
    }


def envelope(key="orders/a.csv", version="v1", error="boom", **continuation):
    """As a Lambda destination on failure gets it."""
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": "2026-11-21T10:05:00.000Z",
            "requestContext": {
                "requestId": "r-1",
                "functionArn": "arn:aws:lambda:us-east-1:1:function:orders-import-1:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": event(key, version) | continuation,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorType": "QueueUnavailable", "errorMessage": error},
        }
    )
