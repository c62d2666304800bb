"""Each kind of change is breaking, an addition or neither; a breaking one is named with its place and whom it breaks."""

import pytest

from generator.compatibility import gate
from tests.unit.compatibility.changing import CONTRACT, append, both, changed, drop, move, put, remove

SCHEMAS = "api components schemas"
REQUEST = f"{SCHEMAS} OrderRequest"
SUBMISSION = f"{SCHEMAS} OrderSubmission"
ORDER = f"{SCHEMAS} Order"
POST = "api paths /orders post"
LIST = "api paths /orders/customer/{customerId} get"
READ = "api paths /orders/{orderId} get"
EVENT = "messages components schemas OrderEvent"
EVENTS = "messages channels orderEvents messages"
QUEUE = "messages channels orderQueue messages"
FILES = "messages channels orderFiles messages"
ROW = "messages components schemas CsvRow"
REPORT = "messages components schemas ImportReport"
OPTIONAL = {"name": "expand", "in": "query", "required": False, "schema": {"type": "string"}}
FIELD = {"type": "string", "maxLength": 10}

SENDERS, READERS, CALLERS = "clients that send what was valid", "clients that read the answer", "clients that call it"
SUBSCRIBERS = "those who read the topic OrderEvents"
UPLOADERS = "those who write the files of orders"
WRITERS = "those who write the queue OrderQueue"
REPORTED = "those who read the reports of imports"

STOP = drop("messages operations announceOrder")

