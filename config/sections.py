"""The sections of an environment file: each setting with its type, bounds, default, parameter and description."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from config.constraints import (
    ALLOWED_ORIGINS,
    EMAIL,
    LONGEST_BATCHING_WINDOW,
    MAX_ORIGINS,
    POLICY_ARN,
    RETENTION_DAYS,
    ROLE_ARN,
    SHORTEST_ORDER_TTL,
    WARM_READS,
    WARM_WRITES,
    check_origins,
    check_retention,
    check_waf_rate_limit,
)
from config.parameters import DEPLOYER_ONLY, Parameter


class Section(BaseModel):
    # A field's description is the docstring below it.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Data(Section):
    billing_mode: Annotated[Literal["PAY_PER_REQUEST", "PROVISIONED"], Parameter("BillingMode")] = "PAY_PER_REQUEST"
    """Billing mode of the orders table; PROVISIONED scales between MinCapacity and MaxCapacity"""

    min_capacity: Annotated[int, Parameter("MinCapacity")] = Field(5, ge=1)
    """Least read and write capacity units, when PROVISIONED"""

    max_capacity: Annotated[int, Parameter("MaxCapacity")] = Field(100, ge=1)
    """Most read and write capacity units, when PROVISIONED"""

    # The bounds are those of Application Auto Scaling.
    target_utilization: Annotated[int, Parameter("TargetUtilization")] = Field(70, ge=20, le=90)
    """Percentage of the provisioned capacity that scaling aims at"""

    warm_reads: Annotated[int, Parameter("WarmReads"), WARM_READS] = Field(0, ge=0)
    """Warm throughput of the orders table and its customer index, in read units a second; 0 leaves it to DynamoDB"""

    warm_writes: Annotated[int, Parameter("WarmWrites"), WARM_WRITES] = Field(0, ge=0)
    """Warm throughput of the orders table and each index, in write units a second; 0 leaves it to DynamoDB"""

    retention: Annotated[Literal["Delete", "Retain"], Parameter("DataRetention")] = "Retain"
    """Whether the orders table, the queues and the upload bucket are kept when they are removed or replaced"""

    deletion_protection: Annotated[bool, Parameter("DeletionProtection")] = True
    """Whether DynamoDB refuses to delete the orders table"""

    recovery_days: Annotated[int, Parameter("RecoveryDays")] = Field(35, ge=1, le=35)
    """How many days back the orders table can be restored to any second"""

    order_ttl_days: Annotated[int, Parameter("OrderTtlDays")] = Field(90, ge=SHORTEST_ORDER_TTL, le=3650)
    """Days after its last change until an order expires"""

    @model_validator(mode="after")
    def _consistent(self):
        if self.min_capacity > self.max_capacity:
            raise ValueError("min_capacity is above max_capacity")
        return self


class Imports(Section):
    retention_days: Annotated[int, Parameter("UploadRetentionDays")] = Field(90, ge=1, le=3650)
    """Days until an uploaded file and its report expire; old versions stay for a while longer"""


class Functions(Section):
    command_reserved_concurrency: Annotated[int, Parameter("CommandReservedConcurrency")] = Field(100, ge=0)
    """Concurrent executions reserved for orders_command; 0 reserves none"""

    # INFO at most: Lambda gives an EMF document, which has no level, the level INFO, and would drop it.
    log_level: Annotated[Literal["DEBUG", "INFO"], Parameter("LogLevel")] = "INFO"
    """Least level of the functions' own log lines"""

    log_retention_days: Annotated[int, AfterValidator(check_retention), Parameter("LogRetentionDays")] = Field(
        7, json_schema_extra={"enum": [*RETENTION_DAYS]}
    )
    """Days that logs are kept"""

    open_telemetry_layer_arn: Annotated[
        str, Parameter("OpenTelemetryLayerArn", "the ARN of a layer version, or empty", hashed=True)
    ] = Field("", pattern=r"^(arn:aws[\w-]*:lambda:\S+:layer:\S+:\d+)?$")
    """Version ARN of an OpenTelemetry layer for spans inside the functions; empty for none"""


