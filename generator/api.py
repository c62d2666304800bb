"""The api stack: the REST API, its deployment and stage, the operator's key, and the usage plans of keys."""

from troposphere import AWSObject, Equals, If, Ref, Sub, Template, apigateway
from troposphere.awslambda import Permission
from troposphere.logs import LogGroup
from troposphere.xray import SamplingRule, SamplingRuleProperty

from config import names
from contract.partners import TIERS
from contract.routes import ROUTES
from generator import (
    api_logging,
    api_methods,
    cors,
    customers,
    firewall,
    outputs,
    parameters,
    refusals,
    snapshots,
)
from generator.audit import accepted
from generator.gateway_responses import gateway_responses
from generator.policies import declare_boundary

_NAME = names.root_stack("${Environment}")
TRACES_DATA = "TracesData"


def build() -> Template:
    template = Template(
        "Food delivery, api: the REST API, its deployment, stage, key and usage plans, and the firewall"
    )
    by_name = cors.conditions() | customers.conditions() | snapshots.conditions() | firewall.conditions()
    for name, condition in by_name.items():
        template.add_condition(name, condition)
    template.add_condition(TRACES_DATA, Equals(Ref("DataTrace"), "true"))
    template.add_condition(api_logging.MANAGES_ACCOUNT, Equals(Ref("ManageApiGatewayAccount"), "true"))
    declare_boundary(template)

    api = template.add_resource(rest_api())
    defined = template.add_resource(definition(api))
    deployed = template.add_resource(snapshots.deployments(api, defined))

    access = template.add_resource(api_logging.access_logs())
    template.add_resource(refusals.filters(access))
    execution = template.add_resource(api_logging.execution_logs(api))
    role = template.add_resource(api_logging.account_role())
    account = template.add_resource(api_logging.account(role))

    permissions = template.add_resource([api_methods.permission(api, route) for route in ROUTES])
    live = template.add_resource(stage(api, deployed, permissions, access, execution, account))
    template.add_resource(sampling_rule(live))
    template.add_resource(firewall.firewall(api, live))
    key = template.add_resource(api_key())
    plan = template.add_resource(usage_plan(api, live))
    of_tiers = {tier: template.add_resource(usage_plan(api, live, tier)) for tier in TIERS}
    template.add_resource(
        apigateway.UsagePlanKey("UsagePlanKey", UsagePlanId=Ref(plan), KeyId=Ref(key), KeyType="API_KEY")
    )
    outputs.emit(
        template,
        "api",
        ApiUrl=Sub(f"https://${{{api.title}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/${{{live.title}}}"),
        ApiId=Ref(api),
        ApiName=Sub(_NAME),
        StageName=Ref(live),
        ApiKeyId=Ref(key),
        **{names.usage_plan_output(tier): Ref(each) for tier, each in of_tiers.items()},
    )
    parameters.declare_used(template)
    return template


def rest_api() -> apigateway.RestApi:
    return apigateway.RestApi(
        "OrdersApi",
        Name=Sub(_NAME),
        Description="Order API of the food-delivery platform",
        EndpointConfiguration=apigateway.EndpointConfiguration(Types=["REGIONAL"]),
    )


def definition(api: apigateway.RestApi) -> list[AWSObject]:
    """The resources in a deployment's snapshot."""
    known = api_methods.models(api)
    check = api_methods.validator(api)
    tree = api_methods.resources(api)
    authorizer = customers.authorizer(api)
    methods = [api_methods.method(api, tree[route.path], route, check, known, authorizer) for route in ROUTES]
    paths = dict.fromkeys(route.path for route in ROUTES)
    preflights = [api_methods.preflight(api, tree[path], path) for path in paths]
    return [*known.values(), check, authorizer, *tree.values(), *methods, *preflights, *gateway_responses(api)]


