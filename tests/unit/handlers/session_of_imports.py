"""A process that imports files full of secrets, some of which raise. test_orders_import_telemetry runs it."""

import json
import sys

from tests.unit.handlers import conftest

SECRETS = {
    "street": "13 Planted Lane",
    "city": "Secretville",
    "customer": "customer-planted",
    "product": "product-planted",
    "field": "fieldplanted",
    "text": "Planted prose",
}
CSV_HEADER = b"orderId,customerId,productId,quantity,price\n"


def main() -> None:
    from moto import mock_aws

    from handlers import clients
    from handlers.orders_import import ImportFailed
    from tests.unit.handlers.importing import BUCKET, Context, World, event, jsonl, order

    secret = {
        "customerId": SECRETS["customer"],
        "items": [{"productId": SECRETS["product"], "quantity": 1, "price": 1}],
        "deliveryAddress": {"street": SECRETS["street"], "city": SECRETS["city"], "zipCode": "1"},
    }
    bad = [
        order("BAD-1", **secret, delivery="express"),
        order("BAD-2", **{**secret, SECRETS["field"]: SECRETS["city"]}),
        order(SECRETS["field"] + " !", **secret),
        json.dumps(secret).encode()[:-3],
        SECRETS["text"].encode(),
    ]
    body = jsonl(*[order(f"ORD-{n}", **secret) for n in range(15)], *bad)

    with World(body) as world:
        world.run_all(8)

        def explode(*arguments: object) -> None:
            raise ValueError(body.decode())

        for moment in ("on_get", "on_send", "on_put"):
            setattr(world, moment, explode)
            try:
                world.run()
            except ImportFailed as error:
                assert not any(each in str(error) for each in SECRETS.values())
            else:
                raise AssertionError
            setattr(world, moment, lambda *arguments: None)
    for key, content in (
        ("orders/a.csv", SECRETS["text"].encode()),
        ("orders/b.csv", f"{SECRETS['field']},{SECRETS['city']}".encode()),
        ("orders/c.csv", CSV_HEADER + f"{SECRETS['field']} !,{SECRETS['city']},p,1,2\nA-1,c,p,1,2\n".encode()),
        ("orders/a.json", json.dumps([secret]).encode()[:-1]),
    ):
        with World(content, key) as world:
            try:
                world.run(event(key))
            except ImportFailed as error:
                assert world.report(key)["status"] == "failed"
                assert not any(each in str(error) for each in SECRETS.values())
            else:
                assert world.report(key)["status"] in ("broken", "completed")
            assert not any(each in str(world.report(key)) for each in SECRETS.values())

    # Once more with the real clients.
    with mock_aws():
        conftest.make_database()
        conftest.make_queues()
        s3 = clients.s3()
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        version = s3.put_object(Bucket=BUCKET, Key="orders/real.jsonl", Body=body)["VersionId"]
        from handlers import orders_import

        orders_import.handler(event("orders/real.jsonl", version), Context())


if __name__ == "__main__":
    sys.exit(main())
