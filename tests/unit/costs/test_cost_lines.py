"""Single resources, computed by hand. What an order means is fixed here, so that load.toml may be edited."""

from decimal import Decimal
from pathlib import Path

import pytest

from contract.metrics import METRICS
from costs import observability, services
from costs.lines import BilledResources
from costs.load import Load
from costs.prices import assumptions
from costs.tables import table_lines
from tests.unit.deployer.plan.trees import of

# 240 orders a day are 10 an hour, 7,300 a month. All placed directly, nothing claimed, read twice, changed once.
OF = {
    **assumptions(),
    **{name: Decimal(0) for name in ("async_share", "idempotency_key_share", "own_id_share")},
    **{
        name: Decimal(0) for name in ("lists_per_order", "preflights_per_order", "cold_start_share", "errors_per_order")
    },
    "sync_share": Decimal(1),
    "reads_per_order": Decimal(2),
    "changes_per_order": Decimal(1),
    "plain_insert_units": Decimal(1),
    "claimed_insert_units": Decimal(4),
    "index_insert_units": Decimal(1),
    "change_units": Decimal(1),
    "read_units": Decimal(1),
    "orders_query_ms": Decimal(100),
    "events_batch": Decimal(1),
    "peak_hours": Decimal(4),
    "peak_factor": Decimal(3),
}
LOAD = Load(Decimal(240), OF)
ORDERS = Decimal(7300)


def lines(costs, resources, load=LOAD):
    """What -> US dollars."""
    found = {}
    for line in costs(BilledResources.of(of(resources)), load):
        if line.quantity:
            found[line.what] = found.get(line.what, 0) + line.usd
    return found


def resource(kind, **properties):
    return {"Type": kind, "Properties": properties}


def query(**properties):
    handler = {"Handler": "handlers.orders_query.handler", "MemorySize": 512}
    return {"Query": resource("AWS::Lambda::Function", **handler, **properties)}


