"""Compare two AsyncAPI documents: what breaks a subscriber, a reader of reports, a message or a file on its way?"""

from collections.abc import Iterator

from generator.compatibility.operations import Change
from generator.compatibility.schemas import Direction, changes, inlined

DIRECTIONS = {"send": Direction.SENT, "receive": Direction.RECEIVED}
"""Action of an operation, which is the platform's -> who sends the values."""


def breaking(old: dict, new: dict) -> Iterator[Change]:
    """Yield each change from `old` to `new` that breaks who is at the other end of a channel."""
    before, after = inlined(old, old), inlined(new, new)
    for name, channel in before["channels"].items():
        now = after["channels"].get(name)
        for direction in _directions(before, old, name):
            whom = f"those who {'read' if direction is Direction.SENT else 'write'} {channel['title']}"
            if now is None:
                yield Change(name, "the channel is gone", whom)
            elif direction not in _directions(after, new, name):
                verb = "sends" if direction is Direction.SENT else "receives"
                yield Change(name, f"the platform no longer {verb} here", whom)
            else:
                if channel.get("address") != now.get("address"):
                    yield Change(name, f"address is {now.get('address')}, was {channel.get('address')}", whom)
                yield from _messages(name, channel["messages"], now["messages"], direction, whom)


def _directions(document: dict, source: dict, channel: str) -> list[Direction]:
    """Return the directions of a channel. `document` is `source` with its `$ref`s replaced, which hides the names."""
    operations = source["operations"].values()
    actions = {each["action"] for each in operations if each["channel"]["$ref"] == f"#/channels/{channel}"}
    return [DIRECTIONS[action] for action in sorted(actions)]


def _messages(where: str, old: dict, new: dict, direction: Direction, whom: str) -> Iterator[Change]:
    for name, message in old.items():
        if name not in new:
            yield Change(f"{where}, {name}", "the message is gone", whom)
            continue
        now = new[name]
        if message.get("contentType") != now.get("contentType"):
            what = f"contentType is {now.get('contentType')}, was {message.get('contentType')}"
            yield Change(f"{where}, {name}", what, whom)
        for part, label in (("payload", ""), ("headers", "attribute ")):
            if part not in message:
                continue
            if part not in now:
                yield Change(f"{where}, {name}", f"{part} are gone", whom)
                continue
            for what in changes(message[part], now[part], direction):
                yield Change(f"{where}, {name}", f"{label}{what}", whom)
