"""Environment files: typed, checked, and every mistake named with file and key."""

import boto3
import pytest

from config import environment, names, parameters

MINIMAL = '[api]\nallowed_origins = ["*"]\n'


def write(tmp_path, text: str, name: str = "test"):
    (tmp_path / f"{name}.toml").write_text(text)
    return tmp_path


def refusal(tmp_path, text: str) -> str:
    with pytest.raises(environment.ConfigError) as refused:
        environment.load("test", write(tmp_path, text))
    return str(refused.value)


@pytest.mark.parametrize("name", environment.available())
def test_every_environment_loads(name):
    assert environment.load(name).name == name


def test_there_are_three_environments():
    assert environment.available() == ["dev", "prod", "staging"]


def test_prod_retains_its_data_and_lists_its_origins():
    prod = environment.load("prod")
    assert prod.data.retention == "Retain" and prod.data.deletion_protection and prod.data.recovery_days == 35
    assert "*" not in prod.api.allowed_origins and not prod.api.data_trace


def test_a_missing_setting_has_the_safe_default(tmp_path):
    loaded = environment.load("test", write(tmp_path, MINIMAL))
    assert loaded.data.retention == "Retain" and loaded.data.deletion_protection
    assert not loaded.api.data_trace
    assert loaded.api_config["maxOrdersPerHour"] == 150


def regions() -> list[str]:
    session = boto3.Session(region_name="us-east-1")
    return [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("cloudformation", partition_name=partition)
    ]


def test_every_region_of_every_partition_is_accepted(tmp_path):
    assert {"eusc-de-east-1", "us-gov-west-1", "us-isob-east-1", "cn-north-1"} <= set(regions())
    for region in regions():
        assert environment.load("test", write(tmp_path, f'region = "{region}"\n{MINIMAL}')).region == region


@pytest.mark.parametrize("region", ["", "us-east", "us_east_1", "US-EAST-1", "us-east-1a", "us-east-1\\n", "useast1"])
def test_an_invalid_region_is_refused(tmp_path, region):
    assert "region" in refusal(tmp_path, f'region = "{region}"\n{MINIMAL}')


def test_the_error_for_an_unknown_environment_lists_the_known_ones(tmp_path):
    with pytest.raises(environment.ConfigError, match="no environment 'qa'; known: test"):
        environment.load("qa", write(tmp_path, MINIMAL))


@pytest.mark.parametrize("name", ["../dev", "dev.toml", "", "/etc/passwd"])
def test_an_environment_name_is_never_a_path(name):
    with pytest.raises(environment.ConfigError, match="there is no environment"):
        environment.load(name)


