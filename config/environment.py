"""Environments: what differs between dev, staging and prod, typed and checked.

`load("dev")` reads `environments/dev.toml`. Every mistake is reported with the
file and the key, before anything remote is touched.
"""

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from contract import settings
from contract.routes import CORS_ORIGIN

ENVIRONMENTS_DIR = Path(__file__).resolve().parent.parent / "environments"

# CloudWatch Logs accepts only these (PutRetentionPolicy).
# fmt: off
RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)
# fmt: on


EMAIL_OR_NOTHING = r"^([^@\s]+@[^@\s]+)?$"


class ConfigError(ValueError):
    """An environment file is missing or wrong; the message names file, key and remedy."""


def _retention(days: int) -> int:
    if days not in RETENTION_DAYS:
        raise ValueError(f"CloudWatch Logs keeps logs for one of {RETENTION_DAYS} days")
    return days


def _origins(origins: list[str]) -> list[str]:
    for origin in origins:
        if origin == "*" and len(origins) > 1:
            raise ValueError('"*" stands alone or not at all')
        if origin != "*" and not re.fullmatch(CORS_ORIGIN, origin):
            raise ValueError(f"{origin!r} is not an origin such as https://shop.example.com")
    return origins


def _waf_rate_limit(requests: int) -> int:
    if requests and not 10 <= requests <= 2_000_000_000:
        raise ValueError("AWS WAF limits to 10 requests at least, 2,000,000,000 at most; 0 is no firewall")
    return requests


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Data(_Section):
    billing_mode: Literal["PAY_PER_REQUEST", "PROVISIONED"] = "PAY_PER_REQUEST"
    min_capacity: int = Field(5, ge=1)
    max_capacity: int = Field(100, ge=1)
    target_utilization: int = Field(70, ge=20, le=90)  # Application Auto Scaling's own bounds
    retention: Literal["Delete", "Retain"] = "Retain"
    deletion_protection: bool = True
    recovery_days: int = Field(35, ge=1, le=35)
    order_ttl_days: int = Field(90, ge=1, le=3650)

    @model_validator(mode="after")
    def _consistent(self):
        if self.min_capacity > self.max_capacity:
            raise ValueError("min_capacity is above max_capacity")
        return self


class Functions(_Section):
    # 0: no reservation, the function shares the account's unreserved pool.
    command_reserved_concurrency: int = Field(100, ge=0)
    # Never above INFO: Lambda takes a metric's document, which has no level, for INFO, and would drop it.
    log_level: Literal["DEBUG", "INFO"] = "INFO"
    log_retention_days: Annotated[int, AfterValidator(_retention)] = 7
    open_telemetry_layer_arn: str = Field("", pattern=r"^(arn:aws[\w-]*:lambda:\S+:layer:\S+:\d+)?$")


class Pipeline(_Section):
    batch_size: int = Field(10, ge=1, le=10_000)
    # An order waits no longer than this for its batch; the queue's visibility timeout allows for it.
    batching_window: int = Field(0, ge=0, le=10)
    maximum_concurrency: int = Field(20, ge=2, le=1000)  # Lambda's own bounds for a queue
    events_email: str = Field("", pattern=EMAIL_OR_NOTHING)
    events_queue_arn: str = Field("", pattern=r"^(arn:aws[\w-]*:sqs:[\w-]+:\d{12}:[\w-]{1,80})?$")

    @model_validator(mode="after")
    def _consistent(self):
        if self.batch_size > 10 and self.batching_window == 0:
            raise ValueError("a batch_size above 10 needs a batching_window of at least 1 second, says Lambda")
        return self


class Imports(_Section):
    # Of uploaded files and their reports, which hold what orders hold.
    retention_days: int = Field(90, ge=1, le=3650)


class Api(_Section):
    allowed_origins: Annotated[list[str], AfterValidator(_origins)] = Field(min_length=1, max_length=5)
    rate_limit: int = Field(100, ge=1)  # requests per second
    burst_limit: int = Field(200, ge=1)
    daily_quota: int = Field(10_000, ge=1)
    data_trace: bool = False  # logs bodies, which hold personal data
    # Requests per five minutes and address that the web application firewall lets through; 0: no firewall.
    waf_rate_limit: Annotated[int, AfterValidator(_waf_rate_limit)] = 0


