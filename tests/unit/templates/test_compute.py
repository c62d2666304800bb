"""The compute stack: the functions as they will run."""

import re

import pytest

from contract.routes import ROUTES
from generator.functions import BY_KEY, FUNCTIONS
from generator.resources import VARIABLES
from tests.unit.templates.support import evaluate, of_type, root_parameters


def functions_of(compute, name: str = "dev", **changes) -> dict[str, dict]:
    handed_on = {"OrdersTableName": "orders", "DeadLetterQueueArn": "queue-arn", "OrderEventsTopicArn": "topic-arn"}
    queues = {"OrderQueueUrl": "queue-url", "OrderQueueDlqUrl": "dlq-url", "OrderEventsDlqUrl": "events-dlq-url"}
    parameters = {**root_parameters(name, **changes), **handed_on, **queues}
    found = of_type(compute, "Lambda::Function")
    return {title: evaluate(compute, each["Properties"], parameters) for title, each in found.items()}


def test_every_function_of_the_route_table_is_in_the_inventory():
    assert {route.function for route in ROUTES} <= {function.key for function in FUNCTIONS}


def test_every_function_outputs_its_name_and_its_aliass_arn_if_the_api_invokes_it(compute):
    expected = {f"{function.title}Name" for function in FUNCTIONS}
    expected |= {f"{BY_KEY[route.function].title}AliasArn" for route in ROUTES}
    assert set(compute["Outputs"]) == expected


def test_memory_and_timeout_are_those_of_the_requirements(compute):
    sizes = {title: (each["MemorySize"], each["Timeout"]) for title, each in functions_of(compute).items()}
    required = {
        "OrdersCommandFunction": (1024, 30),
        "OrdersQueryFunction": (512, 10),
        "OrdersIntakeFunction": (512, 10),
        "OrdersWorkerFunction": (1024, 60),
        "OrdersEventsFunction": (512, 30),
        "OrdersImportFunction": (1769, 900),
    }
    assert {title: sizes[title] for title in required} == required


def test_no_function_outlives_the_gateway_that_waits_for_it_by_much():
    # API Gateway gives up after 29 s; the one second more lets the function log its own timeout.
    assert max(BY_KEY[route.function].timeout for route in ROUTES) <= 30


def test_every_function_is_arm64_traced_and_on_the_layers_runtime(compute):
    (layer,) = of_type(compute, "Lambda::LayerVersion").values()
    for each in functions_of(compute).values():
        assert each["Architectures"] == layer["Properties"]["CompatibleArchitectures"] == ["arm64"]
        assert layer["Properties"]["CompatibleRuntimes"] == [each["Runtime"]] == ["python3.13"]


def test_every_function_is_traced_that_of_the_stream_if_the_environment_asks_for_it(compute):
    for asked, mode in (("false", "PassThrough"), ("true", "Active")):
        modes = {
            title: each["TracingConfig"]["Mode"] for title, each in functions_of(compute, TraceEvents=asked).items()
        }
        assert modes.pop("OrdersEventsFunction") == mode
        assert set(modes.values()) == {"Active"}


def test_every_function_logs_json_to_its_own_group(compute):
    groups = {
        title: evaluate(compute, each["Properties"]["LogGroupName"], {"Environment": "dev"})
        for title, each in of_type(compute, "Logs::LogGroup").items()
    }
    logged = {}
    for title, each in functions_of(compute).items():
        logging = each["LoggingConfig"]
        assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == ("JSON", "DEBUG")
        logged[title] = groups[logging["LogGroup"]]
    assert logged == {f"{function.title}Function": f"/food-delivery/dev/{function.name}" for function in FUNCTIONS}


def test_handlers_find_the_environment_variables_they_read(compute):
    functions = functions_of(compute, AllowedOrigins="https://a.example,https://b.example")
    common = {
        "ENVIRONMENT": "dev",
        "DASHBOARD_ENABLED": "false",
        "TABLE_NAME": "orders",
        "API_CONFIG_PARAMETER": "/food-delivery/dev/api-config",
        "ALLOWED_ORIGINS": "https://a.example,https://b.example",
        "ORDER_TTL_DAYS": "90",
        "POWERTOOLS_LOG_LEVEL": "DEBUG",
    }
    for each in functions.values():
        assert re.fullmatch("[0-9a-f]{12}", each["Environment"]["Variables"].pop("CONFIGURATION_HASH"))
    assert functions["OrdersQueryFunction"]["Environment"]["Variables"] == {
        **common,
        "POWERTOOLS_SERVICE_NAME": "orders-query",
    }
    assert functions["OrdersCommandFunction"]["Environment"]["Variables"] == {
        **common,
        "POWERTOOLS_SERVICE_NAME": "orders-command",
        "FEATURE_FLAGS_PARAMETER": "/food-delivery/dev/feature-flags",
    }


def test_functions_of_the_pipeline_have_the_variables_that_they_use_and_no_others(compute):
    functions = functions_of(compute)
    variables = {
        title: {name: value for name, value in each["Environment"]["Variables"].items() if name in VARIABLES}
        for title, each in functions.items()
    }
    settings = {
        "API_CONFIG_PARAMETER": "/food-delivery/dev/api-config",
        "FEATURE_FLAGS_PARAMETER": "/food-delivery/dev/feature-flags",
    }
    queueing = {**settings, "ORDER_QUEUE_URL": "queue-url", "TABLE_NAME": "orders"}
    assert variables["OrdersIntakeFunction"] == {**queueing, "ALLOWED_ORIGINS": "*"}
    assert variables["OrdersWorkerFunction"] == {
        **settings,
        "TABLE_NAME": "orders",
        "ORDER_DEAD_LETTER_QUEUE_URL": "dlq-url",
        "ORDER_TTL_DAYS": "90",
    }
    assert variables["OrdersEventsFunction"] == {
        "ORDER_EVENTS_TOPIC_ARN": "topic-arn",
        "ORDER_EVENTS_DEAD_LETTER_QUEUE_URL": "events-dlq-url",
    }
    assert variables["OrdersImportFunction"] == queueing


@pytest.mark.parametrize(("given", "expected"), [("100", "100"), ("1", "1"), ("0", None)])
def test_concurrency_is_reserved_for_commands_alone_and_zero_reserves_none(compute, given, expected):
    functions = functions_of(compute, CommandReservedConcurrency=given)
    assert functions["OrdersCommandFunction"].get("ReservedConcurrentExecutions") == expected
    assert [title for title, each in functions.items() if "ReservedConcurrentExecutions" in each] == (
        ["OrdersCommandFunction"] if expected else []
    )


def test_the_open_telemetry_layer_and_its_wrapper_come_and_go_together(compute):
    layer = "arn:aws:lambda:us-east-1:901920570463:layer:aws-otel-python-arm64-ver-1-32-0:2"
    for arn, layers in (("", ["LibrariesLayer"]), (layer, ["LibrariesLayer", layer])):
        for each in functions_of(compute, OpenTelemetryLayerArn=arn).values():
            assert each["Layers"] == layers
            assert ("AWS_LAMBDA_EXEC_WRAPPER" in each["Environment"]["Variables"]) == bool(arn)


def test_failed_asynchronous_commands_go_to_the_dead_letter_queue(compute):
    functions = functions_of(compute)
    assert functions["OrdersCommandFunction"]["DeadLetterConfig"] == {"TargetArn": "queue-arn"}


def test_every_log_group_has_retention(templates):
    groups = [each for template in templates.values() for each in of_type(template, "Logs::LogGroup").values()]
    assert len(groups) == len(FUNCTIONS) + 2
    for group in groups:
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
