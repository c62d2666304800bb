"""Previews: environments without a file, with the settings of one that has a file, except what a copy must not have."""

import re
from collections.abc import Collection, Mapping
from typing import Any

LONGEST_NAME = 20  # as that of every environment
NAME = (
    "lower-case letters and digits, a hyphen, lower-case letters and digits, at most 20 characters in all, "
    "such as pr-123; the first part is no other environment"
)
_NAME = re.compile(r"[a-z][a-z0-9]*-[a-z0-9]+")

# What an account and Region have few of, what costs money without a request, and what reaches people.
OVERRIDES: Mapping[str, Mapping[str, Any]] = {
    "data": {"billing_mode": "PAY_PER_REQUEST", "warm_reads": 0, "warm_writes": 0},
    "functions": {"command_reserved_concurrency": 0},
    "pipeline": {"events_email": "", "events_queue_arn": ""},
    "api": {"waf_rate_limit": 0, "method_metrics": False},
    "monitoring": {"alert_email": "", "dashboard": False, "trace_deliveries": False, "trace_events": False},
}
ROLES = ("role_arn", "permissions_boundary")
"""Settings of [deploy] that previews have of their own, as preview_…: a pipeline's roles know resources by their names."""

DEFAULTS = ("release",)
"""Sections that have their defaults in a preview: nobody waits for alarms there."""


def is_name(text: str, environments: Collection[str]) -> bool:
    """Return True for a possible name of a preview. `environments`: those that have a file.

    It has a hyphen, so that a misspelt `dev` is none. No name continues another at a hyphen: alarms and policies find
    what belongs to an environment by the prefix `food-delivery-<name>-`.
    """
    continued = any(f"{other}-".startswith(f"{text}-") or text.startswith(f"{other}-") for other in environments)
    return len(text) <= LONGEST_NAME and bool(_NAME.fullmatch(text)) and not continued


def settings(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a preview, from the document of the environment that it is like."""
    found = {key: value for key, value in document.items() if key not in DEFAULTS}
    for section, own in OVERRIDES.items():
        given = found.get(section, {})
        found[section] = {**given, **own} if isinstance(given, dict) else given  # what is no table is refused later
    deploy = found.get("deploy")
    if isinstance(deploy, dict):
        found["deploy"] = deploy | {key: deploy[f"preview_{key}"] for key in ROLES if f"preview_{key}" in deploy}
    return found
