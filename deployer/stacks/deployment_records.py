"""The history of deployments: one small object in the artifact bucket for each that succeeded or an alarm rolled back.

A key is `deployments/<environment>/<UTC time>-<version>.json`: keys sort by time and contain the version, so a list
costs one request for a thousand deployments, and only records to be shown are read. The key of a deployment that an
alarm rolled back ends in `-rolled-back.json`: earlier versions of this program, for which every record is a success,
do not list it.
"""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from config import names, parameters
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.plan import templates
from deployer.stacks import reading

FORMAT = 2
"""Version of the record's format. Format 1 had no number, and 0.0 seconds and no changes if not followed to the end."""

DEPLOY, ROLLBACK = "deploy", "rollback"

_TIME = "%Y%m%dT%H%M%S.%fZ"
_KEY = re.compile(r"deployments/[^/]+/(\d{8}T\d{6}\.\d{6}Z)-([0-9a-f]{10})(-rolled-back)?\.json")


@dataclass(frozen=True)
class Source:
    """Where a deployment comes from. `commit`: "" outside a git repository; `dirty`: with uncommitted changes.

    `planned_by`: the ARN of who made the saved plan that is applied; "" without one.
    """

    kind: str = DEPLOY
    commit: str = ""
    dirty: bool = False
    planned_by: str = ""


@dataclass(frozen=True)
class Deployment:
    """One deployment.

    `when`: ISO 8601, UTC. `who`: the caller's ARN. `root`: key of the root template. `parameters`: without NoEcho
    ones. `packages`: keys. `seconds`: duration. `changes`: action -> number. Both are None if the run did not follow
    the deployment to its end. `tags`: {} in a record written before they were recorded. `rolled_back_by`: the name of
    the alarm that rolled it back; "" if it succeeded. `approved_by`: the ARN of who ran --apply, where `who` made the
    plan; "" without a saved plan. `format`: fields may be added without a new number.
    """

    version: str
    environment: str
    when: str
    who: str
    kind: str
    commit: str
    dirty: bool
    root: str
    parameters: Mapping[str, str]
    packages: Sequence[str]
    seconds: float | None
    changes: Mapping[str, int] | None
    tags: Mapping[str, str]
    rolled_back_by: str = ""
    format: int = FORMAT
    approved_by: str = ""

    @property
    def source(self) -> Source:
        return Source(self.kind, self.commit, self.dirty)

    @property
    def objects(self) -> list[str]:
        """Return the keys needed to deploy it again, besides those that the root template names."""
        return [self.root, *self.packages]


class Desired(Protocol):
    """The parts of a desired state that a record contains."""

    @property
    def bundle(self) -> templates.Bundle: ...
    @property
    def parameters(self) -> Mapping[str, str]: ...
    @property
    def bucket(self) -> str: ...
    @property
    def tags(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Entry:
    """A record's key and what the key contains."""

    key: str
    when: datetime
    version: str
    rolled_back: bool = False


def prefix(environment: str) -> str:
    """Return the prefix of an environment's records; for "" that of all."""
    return f"deployments/{environment}/" if environment else "deployments/"


def version_of(root: Mapping[str, Any], values: Mapping[str, str], tags: Mapping[str, str]) -> str:
    """Return a hash of the root template, which contains its children's hashes, and of parameters and tags.

    Parameters that depend on the account, the shift and the tags of every deployment do not count.
    """
    ours = {name: value for name, value in values.items() if name not in parameters.UNVERSIONED}
    content: list[object] = [templates.without_hosts(root), ours]
    if more := dict(tags.items() - names.tags(values.get("Environment", "")).items()):
        content.append(more)
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:10]


def deployed_version(aws: Aws, stack: Mapping[str, Any]) -> str:
    """Return the version of the deployed stack, computed from its template, parameters and tags."""
    return version_of(reading.template(aws, stack["StackId"]), reading.parameters_of(stack), reading.tags_of(stack))


def local_source(root: Path) -> Source:
    """Return the commit of the local version; an empty Source without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()

    try:
        return Source(DEPLOY, git("rev-parse", "HEAD"), bool(git("status", "--porcelain")))
    except (OSError, subprocess.SubprocessError):
        return Source()


def describe(built: Desired, who: str, source: Source) -> Deployment:
    """Return the record of a deployment that begins now. `who`: the caller's ARN."""
    declared = built.bundle.root.get("Parameters", {})
    secret = {name for name, spec in declared.items() if str(spec.get("NoEcho", "")).lower() == "true"}
    return Deployment(
        version_of(built.bundle.root, built.parameters, built.tags),
        built.parameters["Environment"],
        datetime.now(UTC).isoformat(timespec="seconds"),
        source.planned_by or who,
        source.kind,
        source.commit,
        source.dirty,
        built.bundle.root_key,
        {name: value for name, value in built.parameters.items() if name not in secret},
        [built.parameters[name] for name in ("FunctionsKey", "LayerKey")],
        None,
        None,
        dict(built.tags),
        approved_by=who if source.planned_by else "",
    )


