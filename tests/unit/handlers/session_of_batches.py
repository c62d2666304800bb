"""A process that handles batches full of secrets, some of which raise. test_pipeline_telemetry runs it."""

import sys
from unittest import mock

from tests.unit.handlers import conftest

SECRETS = {
    "street": "13 Planted Lane",
    "city": "Secretville",
    "customer": "customer-planted",
    "product": "product-planted",
    "attribute": "attribute-planted@example.com",
    "field": "fieldplanted",
}
CORRELATION = "request-7c1"
SOURCE_FILE = "s3://uploads/orders/partner.csv"


def main() -> None:
    from moto import mock_aws

    from handlers import clients, orders_events
    from tests.unit.handlers.api import Api
    from tests.unit.handlers.pipeline import Pipeline, message, platform_id, record
    from tests.unit.handlers.stream_poller import CONTEXT
    from tests.unit.handlers.test_orders_events import created, moved, poison

    secret = {
        "customerId": SECRETS["customer"],
        "items": [{"productId": SECRETS["product"], "quantity": 1, "price": 1}],
        "deliveryAddress": {"street": SECRETS["street"], "city": SECRETS["city"], "zipCode": "1"},
    }
    odd = {"correlationId": SECRETS["attribute"], "other": SECRETS["attribute"]}
    with mock_aws():
        api = Api(conftest.make_database())
        pipeline = Pipeline(conftest.make_queues())
        assert api.submit(secret).status == 202
        assert api.submit({**secret, SECRETS["field"]: 1}).status == 400
        good = record(message("ORD-1", **secret), {"correlationId": CORRELATION})
        imported = message("ORD-2", **secret, source="import", sourceFile=SOURCE_FILE, processedDate="2026-01-02")
        refused = [record(message("ORD-1", **{**secret, "customerId": SECRETS["city"]}), odd) for _ in range(2)]
        bad = [record(str(secret), odd), record({**secret, SECRETS["field"]: SECRETS["street"]})]
        newer = len([good, 1, imported, *refused, bad[0]])  # the last one has a field that is not known
        assert pipeline.work_on(
            [good, record(message(platform_id(1), **secret)), record(imported), *refused, *bad]
        ) == [newer]
        assert pipeline.work_on([good, record(message("ORD-1", customerId=SECRETS["city"]))]) == []
        for failure in (ValueError(str(secret)), KeyError(SECRETS["street"])):
            with mock.patch.object(pipeline.database, "batch_execute_statement", side_effect=failure):
                assert pipeline.work(message(platform_id(2), **secret)) == [0]
        response = {"Error": {"Code": "ValidationError", "Message": str(secret)}}
        with mock.patch.object(pipeline.database, "batch_execute_statement", return_value={"Responses": [response]}):
            assert pipeline.work(message(platform_id(2), **secret)) == [0]
        with mock.patch.object(pipeline.sqs, "send_message_batch", side_effect=RuntimeError(str(secret))):
            assert pipeline.work(str(secret)) == [0]
        records = [created(), moved("ORD-2", 2), poison()]
        for each in records:
            each["dynamodb"]["NewImage"]["customerId"] = {"S": SECRETS["customer"]}
        sent = {"Successful": [{"Id": str(number)} for number in range(len(records))]}
        with mock.patch.object(clients.sns(), "publish_batch", return_value=sent):
            assert not orders_events.handler({"Records": records}, CONTEXT)["batchItemFailures"]
        partly = {"Successful": [{"Id": "0"}], "Failed": [{"Id": "1", "Code": "Bad"}]}
        with mock.patch.object(clients.sns(), "publish_batch", return_value=partly):
            assert orders_events.handler({"Records": records}, CONTEXT)["batchItemFailures"]


if __name__ == "__main__":
    sys.exit(main())
