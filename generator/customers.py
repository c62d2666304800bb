"""Routes for customers, with tokens of a Cognito user pool. Without a pool none of their resources exist."""

from troposphere import Equals, Not, Ref, apigateway

from contract.routes import ROUTES, Route

HAS_CUSTOMERS = "HasCustomers"
_ONLY_WITH_POOL = {"Condition": HAS_CUSTOMERS}


def conditions() -> dict:
    return {HAS_CUSTOMERS: Not(Equals(Ref("UserPoolArn"), ""))}


def authorizer(api: apigateway.RestApi) -> apigateway.Authorizer:
    """Cognito's authorizer checks a token's signature, issuer and expiry. It caches nothing, and needs no rights."""
    return apigateway.Authorizer(
        "CustomerAuthorizer",
        Condition=HAS_CUSTOMERS,
        RestApiId=Ref(api),
        Name="customers",
        Type="COGNITO_USER_POOLS",
        ProviderARNs=[Ref("UserPoolArn")],
        IdentitySource="method.request.header.Authorization",
    )


def authorization(route: Route, customers: apigateway.Authorizer) -> dict:
    """Return the properties of a method that say who may call it.

    With scopes API Gateway takes access tokens only: an ID token has none (Cognito developer guide, "Accessing resources
    with API Gateway after sign-in").
    """
    if route.scope is None:
        return {"AuthorizationType": "NONE", "ApiKeyRequired": True}
    return {
        "AuthorizationType": "COGNITO_USER_POOLS",
        "AuthorizerId": Ref(customers),
        "AuthorizationScopes": [route.scope],
        "ApiKeyRequired": False,
    }


def of_route(route: Route) -> dict:
    """Return the condition of what belongs to a route, {} for none."""
    return _ONLY_WITH_POOL if route.scope else {}


def of_path(path: str) -> dict:
    """As of_route, for a path and those below it."""
    return _of_all(route for route in ROUTES if f"{route.path}/".startswith(f"{path}/"))


def of_model(name: str) -> dict:
    return _of_all(route for route in ROUTES if name in (route.request_model, route.response_model))


def _of_all(routes) -> dict:
    return _ONLY_WITH_POOL if all(route.scope for route in routes) else {}
