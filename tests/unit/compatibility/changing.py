"""Changes of a contract, as functions: documents in place, places by path."""

import json

from generator.compatibility.history import Contract, present

CONTRACT = present()


def changed(*changes) -> Contract:
    """Return the present contract after `changes`, each a function of a Contract."""
    contract = Contract(*json.loads(json.dumps(CONTRACT)))
    for change in changes:
        change(contract)
    return contract


def _within(contract: Contract, place: str) -> tuple[dict | list, str]:
    """Return what has the last part of `place`, and that part. Parts are separated by blanks; "api" or "messages" first."""
    document, *parts, last = place.split()
    node = {"api": contract.openapi, "messages": contract.asyncapi}[document]
    for part in parts:
        node = node[int(part)] if isinstance(node, list) else node[part]
    return node, last


def put(place: str, value: object):
    def change(contract: Contract) -> None:
        node, last = _within(contract, place)
        assert not isinstance(node, list)
        node[last] = value

    return change


def drop(place: str):
    """Remove a key; it must be there."""

    def change(contract: Contract) -> None:
        node, last = _within(contract, place)
        del node[int(last) if isinstance(node, list) else last]

    return change


def append(place: str, value: object):
    def change(contract: Contract) -> None:
        node, last = _within(contract, place)
        node[last].append(value)

    return change


def remove(place: str, value: object):
    """Remove a value of a list; it must be there."""

    def change(contract: Contract) -> None:
        node, last = _within(contract, place)
        node[last].remove(value)

    return change


def move(place: str, name: str, to: str):
    """Move a value from one list to another."""

    def change(contract: Contract) -> None:
        remove(place, name)(contract)
        append(to, name)(contract)

    return change


def both(*changes):
    def change(contract: Contract) -> None:
        for each in changes:
            each(contract)

    return change