@pytest.mark.parametrize(
    "text, said",
    [
        ("[api\n", "test.toml: not valid TOML"),
        ("", "test.toml: api: missing"),
        (MINIMAL + "rate = 5\n", "test.toml: api.rate: unknown key"),
        (MINIMAL + "rate_limit = '5'\n", "test.toml: api.rate_limit: "),
        (MINIMAL + "rate_limit = 0\n", "test.toml: api.rate_limit: "),
        (MINIMAL + "data_trace = 1\n", "test.toml: api.data_trace: "),
        ("[api]\nallowed_origins = []\n", "test.toml: api.allowed_origins: "),
        ('[api]\nallowed_origins = ["*", "https://a.example"]\n', '"*" must be the only origin'),
        ('[api]\nallowed_origins = ["a.example"]\n', "'a.example' is not an origin"),
        ('[api]\nallowed_origins = ["https://a.example/"]\n', "is not an origin"),
        ('[api]\nallowed_origins = ["https://[::1]:8000"]\n', "is not an origin"),
        ('[api]\nallowed_origins = ["https://\u00e4.example"]\n', "is not an origin"),
        ('[api]\nallowed_origins = ["https://a.example\\n"]\n', "is not an origin"),
        (MINIMAL + "[data]\nbilling_mode = 'FREE'\n", "test.toml: data.billing_mode: "),
        (MINIMAL + "[data]\nwarm_reads = 11_999\n", "test.toml: data.warm_reads: expected at least 12,000 units"),
        (MINIMAL + "[data]\nwarm_writes = 3_999\n", "test.toml: data.warm_writes: expected at least 4,000 units"),
        (MINIMAL + "[data]\nwarm_writes = -1\n", "test.toml: data.warm_writes: "),
        (MINIMAL + "[data]\nmin_capacity = 9\nmax_capacity = 5\n", "min_capacity is above max_capacity"),
        (
            MINIMAL + "[functions]\nlog_retention_days = 8\n",
            "test.toml: functions.log_retention_days: CloudWatch Logs keeps",
        ),
        (MINIMAL + "[functions]\nlog_retention_days = 7.0\n", "test.toml: functions.log_retention_days: "),
        (MINIMAL + "[functions]\nlog_retention_days = true\n", "test.toml: functions.log_retention_days: "),
        (MINIMAL + "[pipeline]\nbatch_size = 11\n", "a batch_size above 10 needs a batching_window"),
        (MINIMAL + "[pipeline]\nbatch_size = 10_001\nbatching_window = 1\n", "test.toml: pipeline.batch_size: "),
        (MINIMAL + "[pipeline]\nbatching_window = 11\n", "test.toml: pipeline.batching_window: "),
        (MINIMAL + "[pipeline]\nmaximum_concurrency = 1\n", "test.toml: pipeline.maximum_concurrency: "),
        (
            MINIMAL + "[pipeline]\nevents_email = 'nobody'\n",
            "test.toml: pipeline.events_email: expected an e-mail address, or empty, got 'nobody'",
        ),
        (MINIMAL + "[pipeline]\nevents_queue_arn = 'https://sqs/q'\n", "test.toml: pipeline.events_queue_arn: "),
        (
            MINIMAL + "[pipeline]\nevents_queue_arn = 'arn:aws:sqs:us-east-1:123456789012:q.fifo'\n",
            "test.toml: pipeline.events_queue_arn: ",
        ),
        (MINIMAL + "[imports]\nretention_days = 0\n", "test.toml: imports.retention_days: "),
        (MINIMAL + "[imports]\ndays = 7\n", "test.toml: imports.days: unknown key"),
        (MINIMAL + "[data]\norder_ttl_days = 29\n", "test.toml: data.order_ttl_days: "),
        (
            MINIMAL + "[data]\norder_ttl_days = 30\n[imports]\nretention_days = 31\n",
            "imports.retention_days is above data.order_ttl_days: files would outlive their orders",
        ),
        (MINIMAL + "[api_config]\nmaxOrdersPerHour = 0\n", "api_config.maxOrdersPerHour: must be a whole number"),
        (MINIMAL + "[api_config]\nspeed = 1\n", "api_config.speed: unknown key"),
        (
            MINIMAL + "[feature_flags]\nexpressDelivery = 101\n",
            "feature_flags.expressDelivery: must be true, false, or a percentage",
        ),
        (MINIMAL + "waf_rate_limit = 9\n", "test.toml: api.waf_rate_limit: expected at least 10 requests"),
        (MINIMAL + "[monitoring]\nerror_rate_percent = 0\n", "test.toml: monitoring.error_rate_percent: "),
        (MINIMAL + "[monitoring]\nslo_availability_percent = 100\n", "monitoring.slo_availability_percent: "),
        (MINIMAL + "[monitoring]\nqueue_age_seconds = 370\n", "test.toml: monitoring.queue_age_seconds: "),
        (MINIMAL + "[monitoring]\nqueue_age = 600\n", "test.toml: monitoring.queue_age: unknown key"),
        ("name = 'x'\n" + MINIMAL, "name: the environment has the name of its file"),
        ("account = '123'\n" + MINIMAL, "test.toml: account: "),
    ],
)
def test_a_mistake_is_reported_with_file_and_key(tmp_path, text, said):
    message = refusal(tmp_path, text)
    assert said in message
    assert "Traceback" not in message