# A change, a part of its sentence, and who breaks.
BREAKING = [
    # routes
    (drop("api paths /orders/async"), "POST /orders/async: the route is gone", CALLERS),
    (drop("api paths /orders/{orderId} put"), "PUT /orders/{orderId}: the route is gone", CALLERS),
    (put("api security", [{"apiKey": [], "token": []}]), "apiKey header x-api-key no longer suffices", CALLERS),
    (put("api components securitySchemes apiKey name", "x-key"), "x-api-key no longer suffices", CALLERS),
    (put(f"{POST} security", [{"token": []}]), "POST /orders: apiKey header x-api-key no longer suffices", CALLERS),
    (put("api paths /me/orders get x-scopes", ["orders/list"]), "http bearer orders/read no longer suffices", CALLERS),
    (append("api paths /me/orders get x-scopes", "openid"), "http bearer orders/read no longer suffices", CALLERS),
    # parameters
    (drop(f"{LIST} parameters 1"), "query parameter limit is no longer accepted", SENDERS),
    (put(f"{LIST} parameters 1 required", True), "query parameter limit is required now", SENDERS),
    (put(f"{LIST} parameters 1 in", "header"), "query parameter limit is no longer accepted", SENDERS),
    (append(f"{LIST} parameters", {**OPTIONAL, "required": True}), "expand is new and required", SENDERS),
    (put(f"{LIST} parameters 1 schema maximum", 50), "query parameter limit: maximum is 50, was 100", SENDERS),
    (put(f"{LIST} parameters 1 schema minimum", 2), "query parameter limit: minimum is", SENDERS),
    (remove(f"{LIST} parameters 3 schema enum", "cancelled"), 'no longer accepted as "cancelled"', SENDERS),
    (put(f"{POST} parameters 0 required", True), "header parameter Idempotency-Key is required now", SENDERS),
    (put(f"{POST} parameters 0 schema maxLength", 64), "Idempotency-Key: maxLength is 64, was 255", SENDERS),
    (put(f"{READ} parameters 0 schema pattern", "^[a-z]+$"), "path parameter orderId: pattern is", SENDERS),
    # requests
    (append(f"{REQUEST} required", "delivery"), "POST /orders, request: delivery is required now", SENDERS),
    (drop(f"{REQUEST} properties payments"), "payments is no longer accepted", SENDERS),
    (put(f"{REQUEST} properties items maxItems", 50), "items: maxItems is 50, was 100", SENDERS),
    (put(f"{REQUEST} properties items minItems", 2), "items: minItems is 2, was 1", SENDERS),
    (put(f"{REQUEST} properties items uniqueItems", True), "items: uniqueItems is true, was absent", SENDERS),
    (put(f"{REQUEST} properties items items properties quantity maximum", 500), "items[].quantity: maximum", SENDERS),
    (put(f"{REQUEST} properties items items properties price multipleOf", 1), "price: multipleOf is 1", SENDERS),
    (put(f"{REQUEST} properties items items properties price type", "integer"), "price: type is", SENDERS),
    (put(f"{REQUEST} properties items items properties price exclusiveMinimum", True), "price: minimum is 0 (exclusive), was 0", SENDERS),
    (remove(f"{REQUEST} properties delivery enum", "express"), 'no longer accepted as "express"', SENDERS),
    (put(f"{REQUEST} properties customerId enum", ["a", "b"]), 'customerId is restricted to "a", "b"', SENDERS),
    (put(f"{REQUEST} properties customerId pattern", "^[0-9]+$"), "customerId: pattern is", SENDERS),
    (put(f"{REQUEST} properties customerId format", "uuid"), "customerId: format is uuid, was absent", SENDERS),
    (put(f"{REQUEST} properties deliveryAddress properties street minLength", 3), "street: minLength", SENDERS),
    (put(f"{REQUEST} properties deliveryAddress properties city maxLength", 9), "city: maxLength is 9", SENDERS),
    (put(f"{REQUEST} properties customerId not", {"enum": ["a"]}), "customerId: not is", SENDERS),
    (put(f"{REQUEST} minProperties", 4), "minProperties is 4, was absent", SENDERS),
    (put(f"{SUBMISSION} properties orderId maxLength", 64), "POST /orders/async, request: orderId: maxLength", SENDERS),
    (drop(f"{SUBMISSION} properties items items properties itemId"), "items[].itemId is no longer", SENDERS),
    (put(f"{SUBMISSION} properties items items oneOf", [{"required": ["productId"]}]), "items[]: oneOf", SENDERS),
    (put(f"{SCHEMAS} StatusUpdate properties status enum", ["cancelled"]), "status is no longer accepted", SENDERS),
    (put(f"{POST} requestBody content", {"text/plain": {"schema": {}}}), "application/json is gone", SENDERS),
    (drop(f"{POST} requestBody"), "a body is no longer accepted", SENDERS),
    (put(f"{READ} requestBody", {"required": True, "content": {}}), "a body is required now", SENDERS),
    # answers
    (drop(f"{ORDER} properties totalAmount"), "GET /orders/{orderId}, response 200: totalAmount is gone", READERS),
    (drop(f"{ORDER} properties loyaltyPoints"), "loyaltyPoints is gone", READERS),
    (drop(f"{ORDER} properties items items properties price"), "items[].price is gone", READERS),
    (remove(f"{ORDER} required", "version"), "version may be missing now", READERS),
    (put(f"{ORDER} properties totalAmount type", ["number", "string"]), "totalAmount: type is", READERS),
    (put(f"{ORDER} properties loyaltyPoints nullable", True), "loyaltyPoints: type is", READERS),
    (put(f"{ORDER} properties version type", "number"), "version: type is", READERS),
    (drop(f"{ORDER} properties totalAmount minimum"), "totalAmount: minimum is absent, was", READERS),
    (append(f"{ORDER} properties status enum", "lost"), 'status may be "lost" too', READERS),
    (drop(f"{ORDER} properties status enum"), "status may have any value, was one of", READERS),
    (put(f"{ORDER} properties createdAt format", "date"), "createdAt: format is date, was date-time", READERS),
    (drop(f"{SCHEMAS} OrderPage properties nextToken"), "nextToken is gone", READERS),
    (drop(f"{SCHEMAS} Error properties error properties details"), "response 400: error.details is gone", READERS),
    (drop(f"{POST} responses 201 headers ETag"), "response 201: header ETag is gone", READERS),
    (put(f"{POST} responses 201 headers ETag required", False), "header ETag may be missing now", READERS),
    (put(f"{POST} responses 201 headers ETag schema", {"type": "string"}), "header ETag: pattern", READERS),
    (put(f"{POST} responses 200", {"description": "OK"}), "response 200 is a new success", READERS),
    (drop(f"{POST} responses 201"), "POST /orders: response 201 is gone", READERS),
    (drop(f"{POST} responses 429"), "error code throttled is gone", READERS),
    (remove(f"{POST} responses 429 x-error-codes", "quota_exceeded"), "error code quota_exceeded is gone", READERS),
    (
        move(f"{POST} responses 422 x-error-codes", "payment_mismatch", f"{POST} responses 400 x-error-codes"),
        "error code payment_mismatch has status 400, was 422",
        READERS,
    ),
    # where things are
    (put("messages channels orderFiles address", "in/{file}"), "orderFiles: address is in/{file}, was ord", UPLOADERS),
    (put("messages channels importReports address", "r/{file}"), "importReports: address is r/{file}, was", REPORTED),
    # events
    (both(drop("messages channels orderEvents"), STOP), "orderEvents: the channel is gone", SUBSCRIBERS),
    (STOP, "orderEvents: the platform no longer sends here", SUBSCRIBERS),
    (drop(f"{EVENTS} OrderStatusChanged"), "orderEvents, OrderStatusChanged: the message is gone", SUBSCRIBERS),
    (drop(f"{EVENT} properties totalAmount"), "OrderCreated: totalAmount is gone", SUBSCRIBERS),
    (drop(f"{EVENT} properties correlationId"), "correlationId is gone", SUBSCRIBERS),
    (remove(f"{EVENT} required", "customerId"), "customerId may be missing now", SUBSCRIBERS),
    (put(f"{EVENT} properties version type", "string"), "version: type is", SUBSCRIBERS),
    (append(f"{EVENT} properties eventType enum", "OrderLost"), 'eventType may be "OrderLost" too', SUBSCRIBERS),
    (drop(f"{EVENTS} OrderCreated headers properties status"), "attribute status is gone", SUBSCRIBERS),
    (remove(f"{EVENTS} OrderCreated headers required", "source"), "attribute source may be missing", SUBSCRIBERS),
    (drop(f"{EVENTS} OrderCreated headers"), "headers are gone", SUBSCRIBERS),
    (put(f"{EVENTS} OrderCreated contentType", "text/xml"), "contentType is text/xml, was None", SUBSCRIBERS),
    # messages
    (drop(f"{QUEUE} order0"), "orderQueue, order0: the message is gone", WRITERS),
    (drop(f"{QUEUE} orders2"), "orderQueue, orders2: the message is gone", WRITERS),
    (append(f"{QUEUE} order0 payload required", "features"), "order0: features is required now", WRITERS),
    (drop(f"{QUEUE} order1 payload properties processedDate"), "processedDate is no longer accepted", WRITERS),
    (put(f"{QUEUE} orders2 payload properties orders maxItems", 25), "orders: maxItems is 25, was 100", WRITERS),
    # files and reports
    (drop(f"{FILES} csv"), "orderFiles, csv: the message is gone", UPLOADERS),
    (drop(f"{ROW} properties street"), "csv: street is no longer accepted", UPLOADERS),
    (append(f"{ROW} required", "priority"), "csv: priority is required now", UPLOADERS),
    (drop(f"{ROW} properties itemId"), "csv: itemId is no longer accepted", UPLOADERS),
    (put("messages components schemas ImportRecord properties items maxItems", 9), "items: maxItems", UPLOADERS),
    (put(f"{FILES} jsonLines contentType", "application/json"), "contentType is application/json", UPLOADERS),
    (drop(f"{REPORT} properties queued"), "report: queued is gone", REPORTED),
    (append(f"{REPORT} properties status enum", "paused"), 'status may be "paused" too', REPORTED),
    (append(f"{REPORT} properties fault type", "string"), "fault: type is", REPORTED),
]  # fmt: skip

