"""An AsyncAPI document as a page."""

from preview.site import asyncapi

DOCUMENT = {
    "asyncapi": "3.0.0",
    "info": {"title": "Events", "version": "1.2.3", "description": "What is announced."},
    "channels": {
        "orders": {
            "title": "the topic",
            "address": "arn",
            "description": "At least once.",
            "messages": {"Placed": {"$ref": "#/components/messages/Placed"}},
        },
        "other": {"address": None, "messages": {}},
    },
    "operations": {"announce": {"action": "send", "channel": {"$ref": "#/channels/orders"}, "summary": "Announce it"}},
    "components": {
        "messages": {
            "Placed": {
                "title": "placed",
                "contentType": "application/json",
                "headers": {"type": "object", "properties": {"kind": {"const": "placed"}}, "required": ["kind"]},
                "payload": {"schemaFormat": "draft-04", "schema": {"$ref": "#/components/schemas/Order"}},
                "examples": [{"headers": {"kind": "placed"}, "payload": {"id": "a|b"}}],
            }
        },
        "schemas": {
            "Order": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "pattern": "^a|b$", "description": "names the\norder"},
                    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
                    "note": {"type": ["string", "null"]},
                },
            },
            "Item": {"properties": {"kind": {"enum": ["x", "y"]}}, "required": ["kind"]},
        },
    },
}


def test_a_message_has_its_fields_those_of_lists_below_them():
    text = asyncapi.markdown(DOCUMENT)
    assert "| `id` | string | names the order; pattern `^a\\|b$` |" in text
    assert "| `items` | array, optional |  |" in text
    assert "| `items[].kind` | `x` or `y` |  |" in text
    assert "| `note` | string or null, optional |  |" in text
    assert "| `kind` | `placed` |  |" in text


def test_a_channel_has_its_messages_its_use_and_their_examples():
    text = asyncapi.markdown(DOCUMENT)
    assert text.startswith("# Events\n\nWhat is announced.\n\n| channel | address | messages |")
    assert "## The topic\n\nAt least once.\n\n**Send.** Announce it\n\n### Placed" in text
    assert '"id": "a|b"' in text
    assert "version 1.2.3" in text


def test_a_file_of_text_is_an_example_as_it_is():
    message = {"contentType": "text/csv", "payload": {"type": "string"}, "examples": [{"payload": "a,b\n1,2\n"}]}
    text = asyncapi.markdown({**DOCUMENT, "channels": {"files": {"messages": {"csv": message}}}})
    assert "```\na,b\n1,2\n```" in text
    assert "**Content**: string." in text