def test_every_mistake_of_a_file_is_reported_at_once(tmp_path):
    message = refusal(tmp_path, MINIMAL + "rate_limit = 0\nburst_limit = 0\n")
    assert len(message.splitlines()) == 2


def test_parameters_are_strings_as_cloudformation_wants_them():
    values = parameters.from_environment(environment.load("prod"))
    assert all(isinstance(value, str) for value in values.values())
    assert values["DeletionProtection"] == "true"
    assert values["AllowedOrigins"].count(",") == 1


def test_settings_of_the_pipeline_become_parameters(tmp_path):
    queue = "arn:aws:sqs:eu-west-1:123456789012:partner"
    text = "[pipeline]\nbatch_size = 50\nbatching_window = 2\nmaximum_concurrency = 7\n"
    text += f"events_email = 'a@example.com'\nevents_queue_arn = '{queue}'\n"
    values = parameters.from_environment(environment.load("test", write(tmp_path, text + MINIMAL)))
    assert values == values | {
        "WorkerBatchSize": "50",
        "WorkerBatchingWindow": "2",
        "WorkerMaximumConcurrency": "7",
        "EventsEmail": "a@example.com",
        "EventsQueueArn": queue,
    }


def test_files_may_be_retained_as_long_as_orders(tmp_path):
    text = "[data]\norder_ttl_days = 30\n[imports]\nretention_days = 30\n" + MINIMAL
    values = parameters.from_environment(environment.load("test", write(tmp_path, text)))
    assert (values["OrderTtlDays"], values["UploadRetentionDays"]) == ("30", "30")


def test_thresholds_become_parameters(tmp_path):
    text = "[monitoring]\nerror_rate_percent = 2.5\nqueue_age_seconds = 700\nslo_latency_percent = 97.5\n" + MINIMAL
    values = parameters.from_environment(environment.load("test", write(tmp_path, text + "waf_rate_limit = 10\n")))
    found = {
        name: values[name] for name in ("ErrorRatePercent", "QueueAgeSeconds", "SloLatencyPercent", "WafRateLimit")
    }
    assert list(found.values()) == ["2.5", "700", "97.5", "10"]


def test_names_differ_by_environment():
    assert names.root_stack("dev") == "food-delivery-dev"
    assert names.order_files_rule("dev") == "food-delivery-dev-order-files"
    assert names.parameter_path("dev", "table-name") == "/food-delivery/dev/table-name"
    assert names.artifact_bucket("123456789012", "us-east-1") == "food-delivery-artifacts-123456789012-us-east-1"


def test_dynamodb_timeouts_longer_than_the_functions_are_refused(tmp_path):
    message = refusal(tmp_path, MINIMAL + "[api_config]\ndefaultTimeout = 4000\nretryAttempts = 3\n")
    assert "api_config.defaultTimeout: times (retryAttempts + 1) must be at most 8000 ms" in message


@pytest.mark.parametrize(
    "settings, limits",
    [
        ("[partners]\npremium_rate = 101\n", [("premium_rate", "rate_limit")]),
        ("[partners]\nstandard_burst = 201\n", [("standard_burst", "burst_limit")]),
        ("rate_limit = 40\nburst_limit = 10\n", [("premium_rate", "rate_limit"), ("standard_burst", "burst_limit")]),
    ],
)
def test_no_tier_of_partners_may_have_more_than_the_api(tmp_path, settings, limits):
    message = refusal(tmp_path, MINIMAL + settings)
    for of_tier, of_api in limits:
        assert f"partners.{of_tier} is above api.{of_api}" in message


def test_a_log_level_that_would_drop_metrics_is_refused(tmp_path):
    message = refusal(tmp_path, MINIMAL + "[functions]\nlog_level = 'WARN'\n")
    assert "test.toml: functions.log_level: " in message
