"""REST APIs and what belongs to them, as API Gateway returns them."""

from collections.abc import Mapping
from typing import Any

from conformance.declared.deployed import Client, Declared


def rest_api(client: Client, resource: Declared) -> Mapping[str, Any]:
    gateway = client("apigateway")
    found = gateway.get_rest_api(restApiId=resource.id)
    pages = gateway.get_paginator("get_resources").paginate(restApiId=resource.id)
    roots = (each["id"] for page in pages for each in page["items"] if each["path"] == "/")
    return {
        **_named(found),
        "EndpointConfiguration": _named(found["endpointConfiguration"]),
        "RootResourceId": next(roots, None),
        "Tags": found.get("tags", {}),
    }


def resource(client: Client, resource: Declared) -> Mapping[str, Any]:
    api = resource.asked("RestApiId")
    return {**api, **_named(client("apigateway").get_resource(restApiId=api["RestApiId"], resourceId=resource.id))}


def model(client: Client, resource: Declared) -> Mapping[str, Any]:
    api = resource.asked("RestApiId")
    return {**api, **_named(client("apigateway").get_model(restApiId=api["RestApiId"], modelName=resource.id))}


def request_validator(client: Client, resource: Declared) -> Mapping[str, Any]:
    api = resource.asked("RestApiId")
    found = client("apigateway").get_request_validator(restApiId=api["RestApiId"], requestValidatorId=resource.id)
    return {**api, **_named(found)}


def authorizer(client: Client, resource: Declared) -> Mapping[str, Any]:
    api = resource.asked("RestApiId")
    found = client("apigateway").get_authorizer(restApiId=api["RestApiId"], authorizerId=resource.id)
    return {**api, **_named(found), "ProviderARNs": found.get("providerARNs", [])}


def method(client: Client, resource: Declared) -> Mapping[str, Any]:
    asked = resource.asked("RestApiId", "ResourceId", "HttpMethod")
    found = client("apigateway").get_method(**{name[0].lower() + name[1:]: value for name, value in asked.items()})
    integration = found.get("methodIntegration", {})
    return {
        **_named(found),
        **asked,
        "Integration": {
            **_named(integration),
            "IntegrationHttpMethod": integration.get("httpMethod"),
            "IntegrationResponses": [_named(each) for each in integration.get("integrationResponses", {}).values()],
        },
        "MethodResponses": [_named(each) for each in found.get("methodResponses", {}).values()],
    }


def gateway_response(client: Client, resource: Declared) -> Mapping[str, Any]:
    asked = resource.asked("RestApiId", "ResponseType")
    found = client("apigateway").get_gateway_response(restApiId=asked["RestApiId"], responseType=asked["ResponseType"])
    return {**_named(found), **asked}


def deployment(client: Client, resource: Declared) -> Mapping[str, Any]:
    asked = resource.asked("RestApiId")
    client("apigateway").get_deployment(restApiId=asked["RestApiId"], deploymentId=resource.id)
    return asked


def stage(client: Client, resource: Declared) -> Mapping[str, Any]:
    asked = resource.asked("RestApiId", "StageName")
    found = client("apigateway").get_stage(restApiId=asked["RestApiId"], stageName=asked["StageName"])
    return {
        **_named(found),
        **asked,
        "AccessLogSetting": _named(found.get("accessLogSettings", {})),
        "MethodSettings": [_method_settings(*each) for each in found.get("methodSettings", {}).items()],
        "Tags": found.get("tags", {}),
    }


def _method_settings(path: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an entry of GetStage; its key is the escaped resource path and the method, `*/*` for all of them."""
    resource_path, _, http_method = path.rpartition("/")
    resource_path = resource_path.replace("~1", "/")
    return {
        **_named(settings),
        "HttpMethod": http_method,
        "ResourcePath": resource_path if resource_path.startswith("/") else f"/{resource_path}",
    }


def account(client: Client, resource: Declared) -> Mapping[str, Any]:
    return {"CloudWatchRoleArn": client("apigateway").get_account().get("cloudwatchRoleArn")}


def api_key(client: Client, resource: Declared) -> Mapping[str, Any]:
    found = client("apigateway").get_api_key(apiKey=resource.id, includeValue=False)
    return {**_named({name: value for name, value in found.items() if name != "value"}), "Tags": found.get("tags", {})}


def usage_plan(client: Client, resource: Declared) -> Mapping[str, Any]:
    found = client("apigateway").get_usage_plan(usagePlanId=resource.id)
    return {
        **_named(found),
        "UsagePlanName": found["name"],
        "ApiStages": [_named(each) for each in found.get("apiStages", [])],
        "Throttle": _named(found.get("throttle", {})),
        "Quota": _named(found.get("quota", {})),
        "Tags": found.get("tags", {}),
    }


def usage_plan_key(client: Client, resource: Declared) -> Mapping[str, Any]:
    asked = resource.asked("UsagePlanId", "KeyId")
    found = client("apigateway").get_usage_plan_key(usagePlanId=asked["UsagePlanId"], keyId=asked["KeyId"])
    return {**asked, "KeyType": found["type"]}


def _named(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties under CloudFormation's names, which begin with a capital; values are left alone."""
    return {name[0].upper() + name[1:]: value for name, value in found.items() if name != "ResponseMetadata"}
