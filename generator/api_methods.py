"""The routes of the contract as API Gateway resources, models, methods and permissions."""

from troposphere import GetAtt, Ref, Sub, apigateway
from troposphere.awslambda import Permission

from contract.dialects import modelled
from contract.models import MODELS
from contract.routes import ROUTES, Route
from generator import cors, customers
from generator.functions import BY_KEY

JSON = "application/json"
PREFLIGHT_STATUS = "204"


def models(api: apigateway.RestApi) -> dict[str, apigateway.Model]:
    """Model name -> model, of the requests and responses of routes. A REST API has models called Empty and Error from the
    start and refuses a second one of that name."""
    used = {name for route in ROUTES for name in (route.request_model, route.response_model) if name}
    return {name: _model(api, name, schema) for name, schema in MODELS.items() if name in used}


def _model(api: apigateway.RestApi, name: str, schema: dict) -> apigateway.Model:
    # troposphere's validation makes one line of text of the schema.
    return apigateway.Model(
        f"{name}Model",
        **customers.of_model(name),
        RestApiId=Ref(api),
        Name=name,
        ContentType=JSON,
        Schema=modelled(schema),
    ).no_validation()


def validator(api: apigateway.RestApi) -> apigateway.RequestValidator:
    return apigateway.RequestValidator(
        "RequestValidator",
        RestApiId=Ref(api),
        Name="body-and-parameters",
        ValidateRequestBody=True,
        ValidateRequestParameters=True,
    )


def resources(api: apigateway.RestApi) -> dict[str, apigateway.Resource]:
    """Path -> resource, of every route's path and its parents, parents first."""
    found: dict[str, apigateway.Resource] = {}
    for route in ROUTES:
        path = ""
        for segment in route.path.strip("/").split("/"):
            parent, path = path, f"{path}/{segment}"
            found.setdefault(
                path,
                apigateway.Resource(
                    f"{_title(path)}Resource",
                    **customers.of_path(path),
                    RestApiId=Ref(api),
                    ParentId=Ref(found[parent]) if parent else GetAtt(api, "RootResourceId"),
                    PathPart=segment,
                ),
            )
    return found


def method(
    api: apigateway.RestApi,
    resource: apigateway.Resource,
    route: Route,
    check: apigateway.RequestValidator,
    known: dict[str, apigateway.Model],
    authorizer: apigateway.Authorizer,
) -> apigateway.Method:
    body = {"RequestModels": {JSON: Ref(known[route.request_model])}} if route.request_model else {}
    return apigateway.Method(
        f"{_operation(route)}Method",
        **customers.of_route(route),
        RestApiId=Ref(api),
        ResourceId=Ref(resource),
        HttpMethod=route.method,
        OperationName=route.operation,
        **customers.authorization(route, authorizer),
        RequestValidatorId=Ref(check),
        RequestParameters=_request_parameters(route),
        **body,
        Integration=apigateway.Integration(
            Type="AWS_PROXY",
            IntegrationHttpMethod="POST",
            Uri=Sub(
                "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path"
                f"/2015-03-31/functions/${{{_alias_arn(route)}}}/invocations"
            ),
        ),
        MethodResponses=[
            apigateway.MethodResponse(
                StatusCode=str(route.success), ResponseModels={JSON: Ref(known[route.response_model])}
            )
        ],
    )


def preflight(api: apigateway.RestApi, resource: apigateway.Resource, path: str) -> apigateway.Method:
    """OPTIONS, which API Gateway answers: without a key, because browsers do not send one."""
    headers = {f"method.response.header.{name}": value for name, value in cors.preflight_headers(path).items()}
    declared = ["method.response.header.Access-Control-Allow-Origin", *headers]
    return apigateway.Method(
        f"{_title(path)}Preflight",
        **customers.of_path(path),
        RestApiId=Ref(api),
        ResourceId=Ref(resource),
        HttpMethod="OPTIONS",
        AuthorizationType="NONE",
        ApiKeyRequired=False,
        Integration=apigateway.Integration(
            Type="MOCK",
            RequestTemplates={JSON: f'{{"statusCode": {PREFLIGHT_STATUS}}}'},
            IntegrationResponses=[
                apigateway.IntegrationResponse(
                    StatusCode=PREFLIGHT_STATUS,
                    ResponseParameters=headers,
                    ResponseTemplates={JSON: cors.PREFLIGHT_TEMPLATE},
                )
            ],
        ),
        MethodResponses=[
            apigateway.MethodResponse(
                StatusCode=PREFLIGHT_STATUS, ResponseParameters={name: False for name in declared}
            )
        ],
    )


def permission(api: apigateway.RestApi, route: Route) -> Permission:
    """Allows only this method and path of this stage to invoke the function."""
    path = "/".join("*" if part.startswith("{") else part for part in route.path.split("/"))
    return Permission(
        f"{_operation(route)}Permission",
        **customers.of_route(route),
        Action="lambda:InvokeFunction",
        FunctionName=Ref(_alias_arn(route)),
        Principal="apigateway.amazonaws.com",
        SourceArn=Sub(
            "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"
            f":${{{api.title}}}/${{Environment}}/{route.method}{path}"
        ),
    )


def _request_parameters(route: Route) -> dict[str, bool]:
    """Name -> whether API Gateway refuses a request without it."""
    return {
        **{f"method.request.path.{name}": True for name in route.path_parameters},
        **{f"method.request.querystring.{name}": False for name in route.query},
        **{f"method.request.header.{name}": False for name in route.headers},
    }


def _alias_arn(route: Route) -> str:
    return BY_KEY[route.function].alias_parameter


def _operation(route: Route) -> str:
    return route.operation[0].upper() + route.operation[1:]


def _title(path: str) -> str:
    """`/orders/{orderId}` -> `OrdersOrderId`."""
    parts = [part.strip("{}") for part in path.split("/") if part]
    return "".join(part[0].upper() + part[1:] for part in parts)
