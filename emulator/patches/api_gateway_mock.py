"""MOCK integrations: the templates that decide about a preflight."""

from emulator import current_request, vtl
from emulator.registry import patch


@patch
def api_mock_templates() -> None:
    """Upstream returns a MOCK's response template unrendered, as the body. API Gateway
    renders request and response templates; what they set in
    ``$context.responseOverride.header`` and ``.status`` goes into the answer, which is how
    a preflight answers several allowed origins. The patch renders them with ``emulator.vtl``."""
    from ministack.services import apigateway_v1 as api_gateway

    current_request.follow()
    answer = api_gateway._invoke_mock_v1

    def answer_rendered(integration):
        request = current_request.current()
        if request is None:
            return answer(integration)
        context = {
            "requestId": request.gateway["request_id"],
            "stage": request.gateway["stage_name"],
            "httpMethod": request.method,
            "resourcePath": request.gateway["resource_path"],
            "identity": {"sourceIp": "127.0.0.1"},
        }
        parameters = vtl.Parameters(
            request.gateway["path_params"],
            {name: values[-1] if isinstance(values, list) else values for name, values in request.query.items()},
            dict(request.headers),
        )
        stage_variables = (request.gateway["stage"] or {}).get("variables") or {}
        try:
            request_template = _template(integration.get("requestTemplates"))
            rendered = vtl.render(request_template, parameters, context, stage_variables)
            asked = {"requestTemplates": {"application/json": rendered}}
            status, headers, _ = answer({**integration, **asked})
            chosen = _chosen(integration, rendered, status)
            template = _template(chosen.get("responseTemplates"))
            body = vtl.render(template, parameters, context, stage_variables)
        except vtl.VtlError as error:
            print(f"template of {request.method} {request.path}: {error}")
            return api_gateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        override = context.get("responseOverride", {})
        headers.update({name: vtl.text_of(value) for name, value in override.get("header", {}).items()})
        headers = {name: _context_value(value, context) for name, value in headers.items()}
        return int(override.get("status", status)), headers, body.strip().encode()

    api_gateway._invoke_mock_v1 = answer_rendered


def _template(templates: dict | None) -> str:
    """The JSON template, else any: MOCKs answer browsers that ask for any type."""
    templates = templates or {}
    return templates.get("application/json") or next(iter(templates.values()), "")


def _chosen(integration: dict, rendered: str, status: int) -> dict:
    """The integration response that answers: the one with the status that upstream chose."""
    responses = integration.get("integrationResponses") or {}
    return next((found for found in responses.values() if str(found.get("statusCode")) == str(status)), {})


def _context_value(value: str, context: dict) -> str:
    """A response parameter that is mapped from the context, such as ``context.requestId``."""
    if value.startswith("context.") and "." not in value[8:]:
        return str(context.get(value[8:], ""))
    return value
