"""Saved queries for CloudWatch Logs Insights.

Their fields are logged by handlers.telemetry and in API Gateway's access log.
"""

from troposphere import Sub
from troposphere.logs import QueryDefinition, QueryParameter

from config import names
from generator import api_logging, functions
from generator.naming import camel

# Errors that functions log, and errors that Lambda logs: uncaught exceptions, timeouts, lack of memory. A log stream has
# the function's version in brackets.
ERRORS = """\
filter level in ["ERROR", "CRITICAL"] or ispresent(errorType) or record.status in ["error", "failure", "timeout"]
| parse @logStream "[*]" as version
| stats count(*) as errors, latest(@timestamp) as last by @log, version, message, aws_error, errorType, record.status
| sort errors desc
"""

# Functions log "request" for an API request, "batch" for a batch of records, "import" for a file.
SLOWEST = """\
filter message in ["request", "batch", "import"]
| fields @timestamp, service, operation, status, milliseconds, size, failed, correlation_id, xray_trace_id
| sort milliseconds desc
| limit 50
"""

SLOWEST_AT_THE_GATEWAY = """\
filter ispresent(latency)
| fields @timestamp, method, resourcePath, status, latency, integrationLatency, requestId, traceId
| sort latency desc
| limit 50
"""

# The id of a key is no secret: deploy.py --partners lists it with its partner. It is "-" where no key was accepted.
REQUESTS_BY_KEY = """\
filter ispresent(apiKeyId)
| stats count(*) as requests, latest(@timestamp) as last by apiKeyId, status, errorType
| sort requests desc
"""

# Run it with the order's id, then with a correlation_id of the result as well: lines of the same request appear, too.
ORDER_TRACE = """\
fields @timestamp, service, level, message, order_id, correlation_id, message_id, event_id, operation, status, \
order_status, source_file, reason, details
| filter order_id = "{{orderId}}" or correlation_id = "{{correlationId}}"
| sort @timestamp asc
| limit 1000
"""

COLD_STARTS = """\
filter cold_start = 1 and message in ["request", "batch", "import"]
| stats count(*) as coldStarts by service, bin(1h)
| sort coldStarts desc
"""


def queries() -> list[QueryDefinition]:
    of_functions = [names.log_group("${Environment}", function.name) for function in functions.FUNCTIONS]
    gateway = [names.log_group("${Environment}", api_logging.ACCESS_LOG)]
    ids = [
        QueryParameter(Name="orderId", Description="The order's id, such as fd-... or a partner's own"),
        QueryParameter(
            Name="correlationId",
            Description="The correlation_id of a line found by orderId: shows the request around it",
            DefaultValue="none",
        ),
    ]
    return [
        _query("errors-by-function", of_functions, ERRORS),
        _query("slowest-requests", of_functions, SLOWEST),
        _query("slowest-at-the-gateway", gateway, SLOWEST_AT_THE_GATEWAY),
        _query("requests-by-key", gateway, REQUESTS_BY_KEY),
        _query("order-trace", of_functions, ORDER_TRACE, Parameters=ids),
        _query("cold-starts", of_functions, COLD_STARTS),
    ]


def _query(name: str, groups: list[str], query: str, **more) -> QueryDefinition:
    return QueryDefinition(
        f"{camel(name)}Query",
        Name=Sub(f"{names.PROJECT}/${{Environment}}/{name}"),
        LogGroupNames=[Sub(group) for group in groups],
        QueryString=query,
        **more,
    )
