"""The root template's parameters: which part of an environment each one carries.

The generator declares exactly these (see generator/root.py) and a test holds
the two lists against each other.
"""

import json

from config.environment import Environment

# Filled in by the deployer: where the packages are, and what the account already has.
ARTIFACT_PARAMETERS = ("ArtifactBucket", "FunctionsKey", "LayerKey")
ACCOUNT_PARAMETERS = ("ManageApiGatewayAccount",)


def from_environment(environment: Environment) -> dict[str, str]:
    """Parameter name -> value, as CloudFormation wants them: strings."""
    data, functions, pipeline, imports, api, monitoring = (
        environment.data,
        environment.functions,
        environment.pipeline,
        environment.imports,
        environment.api,
        environment.monitoring,
    )
    return {
        "Environment": environment.name,
        "BillingMode": data.billing_mode,
        "MinCapacity": str(data.min_capacity),
        "MaxCapacity": str(data.max_capacity),
        "TargetUtilization": str(data.target_utilization),
        "DataRetention": data.retention,
        "DeletionProtection": _boolean(data.deletion_protection),
        "RecoveryDays": str(data.recovery_days),
        "OrderTtlDays": str(data.order_ttl_days),
        "ApiConfig": json.dumps(environment.api_config, sort_keys=True, separators=(",", ":")),
        "CommandReservedConcurrency": str(functions.command_reserved_concurrency),
        "WorkerBatchSize": str(pipeline.batch_size),
        "WorkerBatchingWindow": str(pipeline.batching_window),
        "WorkerMaximumConcurrency": str(pipeline.maximum_concurrency),
        "EventsEmail": pipeline.events_email,
        "EventsQueueArn": pipeline.events_queue_arn,
        "UploadRetentionDays": str(imports.retention_days),
        "LogLevel": functions.log_level,
        "LogRetentionDays": str(functions.log_retention_days),
        "OpenTelemetryLayerArn": functions.open_telemetry_layer_arn,
        "AllowedOrigins": ",".join(api.allowed_origins),
        "RateLimit": str(api.rate_limit),
        "BurstLimit": str(api.burst_limit),
        "DailyQuota": str(api.daily_quota),
        "DataTrace": _boolean(api.data_trace),
        "WafRateLimit": str(api.waf_rate_limit),
        "AlertEmail": monitoring.alert_email,
        "ErrorRatePercent": f"{monitoring.error_rate_percent:g}",
        "LatencyP95Ms": str(monitoring.latency_p95_ms),
        "ReservedConcurrencyPercent": str(monitoring.reserved_concurrency_percent),
        "ConsumedCapacityPercent": str(monitoring.consumed_capacity_percent),
        "QueueAgeSeconds": str(monitoring.queue_age_seconds),
        "QueueDepth": str(monitoring.queue_depth),
        "StreamAgeSeconds": str(monitoring.stream_age_seconds),
        "ImportSuccessPercent": str(monitoring.import_success_percent),
        "OrdersPerHourPercent": str(monitoring.orders_per_hour_percent),
        "SloAvailabilityPercent": f"{monitoring.slo_availability_percent:g}",
        "SloLatencyPercent": f"{monitoring.slo_latency_percent:g}",
        "SloLeastBadRequests": str(monitoring.slo_least_bad_requests),
    }


def _boolean(value: bool) -> str:
    return "true" if value else "false"
