"""What API Gateway does with requests to the deployed API."""

import json
import ssl
from urllib.parse import urlsplit

from urllib3.util import SKIP_HEADER

from conformance.environment import Answer, Environment
from conformance.probe import CannotTry, expect, holds, reads, writes
from operations.smoke import rest

ORIGIN = "https://example.com"
ABSENT = "/orders/fd-absent"
TOO_LARGE = 10 * 1024 * 1024 + 1


def _allows(answer: Answer, *origins: str) -> None:
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    holds(allowed in origins, f"Access-Control-Allow-Origin {' or '.join(origins)}", allowed)


@reads("generator/gateway_responses.py", "generator/cors.py")
def refusals_name_the_origin(environment: Environment) -> None:
    """A request that API Gateway refuses itself carries Access-Control-Allow-Origin, for Origin and for origin."""
    for spelling in ("Origin", "origin"):
        answer = environment.call("GET", ABSENT, key=False, **{spelling: ORIGIN})
        expect(answer.status, 403, f"status without a key, with {spelling}")
        _allows(answer, "*", ORIGIN)


@reads("generator/gateway_responses.py", "generator/cors.py")
def refusals_name_the_origin_over_http2(environment: Environment) -> None:
    """Over HTTP/2, whose header names are in lower case, a refusal carries Access-Control-Allow-Origin."""
    environment.needs(environment.outputs["ApiUrl"].startswith("https:"), "without TLS there is no HTTP/2")
    try:
        import h2  # noqa: F401  what httpx needs for HTTP/2
        import httpx
    except ImportError:
        raise CannotTry("httpx[http2] is not installed") from None
    url, ca_bundle = environment.outputs["ApiUrl"] + ABSENT, environment.account.aws.ca_bundle
    trusted = ssl.create_default_context(cafile=ca_bundle) if ca_bundle else True
    with httpx.Client(http2=True, verify=trusted, proxy=rest.proxy_of(url), trust_env=False) as client:
        answer = client.get(url, headers={"Origin": ORIGIN})
    environment.needs(answer.http_version == "HTTP/2", "the endpoint answered with " + answer.http_version)
    expect(answer.status_code, 403, "status without a key")
    allowed = answer.headers.get("access-control-allow-origin")
    holds(allowed in ("*", ORIGIN), f"Access-Control-Allow-Origin * or {ORIGIN}", allowed)


@reads("generator/cors.py", "generator/api_methods.py")
def a_preflight_needs_no_key_and_reads_both_spellings(environment: Environment) -> None:
    """OPTIONS without a key is 204, and its template reads Origin and origin against the stage's variables."""
    configured = environment.settings.api.allowed_origins
    allowed = ORIGIN if configured == ["*"] else configured[0]
    for spelling in ("Origin", "origin"):
        answer = environment.call("OPTIONS", "/orders", key=False, **{spelling: allowed})
        expect(answer.status, 204, f"status of a preflight with {spelling}")
        _allows(answer, "*" if configured == ["*"] else allowed)
        holds("POST" in answer.headers.get("Access-Control-Allow-Methods", ""), "POST is allowed", answer.headers)


@reads("generator/cors.py")
def a_preflight_of_another_origin_allows_nothing(environment: Environment) -> None:
    """The preflight's answer to an origin that no stage variable has is without Access-Control-Allow-Origin."""
    environment.needs(environment.settings.api.allowed_origins != ["*"], "this environment allows every origin")
    answer = environment.call("OPTIONS", "/orders", key=False, Origin="https://other.invalid")
    expect(answer.headers.get("Access-Control-Allow-Origin"), None, "Access-Control-Allow-Origin")


@reads("generator/gateway_responses.py")
def validation_details_are_escaped(environment: Environment) -> None:
    """$context.error.validationErrorString arrives with its quotes escaped, so that the error is JSON."""
    answer = environment.send("POST", "/orders", {})
    expect(answer.status, 400, "status of an order without its fields")
    holds(answer.error, "a JSON error", answer.text)
    details = answer.error.get("details", [])
    holds(len(details) == 1 and '"customerId"' in details[0], 'one detail that names "customerId"', details)


@reads("generator/gateway_responses.py")
def validation_details_have_the_words_of_the_java_validator(environment: Environment) -> None:
    """The details are a list in brackets, in the words of the Java validator that API Gateway is known to use."""
    answer = environment.send("POST", "/orders", environment.order(customerId=5))
    wrong = 'instance type (integer) does not match any allowed primitive type (allowed: ["string"])'
    expect(answer.error.get("details"), [f"[{wrong}]"], "details")


@reads("generator/gateway_responses.py", "operations/smoke/rest.py")
def an_error_has_the_request_id_of_its_answer(environment: Environment) -> None:
    """$context.requestId in a gateway response is what the header x-amzn-RequestId carries."""
    answer = environment.call("GET", ABSENT, key=False)
    holds(answer.error.get("requestId"), "an error with a requestId", answer.text)
    expect(answer.error["requestId"], answer.headers.get("x-amzn-RequestId"), "requestId")


@reads("generator/gateway_responses.py")
def a_wrong_key_is_403(environment: Environment) -> None:
    """A missing key and an unknown one are refused alike, by INVALID_API_KEY."""
    answers = [environment.call("GET", ABSENT, key=False, **more) for more in ({}, {"x_api_key": "unknown" * 4})]
    seen = [(answer.status, answer.error.get("code")) for answer in answers]
    expect(seen, [(403, "forbidden")] * 2, "status and code without a key, with an unknown one")


