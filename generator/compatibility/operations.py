"""Compare two OpenAPI documents: what breaks a client?"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from generator.compatibility.schemas import Direction, changes, inlined
from generator.openapi import CODES, SCOPES

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
CALLERS = "clients that call it"
SENDERS = "clients that send what was valid"
READERS = "clients that read the answer"


class Change(NamedTuple):
    """One breaking change: where, what, and who breaks."""

    where: str
    what: str
    whom: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; breaks {self.whom}"


def breaking(old: dict, new: dict) -> Iterator[Change]:
    """Yield each change from `old` to `new` that breaks a client."""
    after = _operations(new)
    for name, operation in _operations(old).items():
        if name not in after:
            yield Change(name, "the route is gone", CALLERS)
            continue
        yield from _parameters(name, operation, after[name])
        yield from _body(name, operation, after[name])
        yield from _responses(name, operation, after[name])
        yield from _security(name, operation, after[name])


def _operations(document: dict) -> dict[str, dict]:
    """Return `METHOD path` -> operation, with its path's parameters and the document's security, without `$ref`."""
    schemes = document["components"].get("securitySchemes", {})
    found = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = inlined(item[method], document)
                common = inlined(item.get("parameters", []), document)
                security = operation.get("security", document.get("security", []))
                scopes = operation.get(SCOPES, [])
                found[f"{method.upper()} {path}"] = {
                    **operation,
                    "parameters": [*common, *operation.get("parameters", [])],
                    "security": [
                        {_scheme(schemes.get(name, {"type": name})): {*own, *scopes} for name, own in each.items()}
                        for each in security
                    ],
                }
    return found


def _scheme(scheme: dict) -> str:
    """Return what a client must send for a security scheme, whatever its name."""
    return " ".join(str(scheme[key]) for key in ("type", "in", "name", "scheme", "openIdConnectUrl") if key in scheme)


def _parameters(where: str, old: dict, new: dict) -> Iterator[Change]:
    before, after = ({(each["in"], each["name"]): each for each in side["parameters"]} for side in (old, new))
    for (place, name), parameter in before.items():
        label = f"{place} parameter {name}"
        now = after.get((place, name))
        if now is None:
            yield Change(where, f"{label} is no longer accepted", SENDERS)
            continue
        if now.get("required") and not parameter.get("required"):
            yield Change(where, f"{label} is required now", SENDERS)
        for what in changes(parameter["schema"], now["schema"], Direction.RECEIVED):
            yield Change(f"{where}, {label}", what, SENDERS)
    for (place, name), parameter in after.items():
        if (place, name) not in before and parameter.get("required"):
            yield Change(where, f"{place} parameter {name} is new and required", SENDERS)


def _body(where: str, old: dict, new: dict) -> Iterator[Change]:
    before, after = old.get("requestBody"), new.get("requestBody")
    if after and after.get("required") and not (before and before.get("required")):
        yield Change(where, "a body is required now", SENDERS)
    if not before:
        return
    if not after:
        yield Change(where, "a body is no longer accepted", SENDERS)
        return
    yield from _content(f"{where}, request", before, after, Direction.RECEIVED)


def _content(where: str, old: Mapping, new: Mapping, direction: Direction) -> Iterator[Change]:
    whom = SENDERS if direction is Direction.RECEIVED else READERS
    for kind, media in old.get("content", {}).items():
        if kind not in new.get("content", {}):
            yield Change(where, f"{kind} is gone", whom)
            continue
        for what in changes(media["schema"], new["content"][kind]["schema"], direction):
            yield Change(where, what, whom)


def _responses(where: str, old: dict, new: dict) -> Iterator[Change]:
    before, after = old["responses"], new["responses"]
    for status, response in before.items():
        if status in after:
            yield from _response(f"{where}, response {status}", response, after[status])
        else:
            yield Change(where, f"response {status} is gone", READERS)
    for status in after.keys() - before.keys():
        if status < "400":
            yield Change(where, f"response {status} is a new success", READERS)
    yield from _codes(where, before, after)


def _response(where: str, old: dict, new: dict) -> Iterator[Change]:
    for name, header in old.get("headers", {}).items():
        now = new.get("headers", {}).get(name)
        if now is None:
            yield Change(where, f"header {name} is gone", READERS)
            continue
        if header.get("required") and not now.get("required"):
            yield Change(where, f"header {name} may be missing now", READERS)
        for what in changes(header["schema"], now["schema"], Direction.SENT):
            yield Change(f"{where}, header {name}", what, READERS)
    yield from _content(where, old, new, Direction.SENT)


def _codes(where: str, old: dict, new: dict) -> Iterator[Change]:
    """An error code may be added: clients decide by the class of the status where they do not know the code."""
    before, after = (
        {code: status for status, response in side.items() for code in response.get(CODES, ())} for side in (old, new)
    )
    for code, status in before.items():
        if code not in after:
            yield Change(where, f"error code {code} is gone", READERS)
        elif after[code] != status:
            yield Change(where, f"error code {code} has status {after[code]}, was {status}", READERS)


def _security(where: str, old: dict, new: dict) -> Iterator[Change]:
    """What sufficed must suffice: one of the new alternatives asks for no more."""
    for alternative in old["security"] or [{}]:
        if not any(_asks_no_more(each, alternative) for each in new["security"] or [{}]):
            yield Change(where, f"{_named(alternative)} no longer suffices", CALLERS)


def _asks_no_more(new: dict[str, set], old: dict[str, set]) -> bool:
    return all(scheme in old and scopes <= old[scheme] for scheme, scopes in new.items())


def _named(alternative: dict[str, set]) -> str:
    return (
        " and ".join(" ".join([scheme, *sorted(scopes)]) for scheme, scopes in alternative.items()) or "no credential"
    )
