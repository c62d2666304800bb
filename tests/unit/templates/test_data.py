"""The data stack: what holds the orders."""

import pytest

from tests.unit.templates.support import evaluate, of_type, root_parameters


def table_of(data, name: str = "dev", **changes) -> dict:
    return evaluate(data, data["Resources"]["OrdersTable"], root_parameters(name, **changes))


def test_the_table_is_keyed_by_order_and_time_and_found_by_customer(data):
    properties = table_of(data)["Properties"]
    types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
    keys = [(each["AttributeName"], each["KeyType"]) for each in properties["KeySchema"]]
    (index,) = properties["GlobalSecondaryIndexes"]
    assert keys == [("orderId", "HASH"), ("timestamp", "RANGE")]
    assert index["IndexName"] == "customerIdIndex"
    assert [each["AttributeName"] for each in index["KeySchema"]] == ["customerId", "timestamp"]
    assert index["Projection"] == {"ProjectionType": "ALL"}
    assert types == {"orderId": "S", "timestamp": "N", "customerId": "S"}


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
    for title in ("OrdersTable", *of_type(data, "SQS::Queue")):
        resource = evaluate(data, data["Resources"][title], root_parameters(name))
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == policy


def test_a_table_on_demand_has_no_capacity_anywhere(data):
    properties = table_of(data, BillingMode="PAY_PER_REQUEST")["Properties"]
    assert "ProvisionedThroughput" not in properties
    assert "ProvisionedThroughput" not in properties["GlobalSecondaryIndexes"][0]


def test_a_provisioned_table_and_its_index_start_at_the_least_capacity(data):
    properties = table_of(data, BillingMode="PROVISIONED", MinCapacity="5")["Properties"]
    least = {"ReadCapacityUnits": "5", "WriteCapacityUnits": "5"}
    assert properties["ProvisionedThroughput"] == least
    assert properties["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] == least


def test_reads_and_writes_of_table_and_index_scale_only_when_provisioned(data):
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
    index = "table/OrdersTable/index/customerIdIndex"
    assert scaled == {
        ("table/OrdersTable", "dynamodb:table:ReadCapacityUnits"): "DynamoDBReadCapacityUtilization",
        ("table/OrdersTable", "dynamodb:table:WriteCapacityUnits"): "DynamoDBWriteCapacityUtilization",
        (index, "dynamodb:index:ReadCapacityUnits"): "DynamoDBReadCapacityUtilization",
        (index, "dynamodb:index:WriteCapacityUnits"): "DynamoDBWriteCapacityUtilization",
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
