"""Cross-origin requests: which origins a browser may call from, changeable without a new deployment.

An API Gateway deployment is a snapshot of methods and gateway responses: a parameter in them has no effect if only
the parameter changes. So:

- The preflight compares the caller's origin with variables of the *stage*, which it reads at request time. Velocity
  can only compare there, so each origin has its own variable.
- A gateway response cannot compare. If any origin is allowed it answers `*`, otherwise the origin of the request. That
  discloses nothing: the answer is an error about the caller's request, without credentials, and a browser sends the
  x-api-key header only after a preflight that allowed its origin. A snapshot depends on the parameter only through
  the choice between the two, so `generator.api` makes a deployment for each.
"""

from troposphere import Equals, If, Not, Ref, Select, Split, Sub

from config.constraints import MAX_ORIGINS
from contract.routes import CORS_MAX_AGE_SECONDS, CORS_REQUEST_HEADERS, CORS_RESPONSE_HEADERS, ROUTES

ANY_ORIGIN = "AllowsAnyOrigin"
LISTED_ORIGINS = "AllowsListedOrigins"

# No browser sends this origin, and a stage variable may be neither empty nor "*".
_NO_ORIGIN = "none"

_ALLOW_ORIGIN = "$context.responseOverride.header.Access-Control-Allow-Origin"
_MATCHES = " || ".join(f"$origin == $stageVariables.allowedOrigin{n}" for n in range(1, MAX_ORIGINS + 1))

# Header names arrive in lower case over HTTP/2. The template has no indentation: any text is a body, and the answer is
# 204.
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
    """Of the preflight: `anyOrigin` and `allowedOrigin1` to 5, padded with `none`."""
    none = ",".join([_NO_ORIGIN] * MAX_ORIGINS)
    listed = Split(",", If(ANY_ORIGIN, none, Sub(f"${{AllowedOrigins}},{none}")))
    origins = {f"allowedOrigin{n + 1}": Select(n, listed) for n in range(MAX_ORIGINS)}
    return {"anyOrigin": If(ANY_ORIGIN, "true", "false"), **origins}


def preflight_headers(path: str) -> dict[str, str]:
    """Headers of the answer to OPTIONS, except Access-Control-Allow-Origin."""
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
    """A constant in a mapping of API Gateway."""
    return f"'{value}'"
