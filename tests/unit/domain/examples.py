"""Documents with every field that their schema has."""

import re


def example(schema):
    """Return a document of `schema` with every field."""
    match schema["type"]:
        case "object":
            # itemId is an alias of productId: only one is allowed.
            return {name: example(each) for name, each in schema["properties"].items() if name != "itemId"}
        case "array":
            return [example(schema["items"])]
        case "string":
            texts = schema.get("enum", ("2026-01-02", "acme"))
            return next(each for each in texts if re.search(schema.get("pattern", ""), each))
        case "boolean":
            return True
    return schema.get("minimum", 1) or 1