class Monitoring(_Section):
    """From where on alarms ring. What must not happen at all (dead letters, throttling) has no threshold."""

    alert_email: str = Field("", pattern=EMAIL_OR_NOTHING)
    error_rate_percent: float = Field(1.0, ge=0.01, le=100)
    latency_p95_ms: int = Field(500, ge=1)
    reserved_concurrency_percent: int = Field(80, ge=1, le=100)
    consumed_capacity_percent: int = Field(80, ge=1, le=100)
    # Above the queue's visibility timeout of 370 s: one retry of one order is no trouble.
    queue_age_seconds: int = Field(600, ge=400)
    queue_depth: int = Field(1000, ge=1)
    # Far below the six hours after which a change is given up.
    stream_age_seconds: int = Field(300, ge=60, le=3600)
    # Of a file's records. A few are always wrong and stand in its report; one in ten is no longer
    # somebody's slip but a file that has changed its form.
    import_success_percent: int = Field(90, ge=1, le=100)
    orders_per_hour_percent: int = Field(100, ge=1)  # of api_config.maxOrdersPerHour
    slo_availability_percent: float = Field(99.9, ge=50, le=99.999)  # of requests, not answered 5XX
    slo_latency_percent: float = Field(99.0, ge=50, le=99.999)  # of requests, within latency_p95_ms
    slo_least_bad_requests: int = Field(3, ge=1)  # fewer than this are never a burn of the budget


class Environment(_Section):
    """One environment. `api_config` and `feature_flags` are the documents first put into SSM."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,19}$")
    region: str = Field("us-east-1", pattern=r"^[a-z]{2,}(-[a-z]+)+-\d+$")
    account: str | None = Field(None, pattern=r"^\d{12}$")
    data: Data = Data()
    functions: Functions = Functions()
    pipeline: Pipeline = Pipeline()
    imports: Imports = Imports()
    api: Api
    monitoring: Monitoring = Monitoring()
    api_config: dict = Field(default_factory=settings.default_api_config)
    feature_flags: dict = Field(default_factory=lambda: dict(settings.FEATURE_FLAGS))

    @model_validator(mode="after")
    def _settings(self):
        problems = [f"api_config.{p}" for p in settings.api_config_problems(self.api_config)]
        problems += [f"feature_flags.{p}" for p in settings.flag_problems(self.feature_flags)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _files_go_with_their_orders(self):
        if self.imports.retention_days > self.data.order_ttl_days:
            raise ValueError("imports.retention_days is above data.order_ttl_days: files would outlive their orders")
        return self


def available(directory: Path = ENVIRONMENTS_DIR) -> list[str]:
    return sorted(path.stem for path in directory.glob("*.toml"))


def load(name: str, directory: Path = ENVIRONMENTS_DIR) -> Environment:
    """Read and check one environment.

    Raises ConfigError with one line per problem: unknown name, malformed
    TOML (with its line), unknown key, wrong type or value.
    """
    path = directory / f"{name}.toml"
    if name not in available(directory):
        close = get_close_matches(name, available(directory), n=1)
        meant = f"; did you mean {close[0]}?" if close else ";"
        known = ", ".join(available(directory)) or "none"
        raise ConfigError(f"there is no environment {name!r}{meant} known: {known} (see {directory.name}/)")
    shown = f"{directory.name}/{path.name}"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown}: not valid TOML: {error}") from None
    if "name" in document:
        raise ConfigError(f"{shown}: name: the file's own name is the environment's name; remove the key")
    try:
        return Environment.model_validate({"name": name, **document})
    except ValidationError as error:
        lines = [f"{shown}: {_key(problem['loc'])}{_reason(problem)}" for problem in error.errors()]
        raise ConfigError("\n".join(lines)) from None


def _key(location: tuple) -> str:
    return ".".join(str(part) for part in location) + ": " if location else ""


def _reason(problem: dict) -> str:
    if problem["type"] == "extra_forbidden":
        return "unknown key"
    if problem["type"] == "missing":
        return "missing"
    return problem["msg"].removeprefix("Value error, ")
