"""Who answered the probes: the emulator, another endpoint, or AWS. One file of results for each."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from conformance.account import Account
from conformance.results import Result
from operations.smoke import rest

AWS, EMULATOR, MOTO = "aws", "emulator", "moto"
KNOWN = {EMULATOR: "local emulator", MOTO: "moto", AWS: "AWS"}
"""The columns that docs/conformance.md always has, with their heads."""
FILES = Path(__file__).parent / "witnesses"
ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_LONGEST = 300
"""Most characters of a text in a file of results."""


@dataclass(frozen=True)
class Record:
    """What a witness said. `results`: verdict and texts by a probe's id. `templates`: the hash of templates/."""

    witness: str
    endpoint: str
    date: str
    templates: str
    results: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return KNOWN.get(self.witness, self.witness)


def name_of(account: Account) -> str:
    """Return who answers: known by its endpoint."""
    url = account.emulated_at
    if not url:
        return AWS
    if account.aws.local:
        return EMULATOR
    return MOTO if _is_moto(url, account.aws.ca_bundle) else (urlsplit(url).hostname or "endpoint").replace(".", "-")


def _is_moto(url: str, ca_bundle: str | None) -> bool:
    """Whether moto's server answers: only it has this page."""
    try:
        page = rest.pool(url, ca_bundle).request("GET", f"{url}/moto-api/lib.js", timeout=5)
    except urllib3.exceptions.HTTPError:
        return False
    return page.status == 200


def recorded() -> dict[str, Record]:
    """Return the recorded results by witness: the known ones first, as columns have them."""
    found = {file.stem: Record(**json.loads(file.read_text(encoding="utf-8"))) for file in FILES.glob("*.json")}
    order = [*KNOWN, *sorted(found.keys() - KNOWN.keys())]
    return {name: found[name] for name in order if name in found}


def record(witness: str, account: Account, results: Iterable[Result]) -> Path:
    """Write the results to the witness's file; probes that did not run keep their earlier results."""
    earlier = recorded().get(witness)
    clean = _cleaner(account)
    new = {result.probe.id: {key: clean(text) for key, text in result.as_json().items()} for result in results}
    found = {**(earlier.results if earlier else {}), **new}
    made = Record(
        witness,
        "AWS" if witness == AWS else "an emulator",
        datetime.now(UTC).date().isoformat(),
        templates_hash(),
        dict(sorted(found.items())),
    )
    FILES.mkdir(exist_ok=True)
    file = FILES / f"{witness}.json"
    new_file = file.with_suffix(".new")  # a full disk leaves the earlier results
    new_file.write_text(json.dumps(asdict(made), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    new_file.replace(file)
    return file


def templates_hash() -> str:
    """Return the hash of the rendered templates, which the results are about."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "templates").glob("*.yaml")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _cleaner(account: Account) -> Callable[[str], str]:
    """Return a function that removes from a text the account, and what differs from run to run."""
    found = {account.mark: "conformance", account.emulated_at or "https://aws": "ENDPOINT"}
    found |= {account.id: "ACCOUNT", str(ROOT): "."}

    def clean(text: str) -> str:
        for word, instead in found.items():
            text = text.replace(word, instead)
        text = " ".join(text.split())
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

    return clean