# Changes that need a new minor version only.
ADDITIONS = [
    put("api paths /orders/{orderId}/receipt", {"get": {"responses": {"200": {"description": "OK"}}}}),
    append(f"{LIST} parameters", OPTIONAL),
    put(f"{LIST} parameters 1 schema maximum", 200),
    append(f"{LIST} parameters 3 schema enum", "lost"),
    drop(f"{POST} parameters 0 schema pattern"),
    put(f"{REQUEST} properties tip", FIELD),
    remove(f"{REQUEST} required", "deliveryAddress"),
    put(f"{REQUEST} properties items maxItems", 200),
    append(f"{REQUEST} properties delivery enum", "drone"),
    put(f"{REQUEST} properties items items properties quantity format", "int64"),
    put(f"{REQUEST} properties items items properties price multipleOf", 0.001),
    drop(f"{REQUEST} additionalProperties"),
    drop(f"{SUBMISSION} properties orderId not"),
    put(f"{POST} requestBody required", False),
    put(f"{ORDER} properties tip", FIELD),
    append(f"{ORDER} required", "loyaltyPoints"),
    remove(f"{ORDER} properties status enum", "cancelled"),
    put(f"{POST} responses 418", {"description": "", "x-error-codes": ["teapot"]}),
    append(f"{READ} responses 404 x-error-codes", "taken"),
    put(f"{POST} responses 201 headers Age", {"required": False, "schema": {"type": "integer"}}),
    put("api security", [{"apiKey": []}, {"token": []}]),
    put(f"{POST} security", []),
    put("messages channels refunds", {"title": "refunds", "messages": {}}),
    put(f"{EVENT} properties tip", FIELD),
    append(f"{EVENT} required", "correlationId"),
    put(f"{EVENTS} OrderLost", {"payload": {"$ref": "#/components/schemas/OrderEvent"}}),
    put(f"{EVENTS} OrderCreated headers properties partner", FIELD),
    put(f"{QUEUE} orders3", {"payload": {"type": "object"}}),
    put(f"{QUEUE} order1 payload properties tip", FIELD),
    put(f"{ROW} properties tip", FIELD),
    put(f"{REPORT} properties slowest", FIELD),
    remove(f"{REPORT} properties format enum", None),
]