class Pipeline(Section):
    batch_size: Annotated[int, Parameter("WorkerBatchSize")] = Field(10, ge=1, le=10_000)
    """Most messages in a batch of orders_worker; above 10 only with a batching window"""

    batching_window: Annotated[int, Parameter("WorkerBatchingWindow")] = Field(0, ge=0, le=LONGEST_BATCHING_WINDOW)
    """Seconds that a message may wait for others to fill its batch"""

    # A batch of an import is 10 messages of 25 orders of 4 write units (two items in a transaction): 1,000. A new table
    # takes 4,000 a second, which one worker uses up. Five wait 1.25 s for their turn, less than handlers.bulk tries for;
    # with twenty, every fourth order would go back. The bounds are those of Lambda's ScalingConfig.
    maximum_concurrency: Annotated[int, Parameter("WorkerMaximumConcurrency")] = Field(5, ge=2, le=1000)
    """Most batches that orders_worker processes at once"""

    events_email: Annotated[str, Parameter("EventsEmail", "an e-mail address, or empty")] = Field("", pattern=EMAIL)
    """E-mail address that gets order events, once it has confirmed; empty for none"""

    events_queue_arn: Annotated[str, Parameter("EventsQueueArn", "the ARN of a standard SQS queue, or empty")] = Field(
        "", pattern=r"^(arn:aws[\w-]*:sqs:[\w-]+:\d{12}:[\w-]{1,80})?$"
    )
    """ARN of a queue that gets every order event and lets the topic send; empty for none"""

    @model_validator(mode="after")
    def _consistent(self):
        if self.batch_size > 10 and self.batching_window == 0:
            raise ValueError("a batch_size above 10 needs a batching_window of at least 1 second (Lambda's rule)")
        return self


class Api(Section):
    allowed_origins: Annotated[list[str], AfterValidator(check_origins), ALLOWED_ORIGINS] = Field(
        min_length=1, max_length=MAX_ORIGINS
    )
    """Origins whose pages may call the API: * for any, or up to five, comma-separated"""

    rate_limit: Annotated[int, Parameter("RateLimit")] = Field(100, ge=1)
    """Requests per second, of the API and of the operator's API key"""

    burst_limit: Annotated[int, Parameter("BurstLimit")] = Field(200, ge=1)
    """Requests at once, of the API and of the operator's API key"""

    daily_quota: Annotated[int, Parameter("DailyQuota")] = Field(10_000, ge=1)
    """Requests per day of the operator's API key"""

    data_trace: Annotated[bool, Parameter("DataTrace")] = False
    """Whether API Gateway logs whole requests and responses: personal data, for dev only"""

    method_metrics: Annotated[bool, Parameter("MethodMetrics")] = False
    """Whether API Gateway writes its metrics of each method as well, which are charged as custom metrics"""

    waf_rate_limit: Annotated[int, AfterValidator(check_waf_rate_limit), Parameter("WafRateLimit")] = Field(
        0, ge=0, le=2_000_000_000
    )
    """Requests per five minutes and address that the firewall lets through, 10 at least; 0 for no firewall"""


class Partners(Section):
    """What the usage plan of each tier allows each API key of a partner (`contract.partners.TIERS`)."""

    standard_rate: Annotated[int, Parameter("StandardRate")] = Field(10, ge=1)
    """Requests per second and API key of a partner in tier standard"""

    standard_burst: Annotated[int, Parameter("StandardBurst")] = Field(20, ge=1)
    """Requests at once and API key of a partner in tier standard"""

    standard_daily_quota: Annotated[int, Parameter("StandardDailyQuota")] = Field(5_000, ge=1)
    """Requests per day and API key of a partner in tier standard"""

    premium_rate: Annotated[int, Parameter("PremiumRate")] = Field(50, ge=1)
    """Requests per second and API key of a partner in tier premium"""

    premium_burst: Annotated[int, Parameter("PremiumBurst")] = Field(100, ge=1)
    """Requests at once and API key of a partner in tier premium"""

    premium_daily_quota: Annotated[int, Parameter("PremiumDailyQuota")] = Field(50_000, ge=1)
    """Requests per day and API key of a partner in tier premium"""


