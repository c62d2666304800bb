"""Logs of the API: requests (access), API Gateway's steps (execution), and its role to write them."""

import json

from troposphere import GetAtt, Ref, Sub
from troposphere.apigateway import AccessLogSetting, Account, RestApi
from troposphere.iam import Role
from troposphere.logs import LogGroup

from config import names
from generator import audit, refusals
from generator.lifecycle import DELETED, RETAINED
from generator.policies import BOUNDARY, assumed_by

MANAGES_ACCOUNT = "ManagesApiGatewayAccount"
ACCESS_LOG = "api-access"

# No personal data: the path of the resource, not of the request with its ids; no bodies, keys, addresses, nor validation
# messages, which may quote a body.
ACCESS_LOG_FIELDS = {
    "requestId": "$context.requestId",
    refusals.STAGE: "$context.stage",
    "traceId": "$context.xrayTraceId",
    "method": "$context.httpMethod",
    "resourcePath": "$context.resourcePath",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationStatus": "$context.integration.status",
    "apiKeyId": "$context.identity.apiKeyId",
    "errorType": "$context.error.responseType",
    "errorMessage": "$context.error.message",
}


def access_logs() -> LogGroup:
    return LogGroup(
        "AccessLogs",
        **DELETED,
        Metadata=audit.LOG_GROUP,
        LogGroupName=Sub(names.log_group("${Environment}", ACCESS_LOG)),
        RetentionInDays=Ref("LogRetentionDays"),
    )


def access_log_setting(group: LogGroup) -> AccessLogSetting:
    return AccessLogSetting(DestinationArn=GetAtt(group, "Arn"), Format=json.dumps(ACCESS_LOG_FIELDS))


def execution_logs(api: RestApi) -> LogGroup:
    """API Gateway writes to a group of this name; if it does not exist, it creates one without retention."""
    return LogGroup(
        "ExecutionLogs",
        **DELETED,
        Metadata=audit.EXECUTION_LOG_GROUP,
        LogGroupName=Sub(f"API-Gateway-Execution-Logs_${{{api.title}}}/${{Environment}}"),
        RetentionInDays=Ref("LogRetentionDays"),
    )


def account_role() -> Role:
    """Belongs to the account and region: every REST API there uses it, so it has AWS's managed policy and is retained."""
    managed = "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    return Role(
        "ApiGatewayAccountRole",
        Condition=MANAGES_ACCOUNT,
        **RETAINED,
        Description="Lets API Gateway write logs, for every REST API of this account and region",
        PermissionsBoundary=BOUNDARY,
        AssumeRolePolicyDocument=assumed_by("apigateway"),
        ManagedPolicyArns=[Sub(managed)],
    )


def account(role: Role) -> Account:
    return Account(
        "ApiGatewayAccount",
        Condition=MANAGES_ACCOUNT,
        **RETAINED,
        CloudWatchRoleArn=GetAtt(role, "Arn"),
    )