ALL = {"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 10}}
INDEX = {"IndexName": "customerIdIndex", **ALL}


def table(**properties):
    return {"Table": resource("AWS::DynamoDB::Table", **properties)}


def test_a_function_is_paid_by_invocation_and_by_memory_and_time():
    gigabyte_seconds = 2 * ORDERS * Decimal("0.1") * Decimal("0.5")
    invocations = 2 * ORDERS * Decimal("0.20") / 10**6
    assert lines(services.lines, query(Architectures=["arm64"])) == {
        "invocations": invocations,
        "GB-seconds, arm64": gigabyte_seconds * Decimal("0.0000133334"),
    }
    assert lines(services.lines, query()) == {
        "invocations": invocations,
        "GB-seconds, x86_64": gigabyte_seconds * Decimal("0.0000166667"),
    }


def test_cold_starts_are_paid_for():
    cold = Load(Decimal(240), {**OF, "cold_start_share": Decimal("0.5"), "cold_start_ms": Decimal(200)})
    once, twice = (lines(services.lines, query(), load)["GB-seconds, x86_64"] for load in (LOAD, cold))
    assert twice == 2 * once  # 100 ms warm, and half of them 200 ms more


def test_a_table_on_demand_is_paid_by_unit_its_index_included():
    # Written: the order and its change in the table and in the index. Read: twice, and not before the change.
    assert lines(table_lines, table(BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=[INDEX])) == {
        "write request units": 4 * ORDERS * Decimal("0.625") / 10**6,
        "read request units": 2 * ORDERS * Decimal("0.125") / 10**6,
    }


def test_a_change_of_an_order_with_an_id_of_the_clients_reads_it_first():
    chosen = Load(
        Decimal(240), {**OF, "sync_share": Decimal(0), "async_share": Decimal(1), "own_id_share": Decimal("0.5")}
    )
    imported = Load(Decimal(240), {**OF, "sync_share": Decimal(0)})
    assert [load.units()[""].read for load in (LOAD, chosen, imported)] == [2, Decimal("2.5"), 3]


def test_a_claimed_order_is_a_transaction():
    claimed = Load(Decimal(240), {**OF, "idempotency_key_share": Decimal(1)})
    units = claimed.units()
    assert units[""].write + units["customerIdIndex"].write == 5 + 2  # docs/benchmarks.md: 5 units; and its one change


def test_the_index_of_partners_is_written_for_their_orders_and_read_for_their_lists():
    some = Load(Decimal(240), {**OF, "partner_share": Decimal("0.25")}).units()
    every = Load(Decimal(240), {**OF, "partner_share": Decimal(1)}).units()
    assert (
        every["partnerCustomerIndex"].write == every["customerIdIndex"].write == 4 * some["partnerCustomerIndex"].write
    )
    assert every["customerIdIndex"].read == 0 and some["customerIdIndex"].read == 3 * some["partnerCustomerIndex"].read


def test_a_table_of_fixed_capacity_is_paid_by_the_hour_at_any_load():
    costs = lines(table_lines, table(BillingMode="PROVISIONED", GlobalSecondaryIndexes=[INDEX], **ALL))
    assert costs == {
        "write capacity unit-hours": 2 * 10 * 730 * Decimal("0.00065"),
        "read capacity unit-hours": 2 * 5 * 730 * Decimal("0.00013"),
    }


def test_a_table_that_says_nothing_is_provisioned():
    assert "write capacity unit-hours" in lines(table_lines, table(**ALL))


def scaled(least, most, aim):
    name = {"Fn::Sub": "table/${Table}"}
    target = {"ResourceId": name, "ScalableDimension": "dynamodb:table:WriteCapacityUnits"}
    tracking = {"TargetValue": aim}
    return {
        **table(BillingMode="PROVISIONED", **ALL),
        "Target": resource(
            "AWS::ApplicationAutoScaling::ScalableTarget", MinCapacity=least, MaxCapacity=most, **target
        ),
        "Scaling": resource(
            "AWS::ApplicationAutoScaling::ScalingPolicy",
            ScalingTargetId={"Ref": "Target"},
            TargetTrackingScalingPolicyConfiguration=tracking,
        ),
    }


# 864,000 orders a day, two writes each in the table: 20 a second in the mean, 60 for 4 hours and 12 for 20.
# At 50 %: 120 units for 4 hours, 24 for 20.
SCALED = {
    "as wanted": ((1, 1000), 4 * 120 + 20 * 24),
    "never below the least": ((50, 1000), 4 * 120 + 20 * 50),
    "never above the most": ((1, 100), 4 * 100 + 20 * 24),
}


@pytest.mark.parametrize("bounds, unit_hours_a_day", SCALED.values(), ids=SCALED)
def test_scaled_capacity_follows_the_day_within_its_bounds(bounds, unit_hours_a_day):
    costs = lines(table_lines, scaled(*bounds, 50), Load(Decimal(864_000), OF))
    assert costs["write capacity unit-hours"] == unit_hours_a_day * Decimal(730) / 24 * Decimal("0.00065")


def test_storage_is_of_the_orders_that_have_not_expired_and_recovery_of_the_table_alone():
    kept = query(Environment={"Variables": {"ORDER_TTL_DAYS": "100"}})
    sized = Load(Decimal(240), {**OF, "item_bytes": Decimal(900), "index_entry_bytes": Decimal(100)})
    backup = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    costs = lines(
        table_lines, {**table(BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=[INDEX], **backup), **kept}, sized
    )
    gigabytes = Decimal(240 * 100 * 1000) / 10**9
    assert costs["GB-months of table and indexes"] == 2 * gigabytes * Decimal("0.25")
    assert costs["GB-months of point-in-time recovery"] == gigabytes * Decimal("0.20")


def alarm(*periods, **properties):
    metrics = [{"Id": f"m{place}", "MetricStat": {"Period": period}} for place, period in enumerate(periods)]
    computed = {"Id": "result", "Expression": "m0"}
    return resource("AWS::CloudWatch::Alarm", **({"Metrics": [computed, *metrics]} if metrics else {}), **properties)


def test_an_alarm_is_paid_by_metric_and_dearer_by_the_second():
    alarms = {"One": alarm(Period=60), "Math": alarm(60, 300), "Fast": alarm(Period=10), "FastMath": alarm(10, 60)}
    both = {"All": resource("AWS::CloudWatch::CompositeAlarm"), "Board": resource("AWS::CloudWatch::Dashboard")}
    assert lines(observability.lines, {**alarms, **both}) == {
        "metrics that alarms look at": 3 * Decimal("0.10"),
        "metrics that alarms look at more often than by the minute": 3 * Decimal("0.30"),
        "composite alarms": Decimal("0.50"),
        "dashboards, an account's first 3 free ones not counted on": Decimal("3.00"),
    }


def test_the_firewall_is_paid_by_acl_by_rule_and_by_request():
    acl = resource("AWS::WAFv2::WebACL", Rules=[{"Name": "a"}, {"Name": "b"}])
    requests = 4 * ORDERS  # placed, read twice, changed
    assert lines(services.lines, {"Acl": acl}) == {
        "web ACLs": 5,
        "rules and rule groups": 2,
        "requests looked at": requests * Decimal("0.60") / 10**6,
    }


def events(kind, **subscription):
    topic = {"OrderEvents": resource("AWS::SNS::Topic"), "Alerts": resource("AWS::SNS::Topic")}
    return {**topic, "To": resource("AWS::SNS::Subscription", Protocol=kind, TopicArn={"Ref": "OrderEvents"})}


def test_events_are_paid_by_publish_their_mails_by_mail_and_partners_by_delivery():
    partners = Decimal("0.5") * Decimal("0.5")  # with an HTTPS endpoint
    always = {
        "publish requests": 2 * ORDERS * Decimal("0.50") / 10**6,
        "deliveries to HTTPS endpoints": 2 * ORDERS * partners * Decimal("0.60") / 10**6,
    }
    assert lines(services.lines, events("sqs")) == always
    assert lines(services.lines, events("email")) == {
        **always,
        "e-mails": 2 * ORDERS * 2 / 100_000,
    }


def test_mails_of_another_topic_are_not_the_events():
    alerts = {**events("email"), "To": resource("AWS::SNS::Subscription", Protocol="email", TopicArn={"Ref": "Alerts"})}
    assert "e-mails" not in lines(services.lines, alerts)


def test_an_encrypted_topic_asks_for_its_key_twice_in_five_minutes_but_not_more_often_than_it_is_used():
    encrypted = {"OrderEvents": resource("AWS::SNS::Topic", KmsMasterKeyId="alias/aws/sns")}
    for an_hour, requests in ((24, 24 * 730), (24_000, 2 * 2 * ORDERS)):
        load = Load(Decimal(240), {**OF, "topic_key_requests_per_hour": Decimal(an_hour)})
        asked = lines(services.lines, encrypted, load)["requests, of AWS's keys for SNS and DynamoDB"]
        assert asked == requests * Decimal("0.03") / 10_000


def test_a_function_that_reads_an_encrypted_setting_decrypts_it():
    reads = query(Environment={"Variables": {"FEATURE_FLAGS_PARAMETER": "flags"}})
    asked = lines(services.lines, reads)["requests, of AWS's keys for SNS and DynamoDB"]
    assert asked == OF["key_requests_per_hour"] * 730 * Decimal("0.03") / 10_000


def test_a_second_table_is_known_by_its_capacity_alone():
    second = {
        **table(BillingMode="PAY_PER_REQUEST"),
        "Second": resource("AWS::DynamoDB::Table", BillingMode="PAY_PER_REQUEST"),
    }
    assert lines(table_lines, second) == lines(table_lines, table(BillingMode="PAY_PER_REQUEST"))
    assert any("Second" in note for note in BilledResources.of(of(second)).notes(LOAD))


def test_a_queue_that_lambda_reads_is_asked_even_when_it_is_empty():
    mapping = resource("AWS::Lambda::EventSourceMapping", EventSourceArn={"Fn::GetAtt": ["Queue", "Arn"]})
    empty = Load(Decimal(0), {**OF, "idle_receives_per_hour": Decimal(900)})
    costs = lines(services.lines, {"Queue": resource("AWS::SQS::Queue"), "Reads": mapping}, empty)
    assert costs == {"requests, standard queue": 900 * 730 * Decimal("0.40") / 10**6}
    assert lines(services.lines, {"Queue": resource("AWS::SQS::Queue")}, empty) == {}


def traced_stage(*rules):
    return {"Stage": resource("AWS::ApiGateway::Stage", TracingEnabled="true")} | {
        f"Rule{place}": resource("AWS::XRay::SamplingRule", SamplingRule=rule) for place, rule in enumerate(rules)
    }


def traces(resources, requests_a_second):
    load = Load(Decimal(requests_a_second * 24 * 3600) / 4, OF)  # of four requests to an order
    found = lines(observability.lines, resources, load).get("traces recorded", Decimal(0))
    return float(found * 10**6 / Decimal("5.00") / (730 * 3600))


RULE = {"ServiceType": "AWS::ApiGateway::Stage", "FixedRate": "0.2", "ReservoirSize": "2"}


def test_xrays_default_rule_records_one_trace_a_second_and_one_in_twenty_of_the_rest():
    assert traces(traced_stage(), 0.5) == pytest.approx(0.5)
    assert traces(traced_stage(), 3) == pytest.approx(1 + 2 / 20)


def test_a_sampling_rule_records_its_reservoir_and_its_share_of_the_rest():
    assert traces(traced_stage(RULE), 1.5) == pytest.approx(1.5)
    assert traces(traced_stage(RULE), 12) == pytest.approx(2 + 10 * 0.2)
    assert traces(traced_stage({**RULE, "ReservoirSize": "0"}), 12) == pytest.approx(12 * 0.2)
    assert traces(traced_stage({**RULE, "ServiceType": "*"}), 3) == pytest.approx(1.1), "a rule of other services"


def test_a_trace_begins_at_the_gateway_or_at_a_function_without_a_traced_caller():
    def traced(gateway, function, mode):
        handler = {"Handler": f"handlers.{function}.handler", "TracingConfig": {"Mode": mode}}
        resources = {"Stage": resource("AWS::ApiGateway::Stage", TracingEnabled=gateway)}
        resources["Function"] = resource("AWS::Lambda::Function", **handler)
        return lines(observability.lines, resources).get("traces recorded", 0) * 10**6 / Decimal("5.00")

    assert traced(True, "orders_query", "Active") == 4 * ORDERS  # of each request, and not again of its function
    assert traced(False, "orders_events", "Active") == 2 * ORDERS
    assert traced(False, "orders_events", "PassThrough") == 0


def test_a_metric_is_paid_for_in_the_hours_in_which_it_is_written():
    assert Load(Decimal(12), OF).hours_written(Decimal(1)) == Decimal("0.5")
    assert Load(Decimal(2400), OF).hours_written(Decimal(1)) == 1


def test_own_metrics_are_at_most_as_many_as_the_operators_page_says():
    count = Load(Decimal(10**6))
    (line,) = [each for each in observability.lines(BilledResources.of(of(query())), count) if "our own" in each.what]
    page = Path("docs/monitoring.md").read_text(encoding="utf-8")
    assert f"| at most {line.quantity:.0f}, ${line.usd:.0f}, if every reason and status occurs in every hour" in page


def test_without_a_dashboard_only_metrics_that_alarms_read_are_written_and_logged():
    without = query(Environment={"Variables": {"DASHBOARD_ENABLED": "false"}})
    group = {"Logs": resource("AWS::Logs::LogGroup", RetentionInDays=10)}
    read = sum(metric.alarm for metric in METRICS.values())
    load = Load(Decimal(10**6))
    (line,) = [each for each in observability.lines(BilledResources.of(of(without)), load) if "our own" in each.what]
    assert line.quantity == read
    fewer, more = (
        lines(observability.lines, {**each, **group}, load)["GB of logs written"] for each in (without, query())
    )
    assert more / fewer == 1 + OF["metric_bytes_per_order"] / OF["log_bytes_per_order"]


def test_a_key_of_our_own_costs_and_one_of_awss_does_not():
    assert lines(services.lines, {"Key": resource("AWS::KMS::Key")}) == {"keys of our own": 1}


def stage(**setting):
    return {"Stage": resource("AWS::ApiGateway::Stage", MethodSettings=[setting])}


def test_metrics_of_single_methods_are_paid_for_when_they_are_written():
    methods = {f"M{place}": resource("AWS::ApiGateway::Method") for place in range(2)}
    each = 2 * 5 * Decimal("0.30")
    assert lines(observability.lines, {**methods, **stage(MetricsEnabled=True)}) == {
        "metrics of single API methods, by the hour in which they are called": each
    }
    assert lines(observability.lines, {**methods, **stage(MetricsEnabled=False)}) == {}


def test_logs_are_paid_for_when_written_and_while_kept():
    group = {"Logs": resource("AWS::Logs::LogGroup", RetentionInDays=10)}
    known = {**OF, "log_bytes_per_order": Decimal(1000), "metric_bytes_per_order": Decimal(0)}
    known |= {"log_compression": Decimal("0.2"), "traced_bytes_per_request": Decimal(500)}
    load = Load(Decimal(240), known)
    costs = lines(observability.lines, group, load)
    assert costs["GB of logs written"] == ORDERS * 1000 / 10**9 * Decimal("0.50")
    kept = costs["GB-months of logs kept, compressed"]
    assert abs(kept - Decimal(240 * 10 * 1000) / 10**9 * Decimal("0.2") * Decimal("0.03")) < Decimal("1e-20")
    traced = lines(observability.lines, {**group, **stage(DataTraceEnabled="true")}, load)
    assert traced["GB of logs written"] == 3 * costs["GB of logs written"]  # 4 requests an order, 500 bytes each


def test_files_are_paid_by_request_by_event_and_by_day_kept():
    imported = {**OF, "sync_share": Decimal(0), "orders_per_file": Decimal(10), "file_bytes_per_order": Decimal(100)}
    bucket = resource(
        "AWS::S3::Bucket",
        LifecycleConfiguration={"Rules": [{"Status": "Enabled", "ExpirationInDays": "50"}, {"Status": "Enabled"}]},
        NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
    )
    costs = lines(services.lines, {"Bucket": bucket}, Load(Decimal(240), imported))
    files = ORDERS / 10
    assert costs.pop("GB-months") - Decimal(24 * 50 * 1000) / 10**9 * Decimal("0.023") < Decimal("1e-20")
    assert costs == {
        "PUT and LIST requests": 2 * files * Decimal("0.005") / 1000,
        "GET requests": files * Decimal("0.0004") / 1000,
        "events that S3 sends": 2 * files / 10**6,
    }
