"""An AsyncAPI 3 document as Markdown: channels, their messages, the fields and an example of each."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from generator.markdown import table

Schema = Mapping[str, Any]
_LIMITS = ("format", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "multipleOf")
_CHOICES = ("oneOf", "anyOf")


def markdown(document: Schema) -> str:
    info = document["info"]
    parts = [f"# {info['title']}", info.get("description", ""), _channel_table(document)]
    for name, channel in document.get("channels", {}).items():
        parts += _channel(document, name, _followed(document, channel))
    parts.append(f"The same as a file: [asyncapi.yaml](asyncapi.yaml), version {info['version']}.")
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _channel_table(document: Schema) -> str:
    rows = []
    for name, given in document.get("channels", {}).items():
        channel = _followed(document, given)
        messages = ", ".join(f"`{message}`" for message in channel.get("messages", {}))
        rows.append((_title(name, channel), f"`{channel['address']}`" if channel.get("address") else "", messages))
    return table(("channel", "address", "messages"), rows) if rows else ""


def _channel(document: Schema, name: str, channel: Schema) -> Iterator[str]:
    yield f"## {_title(name, channel)}"
    yield channel.get("description", channel.get("summary", ""))
    for operation in document.get("operations", {}).values():
        if operation["channel"].get("$ref", "").rpartition("/")[2] == name:
            said = operation.get("description") or operation.get("summary") or ""
            yield f"**{operation['action'].capitalize()}.** {said}"
    for key, message in channel.get("messages", {}).items():
        yield from _message(document, key, _followed(document, message))


def _message(document: Schema, key: str, message: Schema) -> Iterator[str]:
    yield f"### {_title(key, message)}"
    yield message.get("description", message.get("summary", ""))
    if message.get("contentType"):
        yield f"Content type: `{message['contentType']}`."
    for title, part in (("Attributes", "headers"), ("Content", "payload")):
        schema = _followed(document, message.get(part, {}))
        if "schemaFormat" in schema:
            schema = _followed(document, schema["schema"])
        if rows := list(_fields(document, schema)):
            yield f"**{title}**"
            yield table(("field", "type", "meaning"), rows)
        elif schema:
            yield f"**{title}**: {_type(document, schema)}. {_meaning(schema)}"
    for example in message.get("examples", ()):
        example = _followed(document, example)
        for part, title in (("headers", "Example of the attributes"), ("payload", "Example")):
            if part in example:
                yield f"**{title}.** {example.get('summary', '')}"
                yield _block(example[part])


def _title(key: str, part: Schema) -> str:
    title = str(part.get("title") or part.get("name") or key)
    return title[0].upper() + title[1:]


def _block(value: Any) -> str:
    text, language = (value, "") if isinstance(value, str) else (json.dumps(value, indent=2), "json")
    return f"```{language}\n{text.rstrip()}\n```"


def _fields(document: Schema, schema: Schema, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield a row for each field, those of objects and lists below them."""
    schema = _followed(document, schema)
    for part in schema.get("allOf", ()):
        yield from _fields(document, part, prefix)
    for choice in _CHOICES:
        for part in schema.get(choice, ()):
            yield from _fields(document, part, prefix)
    if "items" in schema:
        yield from _fields(document, schema["items"], f"{prefix}[]")
    for name, given in schema.get("properties", {}).items():
        field = _followed(document, given)
        path = f"{prefix}.{name}" if prefix else name
        need = "" if name in schema.get("required", ()) else "optional"
        kind = ", ".join(filter(None, (_type(document, field), need)))
        yield f"`{path}`", kind, _meaning(field)
        yield from _fields(document, field, path)


def _type(document: Schema, schema: Schema) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    given = schema.get("type", "any")
    return " or ".join(given) if isinstance(given, list) else given


def _meaning(schema: Schema) -> str:
    limits = [f"{name} `{schema[name]}`" for name in _LIMITS if name in schema]
    described = " ".join(str(schema.get("description", "")).split())
    return "; ".join(filter(None, (described, ", ".join(limits))))


def _followed(document: Schema, value: Any) -> Any:
    """Return what a reference within the document refers to. Raises KeyError."""
    while isinstance(value, Mapping) and str(value.get("$ref", "")).startswith("#/"):
        found: Any = document
        for step in value["$ref"][2:].split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        value = found
    return value