class Monitoring(Section):
    """Dashboard, traces and thresholds of alarms. Dead letters and throttling have none: one is an alarm."""

    dashboard: Annotated[bool, Parameter("DashboardEnabled")] = True
    """Whether there is a dashboard, and the custom metrics that only a dashboard reads"""

    trace_rate: Annotated[float, Parameter("TraceRate")] = Field(0.05, ge=0, le=1)
    """Share of the API's requests that X-Ray records, beyond TraceReservoir"""

    trace_reservoir: Annotated[int, Parameter("TraceReservoir")] = Field(0, ge=0, le=1000)
    """Requests that X-Ray records in each second before TraceRate applies"""

    # Lambda asks X-Ray's default rule: one invocation a second and 5 % of the others, at few orders nearly all.
    trace_events: Annotated[bool, Parameter("TraceEvents")] = False
    """Whether X-Ray records invocations of orders_events, to which TraceRate does not apply"""

    # X-Ray takes a policy of each environment for that, and five in an account and Region.
    trace_deliveries: Annotated[bool, Parameter("TraceDeliveries")] = True
    """Whether SNS records in X-Ray the deliveries of order events that a trace leads to"""

    alert_email: Annotated[str, Parameter("AlertEmail", "an e-mail address, or empty")] = Field("", pattern=EMAIL)
    """E-mail address that gets alarms, once it has confirmed; empty for none"""

    error_rate_percent: Annotated[float, Parameter("ErrorRatePercent")] = Field(1.0, ge=0.01, le=100)
    """Percentage of requests answered 5XX, and of a function's invocations that fail, that raises an alarm"""

    latency_p95_ms: Annotated[int, Parameter("LatencyP95Ms")] = Field(500, ge=1)
    """95th percentile of the latency in ms that raises an alarm"""

    reserved_concurrency_percent: Annotated[int, Parameter("ReservedConcurrencyPercent")] = Field(80, ge=1, le=100)
    """Percentage of a function's reserved concurrency that raises an alarm"""

    consumed_capacity_percent: Annotated[int, Parameter("ConsumedCapacityPercent")] = Field(80, ge=1, le=100)
    """Percentage of the capacity of the table or an index, when PROVISIONED, that raises an alarm"""

    # Above the order queue's visibility timeout of 370 s, so that one retry of one message raises no alarm.
    queue_age_seconds: Annotated[int, Parameter("QueueAgeSeconds")] = Field(600, ge=400)
    """Age in s of the oldest waiting message that raises an alarm"""

    queue_depth: Annotated[int, Parameter("QueueDepth")] = Field(1000, ge=1)
    """Number of waiting messages that raises an alarm; one of an import has up to 25 orders"""

    # Far below the six hours after which Lambda gives a change up.
    stream_age_seconds: Annotated[int, Parameter("StreamAgeSeconds")] = Field(300, ge=60, le=3600)
    """Age in s of a change not yet announced that raises an alarm"""

    # A few wrong records are normal, and their report lists them; one in ten means that the format has changed.
    import_success_percent: Annotated[int, Parameter("ImportSuccessPercent")] = Field(90, ge=1, le=100)
    """Percentage of a file's records below which an alarm is raised"""

    orders_per_hour_percent: Annotated[int, Parameter("OrdersPerHourPercent")] = Field(100, ge=1)
    """Percentage of maxOrdersPerHour that raises an alarm"""

    slo_availability_percent: Annotated[float, Parameter("SloAvailabilityPercent")] = Field(99.9, ge=50, le=99.999)
    """Availability objective: percentage of requests that are not answered 5XX"""

    slo_latency_percent: Annotated[float, Parameter("SloLatencyPercent")] = Field(99.0, ge=50, le=99.999)
    """Latency objective: percentage of requests that are answered within LatencyP95Ms"""

    slo_least_bad_requests: Annotated[int, Parameter("SloLeastBadRequests")] = Field(3, ge=1)
    """Least number of bad requests in a long window that counts as a burn of the error budget"""


class Release(Section):
    shift: Annotated[
        Literal["AllAtOnce", "Canary10Percent5Minutes", "Linear10PercentEvery1Minute"], Parameter("Shift")
    ] = "AllAtOnce"
    """How requests move to a new version of a function: at once, or gradually by CodeDeploy"""

    monitoring_minutes: Annotated[int, DEPLOYER_ONLY] = Field(0, ge=0, le=180)
    """Minutes after a deployment in which an alarm that goes into ALARM rolls it back; 0 for no alarm rollback"""


class Deploy(Section):
    role_arn: Annotated[str | None, DEPLOYER_ONLY] = Field(None, pattern=ROLE_ARN)
    """Service role that CloudFormation uses for all resources; the caller's rights, unless set"""

    assume_role: Annotated[str | None, DEPLOYER_ONLY] = Field(None, pattern=ROLE_ARN)
    """Role that deploy.py assumes first; the caller itself, unless set"""

    permissions_boundary: Annotated[
        str, Parameter("PermissionsBoundaryArn", "the ARN of a managed policy, or empty")
    ] = Field("", pattern=POLICY_ARN)
    """ARN of the managed policy that bounds what each role of the platform may do; empty for none"""

    preview_role_arn: Annotated[str | None, DEPLOYER_ONLY] = Field(None, pattern=ROLE_ARN)
    """role_arn of previews like this environment; the environment's, unless set"""

    preview_permissions_boundary: Annotated[str, DEPLOYER_ONLY] = Field("", pattern=POLICY_ARN)
    """permissions_boundary of previews like this environment; the environment's, unless set"""
