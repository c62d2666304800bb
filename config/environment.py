"""What differs between environments, typed; `load("dev")` reads `environments/dev.toml` and reports every mistake."""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from config import previews
from config.parameters import DEPLOYER_ONLY, Parameter, settings
from config.sections import Api, Data, Deploy, Functions, Imports, Monitoring, Partners, Pipeline, Release, Section
from contract import settings as contract
from contract.partners import TIERS

ENVIRONMENTS_DIR = Path(__file__).resolve().parent.parent / "environments"


class ConfigError(ValueError):
    """An environment file is missing or wrong; the message names file, key and remedy."""


class Environment(Section):
    """One environment: its sections, and the settings that have none."""

    name: Annotated[
        str, Parameter("Environment", "lower-case letters, digits and hyphens, at most 20, starting with a letter")
    ] = Field(pattern=r"^[a-z][a-z0-9-]{0,19}$")
    """Name of the environment, also the API's stage"""

    region: Annotated[str, DEPLOYER_ONLY] = Field("us-east-1", pattern=r"^[a-z]{2,}(-[a-z]+)+-\d+$")
    """Region to deploy to"""

    account: Annotated[str | None, DEPLOYER_ONLY] = Field(None, pattern=r"^\d{12}$")
    """The only account to deploy to; any, unless set"""

    data: Data = Data()
    imports: Imports = Imports()

    api_config: Annotated[dict, Parameter("ApiConfig", "a JSON object", pattern=r"^\{.*\}$", max_length=4096)] = Field(
        default_factory=contract.default_api_config
    )
    """The api-config document (JSON) that operators may change later in Parameter Store"""

    pipeline: Pipeline = Pipeline()
    functions: Functions = Functions()
    api: Api
    partners: Partners = Partners()
    monitoring: Monitoring = Monitoring()
    release: Release = Release()
    deploy: Deploy = Deploy()

    feature_flags: Annotated[dict, DEPLOYER_ONLY] = Field(default_factory=lambda: dict(contract.FEATURE_FLAGS))
    """The feature-flags document that the deployer puts into Parameter Store, unless there is one"""

    @model_validator(mode="after")
    def _documents(self):
        problems = [f"api_config.{p}" for p in contract.api_config_problems(self.api_config)]
        problems += [f"feature_flags.{p}" for p in contract.flag_problems(self.feature_flags)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _roles_of_the_account(self):
        for key in ("role_arn", "assume_role", "preview_role_arn"):
            role = getattr(self.deploy, key)
            if self.account and role and role.split(":")[4] != self.account:
                raise ValueError(f"deploy.{key} is a role of another account than `account`, {self.account}")
        return self

    @model_validator(mode="after")
    def _no_tier_is_above_the_api(self):
        pairs = [(f"{tier}_{limit}", f"{limit}_limit") for tier in TIERS for limit in ("rate", "burst")]
        problems = [
            f"partners.{of_tier} is above api.{of_api}, which all keys share"
            for of_tier, of_api in pairs
            if getattr(self.partners, of_tier) > getattr(self.api, of_api)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _files_expire_with_their_orders(self):
        if self.imports.retention_days > self.data.order_ttl_days:
            raise ValueError("imports.retention_days is above data.order_ttl_days: files would outlive their orders")
        return self


def available(directory: Path = ENVIRONMENTS_DIR) -> list[str]:
    return sorted(path.stem for path in directory.glob("*.toml"))


def load(name: str, directory: Path = ENVIRONMENTS_DIR, *, like: str | None = None) -> Environment:
    """Read and check one environment; with `like` a preview, which has the settings of that environment.

    Raises ConfigError with one line for each problem: unknown name, malformed TOML, unknown key, wrong type or value.
    """
    if like:
        _check_preview(name, directory)
    shown, document = _document(like or name, directory)
    if like:
        document = previews.settings(document)
    try:
        return Environment.model_validate({"name": name, **document})
    except ValidationError as error:
        raise ConfigError("\n".join(f"{shown}: {_problem(each)}" for each in error.errors())) from None


def _check_preview(name: str, directory: Path) -> None:
    if name in available(directory):
        raise ConfigError(f"{directory.name}/{name}.toml exists: a preview, which is like another, has no file")
    if not previews.is_name(name, available(directory)):
        raise ConfigError(f"{name!r} is no name of a preview: expected {previews.NAME}")


def _document(name: str, directory: Path) -> tuple[str, dict]:
    """Return an environment's file, as messages show it, and its content."""
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
        raise ConfigError(f"{shown}: name: the environment has the name of its file; remove the key")
    return shown, document


def _problem(error: ErrorDetails) -> str:
    """Key and reason of one of pydantic's errors."""
    key = ".".join(map(str, error["loc"]))
    patterns = {each.key: each.parameter.constraint for each in settings(Environment) if each.parameter}
    reason = {
        "extra_forbidden": "unknown key",
        "missing": "missing",
        "string_pattern_mismatch": patterns.get(key) and f"expected {patterns[key]}, got {error['input']!r}",
    }.get(error["type"])
    return (f"{key}: " if key else "") + (reason or error["msg"].removeprefix("Value error, "))