def record(
    aws: Aws,
    built: Desired,
    who: str,
    source: Source,
    seconds: float | None,
    changes: Mapping[str, int] | None,
    rolled_back_by: str = "",
) -> str:
    """Write the record of a deployment that has just ended; return its version. `who`: the caller's ARN."""
    deployment = replace(
        describe(built, who, source),
        seconds=None if seconds is None else round(seconds, 1),
        changes=None if changes is None else dict(changes),
        rolled_back_by=rolled_back_by,
    )
    ending = "-rolled-back" if rolled_back_by else ""
    aws.client("s3").put_object(
        Bucket=built.bucket,
        Key=f"{prefix(deployment.environment)}{datetime.now(UTC):{_TIME}}-{deployment.version}{ending}.json",
        Body=json.dumps(asdict(deployment), sort_keys=True).encode(),
        ContentType="application/json",
    )
    return deployment.version


def entries(aws: Aws, account: str, environment: str) -> list[Entry]:
    """Return all recorded deployments, newest first; [] also if the bucket does not exist."""
    return sorted(entries_of(keys(aws, account, environment)), key=lambda entry: entry.key, reverse=True)


def keys(aws: Aws, account: str, environment: str) -> list[str]:
    """Return the keys of all records of an environment."""
    s3 = aws.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=names.artifact_bucket(account, aws.region), Prefix=prefix(environment)
    )
    try:
        return [found["Key"] for page in pages for found in page.get("Contents", ())]
    except s3.exceptions.NoSuchBucket:
        return []


def entries_of(keys: Iterable[str]) -> Iterable[Entry]:
    for key in keys:
        if match := _KEY.fullmatch(key):
            yield Entry(key, datetime.strptime(match[1], _TIME).replace(tzinfo=UTC), match[2], bool(match[3]))


def deployed(known: Iterable[Entry]) -> list[Entry]:
    """Return the entries of deployments that succeeded."""
    return [entry for entry in known if not entry.rolled_back]


def read(aws: Aws, account: str, chosen: Sequence[Entry]) -> list[Deployment | None]:
    """Read the records of the entries concurrently, in their order; None for one that cannot be parsed."""
    s3, bucket = aws.client("s3"), names.artifact_bucket(account, aws.region)

    def one(entry: Entry) -> Deployment | None:
        return _parsed(s3.get_object(Bucket=bucket, Key=entry.key)["Body"].read())

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, chosen))


def _parsed(text: bytes) -> Deployment | None:
    """Return a record of any format up to FORMAT; None for a later format and for text that is not a record."""
    try:
        document = json.loads(text)
        if document.setdefault("format", 1) > FORMAT:
            return None
        document.setdefault("tags", {})
        found = Deployment(**{name: document[name] for name in Deployment.__dataclass_fields__ if name in document})
        datetime.fromisoformat(found.when)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if found.format == 1 and not (found.seconds or found.changes):
        return replace(found, seconds=None, changes=None)
    return found


def choose(known: Sequence[Entry], wanted: str | None, current: str) -> Entry:
    """Return the latest record whose version starts with `wanted`; if None, the one before the current version.

    A version that an alarm rolled back is chosen only by its name. Pure. Raises Failure(USAGE), which lists the known versions.
    """
    if wanted is None:
        known = deployed(known)
        newest = next((index for index, entry in enumerate(known) if entry.version == current), None)
        if newest is None:
            raise _not_found(known, f"the deployed version {current} has no record, so the one before it is unknown")
        before = next((entry for entry in known[newest:] if entry.version != current), None)
        if before is None:
            raise _not_found(known, f"no other version was deployed before {current}")
        return before
    found = [entry for entry in known if entry.version.startswith(wanted)]
    if not wanted or len({entry.version for entry in found}) != 1:
        raise _not_found(known, f"{'more than one version begins' if found else 'no version begins'} with {wanted!r}")
    return found[0]


def _not_found(known: Sequence[Entry], why: str) -> Failure:
    newest = {entry.version: entry for entry in reversed(known)}
    listed = sorted(newest.values(), key=lambda entry: entry.key, reverse=True)
    listing = ", ".join(f"{entry.version} ({entry.when:%Y-%m-%d %H:%M} UTC)" for entry in listed[:10])
    return Failure(Exit.USAGE, why, f"known versions, newest first: {listing or 'none'}; --history shows details")
