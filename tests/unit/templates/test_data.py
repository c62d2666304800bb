"""The data stack: what holds the orders."""

import pytest

from tests.unit.templates.support import evaluate, of_type, root_parameters


def table_of(data, name: str = "dev", **changes) -> dict:
    return evaluate(data, data["Resources"]["OrdersTable"], root_parameters(name, **changes))


def test_the_table_is_keyed_by_order_and_time_and_found_by_customer(data):
    properties = table_of(data)["Properties"]
    types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
    keys = [(each["AttributeName"], each["KeyType"]) for each in properties["KeySchema"]]
    index = properties["GlobalSecondaryIndexes"][0]
    assert keys == [("orderId", "HASH"), ("timestamp", "RANGE")]
    assert index["IndexName"] == "customerIdIndex"
    assert [each["AttributeName"] for each in index["KeySchema"]] == ["customerId", "timestamp"]
    assert index["Projection"] == {"ProjectionType": "ALL"}
    assert types == {
        "orderId": "S",
        "timestamp": "N",
        "customerId": "S",
        "partnerCustomer": "S",
        "processedDate": "S",
    }


def test_partners_orders_have_an_index_of_their_own_that_lists_read_whole(data):
    _, index, _ = table_of(data)["Properties"]["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "partnerCustomerIndex"
    assert [each["AttributeName"] for each in index["KeySchema"]] == ["partnerCustomer", "timestamp"]
    assert index["Projection"] == {"ProjectionType": "ALL"}


def test_imported_orders_are_found_by_day_in_an_index_that_a_change_of_status_leaves_alone(data):
    _, _, index = table_of(data)["Properties"]["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "processedDateIndex"
    assert [(each["AttributeName"], each["KeyType"]) for each in index["KeySchema"]] == [
        ("processedDate", "HASH"),
        ("timestamp", "RANGE"),
    ]
    assert index["Projection"]["ProjectionType"] == "INCLUDE"
    assert set(index["Projection"]["NonKeyAttributes"]) == {"customerId", "sourceFile", "totalAmount"}


def test_the_table_is_recoverable_encrypted_streamed_and_expires_orders(data):
    properties = table_of(data, "prod")["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": True,
        "RecoveryPeriodInDays": "35",
    }
    assert properties["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}


@pytest.mark.parametrize(("name", "policy", "protected"), [("prod", "Retain", "true"), ("dev", "Delete", "false")])
def test_the_environment_says_whether_data_survives_its_stack(data, name, policy, protected):
    assert table_of(data, name)["Properties"]["DeletionProtectionEnabled"] == protected
    for title in of_type(data, "DynamoDB::Table", "SQS::Queue", "S3::Bucket"):
        resource = evaluate(data, data["Resources"][title], root_parameters(name))
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == policy


def test_a_table_on_demand_has_no_capacity_anywhere(data):
    properties = table_of(data, BillingMode="PAY_PER_REQUEST")["Properties"]
    assert "ProvisionedThroughput" not in properties
    assert not [each for each in properties["GlobalSecondaryIndexes"] if "ProvisionedThroughput" in each]


def test_a_provisioned_table_and_its_indexes_start_at_the_least_capacity(data):
    properties = table_of(data, BillingMode="PROVISIONED", MinCapacity="5")["Properties"]
    least = {"ReadCapacityUnits": "5", "WriteCapacityUnits": "5"}
    assert properties["ProvisionedThroughput"] == least
    assert [each["ProvisionedThroughput"] for each in properties["GlobalSecondaryIndexes"]] == [least] * 3


WARM = {"ReadUnitsPerSecond": "20000", "WriteUnitsPerSecond": "40000"}


@pytest.mark.parametrize(
    ("settings", "warm", "of_days"),
    [
        ({}, None, None),
        ({"WarmReads": "0", "WarmWrites": "0"}, None, None),
        ({"WarmReads": "20000"}, {"ReadUnitsPerSecond": "20000"}, None),
        ({"WarmWrites": "40000"}, {"WriteUnitsPerSecond": "40000"}, {"WriteUnitsPerSecond": "40000"}),
        ({"WarmReads": "20000", "WarmWrites": "40000"}, WARM, {"WriteUnitsPerSecond": "40000"}),
    ],
)
def test_the_table_and_each_index_are_warm_where_asked_for(data, settings, warm, of_days):
    properties = table_of(data, **settings)["Properties"]
    by_customer, by_partner, by_day = properties["GlobalSecondaryIndexes"]
    found = [each.get("WarmThroughput") for each in (properties, by_customer, by_partner, by_day)]
    assert found == [warm, warm, warm, of_days]


def test_reads_and_writes_of_table_and_every_index_scale_only_when_provisioned(data):
    targets = of_type(data, "ApplicationAutoScaling::ScalableTarget")
    policies = of_type(data, "ApplicationAutoScaling::ScalingPolicy")
    parameters = root_parameters("dev", BillingMode="PROVISIONED")
    scaled = {}
    for title, policy in policies.items():
        assert policy["Condition"] == "IsProvisioned", title
        properties = evaluate(data, policy["Properties"], parameters)
        tracking = properties["TargetTrackingScalingPolicyConfiguration"]
        target = targets[properties["ScalingTargetId"]]
        assert target["Condition"] == "IsProvisioned"
        resolved = evaluate(data, target["Properties"], parameters)
        assert (resolved["MinCapacity"], resolved["MaxCapacity"], tracking["TargetValue"]) == ("5", "100", "70")
        scaled[resolved["ResourceId"], resolved["ScalableDimension"]] = tracking["PredefinedMetricSpecification"][
            "PredefinedMetricType"
        ]
    wanted = {("table", "table/OrdersTable")}
    for index in table_of(data)["Properties"]["GlobalSecondaryIndexes"]:
        wanted.add(("index", f"table/OrdersTable/index/{index['IndexName']}"))
    assert len(wanted) == 4
    assert scaled == {
        (resource, f"dynamodb:{kind}:{direction}CapacityUnits"): f"DynamoDB{direction}CapacityUtilization"
        for kind, resource in wanted
        for direction in ("Read", "Write")
    }


def test_settings_have_the_names_that_functions_and_operators_know(data):
    parameters = [
        evaluate(data, p["Properties"], root_parameters("dev")) for p in of_type(data, "SSM::Parameter").values()
    ]
    assert {each["Name"]: each["Value"] for each in parameters} == {
        "/food-delivery/dev/table-name": "OrdersTable",
        "/food-delivery/dev/api-config": root_parameters("dev")["ApiConfig"],
    }
    # CloudFormation cannot create a SecureString: feature-flags is the deployer's.
    assert {each["Type"] for each in parameters} == {"String"}
