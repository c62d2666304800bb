"""Findings of the tools, the reasons for accepting some of them, and what is left. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

BOOTSTRAP = ("pipeline-role", "partner-policy")
HOW = "Metadata=accepted(…) of generator/audit.py, where the resource is generated"


class Place(NamedTuple):
    """What a reason accepts: a rule of a tool on one resource."""

    tool: str
    stack: str
    resource: str
    rule: str

    def __str__(self) -> str:
        folder = "bootstrap" if self.stack in BOOTSTRAP else "templates"
        return f"{folder}/{self.stack}.yaml: {self.resource}: {self.tool} {self.rule}"


@dataclass
class Result:
    """What a tool found: how many of its `unit` passed, and what each finding says."""

    tool: str
    unit: str
    passed: int = 0
    findings: dict[Place, str] = field(default_factory=dict)


def accepted(templates: Mapping[str, Mapping[str, Any]], tool: str) -> dict[Place, str]:
    """Return the reasons in the Metadata of the resources: `<tool>: skip: [{id, comment}]`, the form of checkov."""
    return {
        Place(tool, stack, logical_id, entry["id"]): entry["comment"]
        for stack, template in templates.items()
        for logical_id, resource in template["Resources"].items()
        for entry in resource.get("Metadata", {}).get(tool, {}).get("skip", ())
    }


def problems(result: Result, reasons: Mapping[Place, str]) -> Iterator[str]:
    """Yield the findings without a reason and the reasons without a finding; a tool that judged nothing is one, too."""
    if not result.passed:
        yield f"{result.tool}: no {result.unit} passed, so it has judged nothing"
    for place in sorted(result.findings.keys() - reasons.keys()):
        yield f"{place}: {result.findings[place]}\n  change the resource, or accept it with a reason ({HOW})"
    for place in sorted(reasons.keys() - result.findings.keys()):
        yield f"{place}: accepted, but no longer found\n  remove the reason ({HOW})"


def summary(result: Result, reasons: Mapping[Place, str]) -> str:
    count = len(result.findings.keys() & reasons.keys())
    return f"{result.tool}: {result.passed} {result.unit} passed, {count} accepted with a reason"


def explained(reasons: Mapping[Place, str]) -> Iterator[str]:
    """Yield each reason, with the rule and the resources that it is given for."""
    resources: dict[tuple[str, str], list[str]] = defaultdict(list)
    for place, reason in sorted(reasons.items()):
        resources[f"{place.tool} {place.rule}", reason].append(f"{place.stack}/{place.resource}")
    for (rule, reason), names in resources.items():
        yield f"{rule}: {', '.join(names)}\n  {reason}"
