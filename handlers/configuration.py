"""Run-time settings from SSM Parameter Store, cached for five minutes each.

A request always gets settings. While Parameter Store does not respond, or has an invalid document, the last valid value
is used; a process that never had one uses the contract's defaults with every flag off. Unknown keys are ignored: a later
version may have added them, and a rollback must not turn the other flags off.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from contract import settings
from handlers import clients, faults, telemetry

FRESH_SECONDS = 300
RETRY_SECONDS = 10


@dataclass(frozen=True)
class Document:
    """A parameter: the environment variable with its name, its rules and its fallback."""

    variable: str
    problems: Callable[[object], list[str]]
    fallback: dict
    missing: dict  # the values of keys that a valid document lacks


@dataclass
class _Cached:
    value: dict
    due: float  # time.time() from which to ask again


_ALL_OFF = dict.fromkeys(settings.FEATURE_FLAGS, False)
API_CONFIG = Document(
    "API_CONFIG_PARAMETER",
    settings.api_config_problems,
    settings.default_api_config(),
    settings.default_api_config(),
)
FEATURE_FLAGS = Document("FEATURE_FLAGS_PARAMETER", settings.flag_problems, _ALL_OFF, _ALL_OFF)

_cache: dict[str, _Cached] = {}


def api_config() -> dict[str, int]:
    return _current(API_CONFIG)


def feature_flags() -> dict[str, bool | int | float]:
    return _current(FEATURE_FLAGS)


def _current(document: Document) -> dict:
    now = time.time()
    if not _is_fresh(document, now):
        stale = [each for each in (API_CONFIG, FEATURE_FLAGS) if not _is_fresh(each, now)]
        _refresh([each for each in stale if each.variable in os.environ], now)
    return _cache[document.variable].value


def _is_fresh(document: Document, now: float) -> bool:
    return document.variable in _cache and now < _cache[document.variable].due


def _refresh(documents: list[Document], now: float) -> None:
    texts = _fetch([os.environ[document.variable] for document in documents])
    for document in documents:
        value = _parse(document, texts.get(os.environ[document.variable]))
        if value is not None:
            _cache[document.variable] = _Cached(value, now + FRESH_SECONDS)
            continue
        telemetry.configuration_fallback(document.variable)
        last = _cache.get(document.variable)
        _cache[document.variable] = _Cached(last.value if last else document.fallback, now + RETRY_SECONDS)


def _fetch(names: list[str]) -> dict[str, str]:
    """Return the text of each parameter that exists, read in one call; none if SSM fails."""
    try:
        response = clients.ssm().get_parameters(Names=names, WithDecryption=True)
    except faults.AWS:
        return {}
    return {parameter["Name"]: parameter["Value"] for parameter in response.get("Parameters", ())}


def _parse(document: Document, text: str | None) -> dict | None:
    try:
        value = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    known = {key: value[key] for key in value if key in document.missing}
    if len(known) < len(value):
        telemetry.configuration_ignored(document.variable, len(value) - len(known))
    return None if document.problems(known) else document.missing | known
