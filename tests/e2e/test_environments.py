"""Each environment as its file says, deployed whole to the emulator from the same templates."""

import pytest

from config.environment import available, load
from tests.e2e.support import order_for, start, stop
from tests.waiting import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=available())
def environment(request, tmp_path_factory):
    """(configuration, deployment)"""
    local_dir = tmp_path_factory.mktemp(request.param)
    try:
        yield load(request.param), start(local_dir, env=request.param)
    finally:
        stop(local_dir)


def test_it_takes_an_order_and_gives_it_back(environment):
    config, deployment = environment
    with deployment.api() as api:
        placed = api.post("/orders", json=order_for("CUST-1"))
        assert placed.status_code == 201, placed.text
        assert api.get(f"/orders/{placed.json()['orderId']}").json() == placed.json()
        assert deployment.outputs["ApiUrl"].rstrip("/").split("/")[-2:] == [config.name, "_user_request_"]


def test_its_data_is_kept_as_the_file_says(environment):
    config, deployment = environment
    dynamodb, table = deployment.client("dynamodb"), deployment.outputs["OrdersTableName"]
    described = dynamodb.describe_table(TableName=table)["Table"]
    # The emulator keeps a parameter's text where AWS has a boolean.
    assert str(described["DeletionProtectionEnabled"]).lower() == str(config.data.deletion_protection).lower()
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", "expiresAt")
    rules = deployment.client("s3").get_bucket_lifecycle_configuration(Bucket=deployment.outputs["UploadBucketName"])
    assert config.imports.retention_days in [rule.get("Expiration", {}).get("Days") for rule in rules["Rules"]]


def test_its_stack_is_protected_where_its_data_is_retained(environment):
    config, deployment = environment
    [stack] = deployment.client("cloudformation").describe_stacks(StackName=f"food-delivery-{config.name}")["Stacks"]
    assert stack["EnableTerminationProtection"] is (config.data.retention == "Retain")


def test_its_logs_go_after_as_many_days_as_the_file_says(environment):
    config, deployment = environment
    groups = deployment.client("logs").describe_log_groups(logGroupNamePrefix=f"/food-delivery/{config.name}/")
    days = {group["logGroupName"]: group.get("retentionInDays") for group in groups["logGroups"]}
    assert len(days) >= 6
    assert set(days.values()) == {config.functions.log_retention_days}


def test_its_api_lets_in_whom_and_as_many_as_the_file_says(environment):
    config, deployment = environment
    gateway = deployment.client("apigateway")
    stage = gateway.get_stage(restApiId=deployment.outputs["ApiId"], stageName=deployment.outputs["StageName"])
    everything = stage["methodSettings"]["*/*"]
    assert everything["throttlingRateLimit"] == config.api.rate_limit
    assert everything["throttlingBurstLimit"] == config.api.burst_limit
    assert everything["dataTraceEnabled"] is config.api.data_trace
    assert everything["metricsEnabled"] is config.api.method_metrics
    plans = {each["name"]: each for each in gateway.get_usage_plans()["items"]}
    limits = {name: (each["throttle"]["rateLimit"], each["quota"]["limit"]) for name, each in plans.items()}
    api, tiers, name = config.api, config.partners, f"food-delivery-{config.name}"
    assert limits == {
        name: (api.rate_limit, api.daily_quota),
        f"{name}-standard": (tiers.standard_rate, tiers.standard_daily_quota),
        f"{name}-premium": (tiers.premium_rate, tiers.premium_daily_quota),
    }
    for origin in ("https://elsewhere.example", config.api.allowed_origins[0].replace("*", "https://any.example")):
        with deployment.api(Origin=origin) as api:
            allowed = api.get("/orders/fd-0").headers.get("access-control-allow-origin")
        named = origin in config.api.allowed_origins
        assert (allowed in (origin, "*")) is (named or config.api.allowed_origins == ["*"])


def test_its_alarms_have_the_thresholds_of_the_file(environment):
    config, deployment = environment
    described = deployment.client("cloudwatch").describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    alarms = {alarm["AlarmName"]: alarm for alarm in described["MetricAlarms"] + described["CompositeAlarms"]}
    assert len(alarms) > 40
    assert all(name.startswith(f"food-delivery-{config.name}-") for name in alarms)
    latency = alarms[f"food-delivery-{config.name}-api-latency"]
    assert latency["Threshold"] == config.monitoring.latency_p95_ms
    subscribed = deployment.client("sns").list_subscriptions_by_topic(TopicArn=deployment.outputs["AlertsTopicArn"])
    addresses = [each["Endpoint"] for each in subscribed["Subscriptions"]]
    assert addresses == ([config.monitoring.alert_email] if config.monitoring.alert_email else [])


def test_it_has_a_dashboard_and_the_metrics_for_it_if_the_file_says_so(environment):
    config, deployment = environment
    cloudwatch = deployment.client("cloudwatch")
    boards = [each["DashboardName"] for each in cloudwatch.list_dashboards()["DashboardEntries"]]
    assert boards == [f"food-delivery-{config.name}"] * config.monitoring.dashboard
    [stack] = deployment.client("cloudformation").describe_stacks(StackName=f"food-delivery-{config.name}")["Stacks"]
    [url] = [each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "DashboardUrl"]
    assert ("#dashboards/" in url) is config.monitoring.dashboard
    with deployment.api() as api:
        assert api.post("/orders", json=order_for("CUST-1")).status_code == 201

    def written() -> set[str]:
        return {each["MetricName"] for each in cloudwatch.list_metrics(Namespace="FoodDelivery")["Metrics"]}

    eventually(lambda: "HourlyLimitUsed" in written(), "the order's metrics")
    assert ({"OrderValue", "RequestLatency", "ColdStart"} & written() != set()) is config.monitoring.dashboard


def test_it_has_a_firewall_if_the_file_says_so(environment):
    config, deployment = environment
    acls = deployment.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"]
    assert len(acls) == bool(config.api.waf_rate_limit)
    for acl in acls:
        found = deployment.client("wafv2").get_web_acl(Scope="REGIONAL", Id=acl["Id"], Name=acl["Name"])["WebACL"]
        limits = [rule["Statement"].get("RateBasedStatement", {}).get("Limit") for rule in found["Rules"]]
        assert str(config.api.waf_rate_limit) in map(str, limits)