@reads("generator/gateway_responses.py")
def an_unknown_route_is_404(environment: Environment) -> None:
    """An unknown path and an unknown method are MISSING_AUTHENTICATION_TOKEN, which a gateway response makes 404."""
    answers = environment.call("GET", "/absent"), environment.call("DELETE", "/orders")
    seen = [(answer.status, answer.error.get("code")) for answer in answers]
    expect(seen, [(404, "route_not_found")] * 2, "status and code of GET /absent, DELETE /orders")


@reads("generator/gateway_responses.py", "handlers/http.py")
def a_body_above_10_mb_is_413(environment: Environment) -> None:
    """API Gateway refuses a body above 10 MB by REQUEST_TOO_LARGE, with the headers for browsers."""
    answer = environment.call("POST", "/orders", b" " * TOO_LARGE, Content_Type="application/json", Origin=ORIGIN)
    expect((answer.status, answer.error.get("code")), (413, "payload_too_large"), "status and code")
    _allows(answer, "*", ORIGIN)


@reads("handlers/http.py")
def a_body_of_another_type_passes_the_validator(environment: Environment) -> None:
    """A body whose Content-Type has no model is not validated: the function gets it, and answers 415."""
    answer = environment.call("POST", "/orders", "<order/>", Content_Type="text/xml")
    expect((answer.status, answer.error.get("code")), (415, "unsupported_media_type"), "status and code")


@reads("generator/firewall.py")
def a_request_without_user_agent_passes_the_firewall(environment: Environment) -> None:
    """The core rule set's rule on a missing User-Agent only counts: the request reaches the API."""
    environment.needs(environment.settings.api.waf_rate_limit, "this environment has no firewall")
    environment.needs(not environment.account.emulated_at, "the emulator's firewall inspects nothing")
    answer = environment.call("GET", ABSENT, User_Agent=SKIP_HEADER)
    expect((answer.status, answer.error.get("code")), (404, "not_found"), "status and code without a User-Agent")


@writes("contract/schemas.py", "handlers/http.py", "domain/strict_json.py")
def numbers_beyond_a_double_are_400(environment: Environment) -> None:
    """NaN and 1e400 in a body are refused with 400, by the validator or by the function."""
    order = json.dumps(environment.order(orderId=environment.new_id()))
    environment.cancel_later(json.loads(order)["orderId"])  # it is stored if the number is not refused
    for number in ("NaN", "1e400"):
        answer = environment.call("POST", "/orders", order.replace("0.01", number), Content_Type="application/json")
        expect((answer.status, answer.error.get("code")), (400, "invalid_request"), f"a price of {number}")


@reads("handlers/http.py", "handlers/orders_query.py")
def an_escaped_path_parameter_is_decoded_once(environment: Environment) -> None:
    """An escaped character of a path parameter is itself for the function, whether the event has it decoded or not."""
    answer = environment.call("GET", "/orders/fd%2Dabsent")
    expect((answer.status, answer.error.get("code")), (404, "not_found"), "status and code of /orders/fd%2Dabsent")


@reads("generator/api.py", "generator/api_logging.py")
def the_stage_serves_a_deployment_of_its_stack(environment: Environment) -> None:
    """The stage points to a deployment that the template has, not to one of an earlier version or made by hand."""
    deployments = environment.resources("ApiStack", "AWS::ApiGateway::Deployment").values()
    at = {"restApiId": environment.outputs["ApiId"], "stageName": environment.outputs["StageName"]}
    serving = environment.client("apigateway").get_stage(**at)["deploymentId"]
    holds(serving in deployments, f"one of {sorted(deployments)}", serving)


@writes("handlers/http.py", "handlers/orders_command.py")
def location_is_where_the_order_is(environment: Environment) -> None:
    """requestContext.path is the URL's whole path, stage included: Location, made from it, leads to the order."""
    answer = environment.place()
    location, base = answer.headers.get("Location", ""), urlsplit(environment.outputs["ApiUrl"]).path
    expect(urlsplit(location).path, f"{base}/orders/{answer.document['orderId']}", "Location")
    expect(environment.call("GET", urlsplit(location).path.removeprefix(base)).status, 200, "status of GET Location")


@writes("handlers/http.py")
def header_names_in_any_spelling_are_one_header(environment: Environment) -> None:
    """Headers reach a function as the client spelt them; Idempotency-Key counts in every spelling."""
    order, key = environment.order(), environment.new_id()
    first = environment.placed(environment.send("POST", "/orders", order, **{"Idempotency-Key": key}))
    second = environment.placed(environment.send("POST", "/orders", order, **{"idempotency-KEY": key}))
    expect(second.document["orderId"], first.document["orderId"], "orderId of the repeated request")
    expect(second.headers.get("Idempotency-Replayed"), "true", "Idempotency-Replayed")


@writes("handlers/http.py", "handlers/repository.py")
def an_etag_survives_the_way_through_the_gateway(environment: Environment) -> None:
    """ETag and If-Match pass API Gateway unchanged: the order's own ETag is accepted, an older one refused."""
    placed = environment.place()
    path, etag = f"/orders/{placed.document['orderId']}", placed.headers.get("ETag", "")
    changed = environment.send("PUT", path, {"status": "processing"}, If_Match=etag)
    expect(changed.status, 200, "status with the order's ETag")
    outdated = environment.send("PUT", path, {"status": "cancelled"}, If_Match=etag)
    expect((outdated.status, outdated.error.get("code")), (412, "version_mismatch"), "status and code with the old one")
