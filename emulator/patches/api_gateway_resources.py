"""AWS::ApiGateway::*: properties that the service has and upstream's CloudFormation drops."""

from ministack.services import apigateway_v1 as api_gateway

from emulator.registry import patch
from emulator.resources import completes, handler_of, insist, truth


@patch(upstream="create, update and delete AWS::ApiGateway::RequestValidator in the service")
def api_request_validators() -> None:
    """Upstream makes up an id without a validator behind it, so no request is validated."""
    kind = "AWS::ApiGateway::RequestValidator"

    def record_of(props, name):
        switches = ("ValidateRequestBody", "ValidateRequestParameters")
        return {"name": name, **{f"{key[0].lower()}{key[1:]}": truth(props.get(key, False)) for key in switches}}

    def create(logical_id, props, stack_name):
        record = record_of(props, props.get("Name") or logical_id)
        made = insist(api_gateway._create_request_validator(props["RestApiId"], record), kind)
        return made["id"], {"RequestValidatorId": made["id"]}

    def update(physical_id, old, new, stack_name):
        if any(new.get(key) != old.get(key) for key in ("RestApiId", "Name")):
            return create(new.get("Name") or "validator", new, stack_name)
        validator = api_gateway._request_validators[new["RestApiId"]][physical_id]
        validator.update(record_of(new, validator["name"]))
        return physical_id, {"RequestValidatorId": physical_id}

    def delete(physical_id, props):
        api_gateway._delete_request_validator(props["RestApiId"], physical_id)

    handler_of(kind).update(create=create, update=update, delete=delete)


@completes("AWS::ApiGateway::Method", upstream="apply RequestValidatorId and ApiKeyRequired of AWS::ApiGateway::Method")
def api_method_properties(physical_id, new, old):
    method = api_gateway._resources[new["RestApiId"]][new["ResourceId"]]["resourceMethods"][new["HttpMethod"]]
    method["requestValidatorId"] = new.get("RequestValidatorId")
    method["apiKeyRequired"] = truth(new.get("ApiKeyRequired", False))


@completes("AWS::ApiGateway::Stage", upstream="apply AccessLogSetting of AWS::ApiGateway::Stage")
def api_stage_access_logs(stage_name, new, old):
    setting = new.get("AccessLogSetting") or {}
    api_gateway._stages_v1[new["RestApiId"]][stage_name]["accessLogSettings"] = {
        name: setting[key]
        for key, name in (("DestinationArn", "destinationArn"), ("Format", "format"))
        if key in setting
    }


@completes(
    "AWS::ApiGateway::RestApi",
    upstream="store EndpointConfiguration under the API's names, so that GetRestApi returns it",
)
def api_endpoint_configuration(api_id, new, old):
    types = (new.get("EndpointConfiguration") or {}).get("Types") or ["EDGE"]
    api_gateway._rest_apis[api_id]["endpointConfiguration"] = {"types": types}


@completes(
    "AWS::ApiGateway::UsagePlan", upstream="store ApiStages[].Throttle under the API's names, so that it takes effect"
)
def api_usage_plan_method_throttle(plan_id, new, old):
    for stage, wanted in zip(api_gateway._usage_plans[plan_id]["apiStages"], new.get("ApiStages") or [], strict=True):
        stage["throttle"] = {
            method: {"rateLimit": limits.get("RateLimit"), "burstLimit": limits.get("BurstLimit")}
            for method, limits in (wanted.get("Throttle") or {}).items()
        }


@patch(upstream="refuse to delete a deployment that a stage points to")
def api_deployment_order() -> None:
    """Without it, the stage answers from a deployment that is gone."""
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


@completes("AWS::ApiGateway::Stage", upstream="refuse a stage whose deployment does not exist")
def api_stage_needs_deployment(stage_name, new, old):
    if new.get("DeploymentId") not in api_gateway._deployments_v1.get(new["RestApiId"], {}):
        raise ValueError("Deployment id does not exist")
