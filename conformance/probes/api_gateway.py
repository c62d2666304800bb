"""What API Gateway does with requests to the deployed API."""

from conformance.environment import Environment
from conformance.probe import expect, holds, reads


@reads("generator/gateway_responses.py")
def refusals_name_the_origin(environment: Environment) -> None:
    """A request that API Gateway refuses itself carries Access-Control-Allow-Origin."""
    answer = environment.call("GET", "/orders/fd-absent", key=False, Origin="https://example.com")
    expect(answer.status, 403, "status without a key")
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    holds(allowed in ("*", "https://example.com"), "the request's origin, or *", allowed)
