"""The rules of a file of faults: which calls fail, how, and how often."""

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from emulator.faults import calls

KINDS = ("latency", "error", "throttle", "drop", "lost", "duplicate")

ERRORS = {
    "dynamodb": ("InternalServerError", 500),
    "lambda": ("ServiceException", 500),
    "s3": ("InternalError", 500),
    "sns": ("InternalError", 500),
    "sqs": ("InternalError", 500),
    "ssm": ("InternalServerError", 500),
}
THROTTLES = {
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "s3": ("SlowDown", 503),
    "sns": ("Throttling", 400),
    "sqs": ("RequestThrottled", 403),
    "ssm": ("ThrottlingException", 400),
}


class RulesError(ValueError):
    """A file of faults is missing or wrong; the message has one line for each problem: file, rule, key, reason."""


class Rule(BaseModel):
    """Which calls fail, how, and how often."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    service: str
    """The service that is called: dynamodb, lambda, s3, sns, sqs or ssm"""

    operation: str | Annotated[list[str], Field(min_length=1)] = ""
    """The operation, such as PutItem, or a list of them; default: all"""

    function: str = ""
    """The function that calls, such as orders-worker; default: all"""

    kind: Literal["latency", "error", "throttle", "drop", "lost", "duplicate"]
    """latency: answer late. error, throttle: answer with an error of the service, without effect. drop: hang up without
    effect. lost: carry out, then hang up. duplicate: carry out twice"""

    milliseconds: int = Field(0, gt=0, le=900_000)
    """latency only: how late"""

    code: str = Field("", pattern=r"^[A-Za-z][A-Za-z0-9_.]{0,99}$")
    """error only: the code of the error; default: the service's internal error"""

    status: int = Field(0, ge=400, le=599)
    """error only: the HTTP status of `code`; default: 500"""

    probability: float = Field(1.0, gt=0, le=1)
    """The share of these calls that fail"""

    every: int = Field(1, ge=1)
    """Only every n-th of these calls"""

    after: float = Field(0.0, ge=0, allow_inf_nan=False)
    """Seconds after the start at which the rule begins"""

    seconds: float | None = Field(None, gt=0, allow_inf_nan=False)
    """How long the rule lasts; default: until the end"""

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        if isinstance(given, dict):
            service = _among(given, "service", calls.SERVICES)
            _among(given, "kind", KINDS)
            if service in calls.SERVICES:
                _among(given, "operation", calls.operations(service))
        return given

    @model_validator(mode="after")
    def _consistent(self):
        if (self.kind == "latency") != ("milliseconds" in self.model_fields_set):
            raise ValueError("milliseconds: needed by the kind latency, and by no other")
        if self.kind != "error" and self.model_fields_set & {"code", "status"}:
            raise ValueError("code and status go with the kind error")
        return self

    @property
    def operations(self) -> frozenset[str]:
        """The operations; none means all."""
        return frozenset([self.operation] if isinstance(self.operation, str) else self.operation) - {""}

    @property
    def answer(self) -> tuple[str, int]:
        """The code and status of the error with which a call is answered."""
        code, status = (THROTTLES if self.kind == "throttle" else ERRORS)[self.service]
        return self.code or code, self.status or status

    @property
    def title(self) -> str:
        """The rule in a few words."""
        what = " ".join(filter(None, [self.service, ", ".join(sorted(self.operations)), self.function]))
        how = f"{self.milliseconds} ms late" if self.kind == "latency" else f"{self.kind} {self.code}".rstrip()
        often = [f"{self.probability:.0%}"] * (self.probability < 1) + [f"1 of {self.every} calls"] * (self.every > 1)
        return " ".join([f"{what}:", how, *often])


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    seed: int = 0
    rule: list[Rule] = Field(min_length=1)

    @field_validator("rule", mode="before")
    @classmethod
    def _tables(cls, given: Any) -> Any:
        if isinstance(given, dict):
            raise ValueError("each rule begins with [[rule]], in two brackets")
        return given


def load(path: Path) -> tuple[list[Rule], int]:
    """Read a file of faults; return its rules and its seed. Raises RulesError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RulesError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise RulesError(f"{path}: not valid TOML: {error}") from None
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        raise RulesError("\n".join(f"{path}: {_problem(each)}" for each in error.errors())) from None
    return file.rule, file.seed


def check_functions(path: Path, rules: Iterable[Rule], functions: Iterable[str]) -> None:
    """Raise RulesError if a rule names a function that is not among these."""
    for number, rule in enumerate(rules, 1):
        if rule.function and rule.function not in functions:
            raise RulesError(f"{path}: rule {number}: function: {_unknown(rule.function, tuple(functions))}")


def _among(given: Mapping[str, Any], key: str, known: tuple[str, ...]) -> Any:
    value = given.get(key)
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str) and each not in known:
            raise ValueError(f"{key}: {_unknown(each, known)}")
    return value


def _unknown(word: str, known: tuple[str, ...]) -> str:
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(word.lower(), by_lower, n=1)
    meant = f"; did you mean {by_lower[close[0]]!r}?" if close else ""
    listed = f" (known: {', '.join(known)})" if len(known) < 20 else ""
    return f"{word!r} is unknown{meant}{listed}"


def _problem(error: ErrorDetails) -> str:
    """Rule, key and reason of one of pydantic's errors."""
    where, keys = list(error["loc"]), tuple(Rule.model_fields)
    place = ""
    if where[:1] == ["rule"] and len(where) > 1:
        place, where = f"rule {int(where[1]) + 1}: ", where[2:]
    else:
        keys = tuple(_File.model_fields)
    key = str(where[0]) if where else ""
    if error["type"] == "extra_forbidden":
        return f"{place}key {_unknown(key, keys)}"
    reason = "missing" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
    if key and error["type"] != "missing":
        reason = f"{reason}, got {error['input']!r}"
    return place + (f"{key}: " if key else "") + reason