def stage(
    api: apigateway.RestApi,
    deployed: list[apigateway.Deployment],
    permissions: list[Permission],
    access: LogGroup,
    execution: LogGroup,
    account: apigateway.Account,
) -> apigateway.Stage:
    optional = [each for each in permissions if snapshots.is_optional(each)]
    return apigateway.Stage(
        "Stage",
        # The group must exist, with its retention, before API Gateway logs the first request, and the permissions before
        # a deployment that invokes something else.
        DependsOn=[execution.title, *(each.title for each in permissions if each not in optional)],
        Metadata={
            # A dependency under a condition: a reference in Metadata (cloudonaut.io, "Optional DependsOn with
            # CloudFormation"). Without the account's role API Gateway refuses a stage that logs.
            "LogsByAccountRole": If(api_logging.MANAGES_ACCOUNT, Ref(account), "set up elsewhere"),
            "CustomersMayInvoke": If(customers.HAS_CUSTOMERS, [Ref(each) for each in optional], "no customers"),
            **accepted(
                {
                    "CKV_AWS_120": "Who has just written an order reads it back, and a status moves on: a cache would "
                    "show what was. It is also paid for by the hour, used or not."
                }
            ),
        },
        RestApiId=Ref(api),
        StageName=Ref("Environment"),
        DeploymentId=snapshots.selected(deployed),
        Variables=cors.stage_variables(),
        TracingEnabled=True,
        AccessLogSetting=api_logging.access_log_setting(access),
        MethodSettings=[
            apigateway.MethodSetting(
                HttpMethod="*",
                ResourcePath="/*",
                MetricsEnabled=Ref("MethodMetrics"),
                ThrottlingRateLimit=Ref("RateLimit"),
                ThrottlingBurstLimit=Ref("BurstLimit"),
                # Only INFO logs bodies.
                LoggingLevel=If(TRACES_DATA, "INFO", "ERROR"),
                DataTraceEnabled=Ref("DataTrace"),
            )
        ],
    )


def sampling_rule(live: apigateway.Stage) -> SamplingRule:
    """Which requests X-Ray records. Functions follow the stage's decision in the trace header (API Gateway developer
    guide, "Configure X-Ray sampling rules"); X-Ray's default rule has priority 10,000."""
    return SamplingRule(
        "SamplingRule",
        SamplingRule=SamplingRuleProperty(
            RuleName=Sub("orders-api-${Environment}"),  # at most 32 characters
            Priority=1000,
            FixedRate=Ref("TraceRate"),
            ReservoirSize=Ref("TraceReservoir"),
            ServiceName=Sub(f"{_NAME}/${{{live.title}}}"),
            ServiceType="AWS::ApiGateway::Stage",
            Host="*",
            HTTPMethod="*",
            URLPath="*",
            ResourceARN="*",
            Version=1,
        ),
    )


def api_key() -> apigateway.ApiKey:
    return apigateway.ApiKey(
        "ApiKey", Name=Sub(_NAME), Description="Key of the operator, who sees all orders", Enabled=True
    )


def usage_plan(api: apigateway.RestApi, live: apigateway.Stage, tier: str = "") -> apigateway.UsagePlan:
    """Return what a key may use: each of a tier of partners, or, without one, the operator's.

    Keys of partners are in no template: --partner-add makes them (operations/partners).
    """
    if tier:
        title, name, description = tier.capitalize(), f"{_NAME}-{tier}", f"What each key of a {tier} partner may use"
        rate, burst, quota = (Ref(f"{title}{limit}") for limit in ("Rate", "Burst", "DailyQuota"))
    else:
        title, name, description = "", _NAME, "What the operator's key may use"
        rate, burst, quota = Ref("RateLimit"), Ref("BurstLimit"), Ref("DailyQuota")
    return apigateway.UsagePlan(
        f"{title}UsagePlan",
        UsagePlanName=Sub(name),
        Description=description,
        ApiStages=[apigateway.ApiStage(ApiId=Ref(api), Stage=Ref(live))],
        Throttle=apigateway.ThrottleSettings(RateLimit=rate, BurstLimit=burst),
        Quota=apigateway.QuotaSettings(Limit=quota, Period="DAY"),
    )