# Changes that need no new version.
PROSE = [
    put("api info version", "9.9.9"),
    put("api info description", "other words"),
    put(f"{POST} summary", "other words"),
    put(f"{POST} description", "other words"),
    put(f"{ORDER} properties status description", "other words"),
    put(f"{ORDER} title", "Bestellung"),
    put(f"{LIST} parameters 1 description", "other words"),
    drop(f"{POST} responses 201 content application/json examples"),
    put("api servers", []),
    put("messages channels orderEvents description", "other words"),
    drop(f"{EVENTS} OrderCreated examples"),
]


def test_there_are_many_and_no_two_are_equal():
    sentences = [sentence for _, sentence, _ in BREAKING]
    assert len({*sentences}) > 75 and len(BREAKING) + len(ADDITIONS) + len(PROSE) > 120


@pytest.mark.parametrize("change, sentence, whom", BREAKING, ids=lambda each: each if isinstance(each, str) else "")
def test_a_change_that_breaks_someone_is_named(change, sentence, whom):
    found = gate.compare(CONTRACT, changed(change))
    texts = [str(each) for each in found.breaking]
    assert any(sentence in text and text.endswith(f"; breaks {whom}") for text in texts), texts
    assert found.needs == "major"


@pytest.mark.parametrize("change", ADDITIONS)
def test_an_addition_breaks_nobody_and_is_noticed(change):
    found = gate.compare(CONTRACT, changed(change))
    assert found.breaking == []
    assert found.needs == "minor" and found.additions


@pytest.mark.parametrize("change", PROSE)
def test_prose_may_change_in_any_version(change):
    assert gate.compare(CONTRACT, changed(change)).needs == ""


def test_the_contract_equals_itself():
    assert gate.compare(CONTRACT, changed()) == ([], [])


def test_an_enumeration_grows_where_its_description_says_so():
    says = put(f"{ORDER} properties status description", "pending, processing, or one added later")
    grows = append(f"{ORDER} properties status enum", "lost")
    assert gate.compare(changed(says), changed(says, grows)).needs == "minor"
    assert gate.compare(changed(says), changed(grows)).needs == "minor"  # what was said counts
    assert gate.compare(CONTRACT, changed(says, grows)).needs == "major"


def test_a_scheme_of_security_may_have_another_name():
    renamed = changed(
        put("api components securitySchemes key", CONTRACT.openapi["components"]["securitySchemes"]["apiKey"]),
        drop("api components securitySchemes apiKey"),
        put("api security", [{"key": []}]),
    )
    assert gate.compare(CONTRACT, renamed).breaking == []


def test_a_schema_may_be_written_in_another_place():
    schema = CONTRACT.openapi["components"]["schemas"]["OrderRequest"]
    written = changed(put(f"{POST} requestBody content application/json schema", schema))
    assert gate.compare(CONTRACT, written).breaking == []
