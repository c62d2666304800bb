"""Cross-origin requests: who may call from a browser, decided without a new deployment.

An API Gateway deployment is a snapshot of methods and gateway responses; a parameter written
into them would not reach the snapshot when only the parameter changes. So:

- The preflight compares the caller's origin with variables of the *stage*, which are read at
  request time. Velocity there may only compare, so each origin has a variable of its own.
- A gateway response cannot compare at all. Where any origin is allowed it says `*`; else it
  names the origin that asked. That gives nothing away: the answer is an error about the
  caller's own request, no credentials are involved, and a browser sends the x-api-key header
  only after a preflight that allowed its origin. The choice between the two forms is all that
  remains of the parameter in a snapshot, and `generator.api` makes one deployment for each.
"""

from troposphere import Equals, If, Not, Ref, Select, Split, Sub

from config.environment import MAX_ORIGINS
from contract.routes import (
    CORS_MAX_AGE_SECONDS,
    CORS_REQUEST_HEADERS,
    CORS_RESPONSE_HEADERS,
    ROUTES,
)

ANY_ORIGIN = "AllowsAnyOrigin"
LISTED_ORIGINS = "AllowsListedOrigins"

# No browser sends this origin, and a stage variable may be neither empty nor "*".
_NO_ORIGIN = "none"

_ALLOW_ORIGIN = "$context.responseOverride.header.Access-Control-Allow-Origin"
_MATCHES = " || ".join(f"$origin == $stageVariables.allowedOrigin{n}" for n in range(1, MAX_ORIGINS + 1))

# Header names arrive in lower case over HTTP/2. The template must render to nothing: the answer
# is 204, and text beside it would be a body. Hence no indentation.
PREFLIGHT_TEMPLATE = f"""\
#set($origin = $input.params().header.get("Origin"))
#if(!$origin || $origin == "")
#set($origin = $input.params().header.get("origin"))
#end
#if($stageVariables.anyOrigin == "true")
#set({_ALLOW_ORIGIN} = "*")
#elseif({_MATCHES})
#set({_ALLOW_ORIGIN} = $origin)
#end
"""


def conditions() -> dict:
    any_origin = Equals(Ref("AllowedOrigins"), "*")
    return {ANY_ORIGIN: any_origin, LISTED_ORIGINS: Not(any_origin)}


def stage_variables() -> dict:
    """What the preflight reads: `anyOrigin` and `allowedOrigin1` to 5, filled up with `none`."""
    none = ",".join([_NO_ORIGIN] * MAX_ORIGINS)
    listed = Split(",", If(ANY_ORIGIN, none, Sub(f"${{AllowedOrigins}},{none}")))
    origins = {f"allowedOrigin{n + 1}": Select(n, listed) for n in range(MAX_ORIGINS)}
    return {"anyOrigin": If(ANY_ORIGIN, "true", "false"), **origins}


def preflight_headers(path: str) -> dict[str, str]:
    """Headers of the answer to OPTIONS, but for Access-Control-Allow-Origin."""
    methods = [route.method for route in ROUTES if route.path == path]
    return {
        "Access-Control-Allow-Methods": static(",".join([*methods, "OPTIONS"])),
        "Access-Control-Allow-Headers": static(",".join(CORS_REQUEST_HEADERS)),
        "Access-Control-Max-Age": static(str(CORS_MAX_AGE_SECONDS)),
        "Vary": static("Origin"),
    }


def gateway_response_headers() -> dict:
    return {
        "Access-Control-Allow-Origin": If(ANY_ORIGIN, static("*"), "method.request.header.origin"),
        "Access-Control-Expose-Headers": static(",".join(CORS_RESPONSE_HEADERS)),
        "Vary": static("Origin"),
    }


def static(value: str) -> str:
    """API Gateway's way to write a constant in a mapping."""
    return f"'{value}'"
