"""AWS::ApiGateway::*: properties that upstream's CloudFormation drops.

The services behind know them all; the patches hand them on.
"""

from emulator.handlers import after, handler_of, insist, truth
from emulator.registry import patch


@patch
def api_request_validators() -> None:
    """Upstream invents an id for a RequestValidator without making one, so nothing is ever
    validated. The patch makes, changes and deletes real ones."""
    from ministack.services import apigateway_v1 as api_gateway

    kind = "AWS::ApiGateway::RequestValidator"

    def create(logical_id, props, stack_name):
        made = insist(
            api_gateway._create_request_validator(
                props["RestApiId"],
                {
                    "name": props.get("Name") or logical_id,
                    "validateRequestBody": truth(props.get("ValidateRequestBody", False)),
                    "validateRequestParameters": truth(props.get("ValidateRequestParameters", False)),
                },
            ),
            kind,
        )
        return made["id"], {"RequestValidatorId": made["id"]}

    def update(physical_id, old, new, stack_name):
        if any(new.get(key) != old.get(key) for key in ("RestApiId", "Name")):
            return create(new.get("Name") or "validator", new, stack_name)
        insist(
            api_gateway._update_request_validator(
                new["RestApiId"],
                physical_id,
                {
                    "patchOperations": [
                        {
                            "op": "replace",
                            "path": f"/{key[0].lower()}{key[1:]}",
                            "value": str(truth(new.get(key, False))).lower(),
                        }
                        for key in ("ValidateRequestBody", "ValidateRequestParameters")
                    ]
                },
            ),
            kind,
        )
        return physical_id, {"RequestValidatorId": physical_id}

    def delete(physical_id, props):
        api_gateway._delete_request_validator(props["RestApiId"], physical_id)

    handler_of(kind).update(create=create, update=update, delete=delete)


@patch
def api_method_properties() -> None:
    """Upstream drops a Method's RequestValidatorId and its Integration's ContentHandling."""
    from ministack.services import apigateway_v1 as api_gateway

    def apply(physical_id, new, old):
        method = api_gateway._resources[new["RestApiId"]][new["ResourceId"]]["resourceMethods"][new["HttpMethod"]]
        method["requestValidatorId"] = new.get("RequestValidatorId")
        method["apiKeyRequired"] = truth(new.get("ApiKeyRequired", False))
        if method.get("methodIntegration") and (new.get("Integration") or {}).get("ContentHandling"):
            method["methodIntegration"]["contentHandling"] = new["Integration"]["ContentHandling"]

    after("AWS::ApiGateway::Method", apply)


@patch
def api_stage_access_logs() -> None:
    """Upstream drops a Stage's AccessLogSetting (and writes no access log; see
    ``api_access_logs``)."""
    from ministack.services import apigateway_v1 as api_gateway

    def apply(stage_name, new, old):
        setting = new.get("AccessLogSetting") or {}
        api_gateway._stages_v1[new["RestApiId"]][stage_name]["accessLogSettings"] = {
            name: setting[key]
            for key, name in (("DestinationArn", "destinationArn"), ("Format", "format"))
            if key in setting
        }

    after("AWS::ApiGateway::Stage", apply)


@patch
def api_endpoint_configuration() -> None:
    """Upstream stores an EndpointConfiguration under CloudFormation's names (``Types``), so
    that GetRestApi reports none, and drops ApiKeySourceType and DisableExecuteApiEndpoint
    at creation."""
    from ministack.services import apigateway_v1 as api_gateway

    def apply(api_id, new, old):
        api = api_gateway._rest_apis[api_id]
        types = (new.get("EndpointConfiguration") or {}).get("Types") or ["EDGE"]
        api["endpointConfiguration"] = {"types": types}
        api["apiKeySource"] = new.get("ApiKeySourceType", "HEADER")
        api["disableExecuteApiEndpoint"] = truth(new.get("DisableExecuteApiEndpoint", False))

    after("AWS::ApiGateway::RestApi", apply)


@patch
def api_usage_plan_method_throttle() -> None:
    """A usage plan can throttle single methods (ApiStages[].Throttle). Upstream stores the
    limits under CloudFormation's names and then does not find them."""
    from ministack.services import apigateway_v1 as api_gateway

    def apply(plan_id, new, old):
        for stage, wanted in zip(
            api_gateway._usage_plans[plan_id]["apiStages"], new.get("ApiStages") or [], strict=True
        ):
            stage["throttle"] = {
                method: {"rateLimit": limits.get("RateLimit"), "burstLimit": limits.get("BurstLimit")}
                for method, limits in (wanted.get("Throttle") or {}).items()
            }

    after("AWS::ApiGateway::UsagePlan", apply)


@patch
def api_deployment_order() -> None:
    """AWS does not delete a Deployment that a Stage points to. Upstream does, and the stage
    then answers with a deployment that is gone."""
    from ministack.services import apigateway_v1 as api_gateway

    delete = api_gateway._delete_deployment

    def delete_unused(api_id, deployment_id):
        if any(stage.get("deploymentId") == deployment_id for stage in api_gateway._stages_v1.get(api_id, {}).values()):
            return api_gateway._v1_error(
                "BadRequestException", "Active stages pointing to this deployment must be moved or deleted", 400
            )
        return delete(api_id, deployment_id)

    def delete_resource(physical_id, props):
        if physical_id in api_gateway._deployments_v1.get(props["RestApiId"], {}):
            insist(delete_unused(props["RestApiId"], physical_id), "AWS::ApiGateway::Deployment")

    api_gateway._delete_deployment = delete_unused
    handler_of("AWS::ApiGateway::Deployment")["delete"] = delete_resource


@patch
def api_stage_needs_deployment() -> None:
    """Upstream makes a Stage for a deployment that does not exist; AWS refuses."""
    from ministack.services import apigateway_v1 as api_gateway

    def apply(stage_name, new, old):
        if new.get("DeploymentId") not in api_gateway._deployments_v1.get(new["RestApiId"], {}):
            raise ValueError("Deployment id does not exist")

    after("AWS::ApiGateway::Stage", apply)
