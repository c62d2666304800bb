"""A process that serves requests full of secrets, some of which raise. test_telemetry runs it."""

import sys
from unittest import mock

from tests.unit.handlers import conftest

SECRETS = {
    "street": "13 Planted Lane",
    "city": "Secretville",
    "customer": "customer-planted",
    "key": "idempotency-planted",
    "header": "header-planted",
    "field": "fieldplanted",  # what a misspelt field may look like, and a name, too
    "api key": "SECRET-API-KEY",
}


def main() -> None:
    from moto import mock_aws

    from handlers import clients, orders_command
    from tests.unit.handlers.api import Api, event, order

    body = order(
        customerId=SECRETS["customer"],
        deliveryAddress={"street": SECRETS["street"], "city": SECRETS["city"], "zipCode": "1"},
    )
    headers = {"Idempotency-Key": SECRETS["key"], "X-Other": SECRETS["header"], "Origin": SECRETS["header"]}
    with mock_aws():
        api = Api(conftest.make_database())
        placed = api.post(body, headers=headers)
        assert placed.status == 201, placed.text
        assert api.post(body, headers=headers).headers["Idempotency-Replayed"] == "true"
        assert api.post({**body, "delivery": "express"}).status == 422
        assert api.post({**body, SECRETS["field"]: SECRETS["street"]}, headers=headers).status == 400
        assert api.post(str(body), headers=headers).status == 400
        assert api.put(placed.body["orderId"], SECRETS["field"]).status == 400
        assert api.put(placed.body["orderId"], "processing", headers=headers).status == 200
        assert api.put(placed.body["orderId"], "pending").status == 409
        assert api.get(placed.body["orderId"]).status == 200
        assert api.get(SECRETS["customer"] + "@").status == 404
        assert api.customer(SECRETS["customer"], nextToken=SECRETS["field"]).status == 400
        assert api.customer(SECRETS["customer"]).status == 200
        for failure in (ValueError(str(body)), KeyError(SECRETS["street"]), RuntimeError(str(headers))):
            with mock.patch.object(api.database, "put_item", side_effect=failure):
                assert api.post(body).status == 500
        with mock.patch("handlers.http.strict_json.loads", side_effect=OSError(str(body))):
            assert api.post(body, headers=headers).status == 500
        with mock.patch.object(clients.ssm(), "get_parameters", return_value={"Parameters": []}):
            conftest.configuration._cache.clear()
            orders_command.handler(event("POST", "/orders", body, headers=headers), None)


if __name__ == "__main__":
    sys.exit(main())
