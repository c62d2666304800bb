"""Which reader reads which type of resource, and what no service returns."""

from collections.abc import Mapping
from typing import Any

from conformance.declared import (
    buckets,
    dynamodb,
    identities,
    lambda_functions,
    monitoring,
    others,
    queues_and_topics,
    releases,
    rest_apis,
)
from conformance.declared.deployed import Reader

READERS: Mapping[str, Reader] = {
    "AWS::ApiGateway::Account": rest_apis.account,
    "AWS::ApiGateway::ApiKey": rest_apis.api_key,
    "AWS::ApiGateway::Authorizer": rest_apis.authorizer,
    "AWS::ApiGateway::Deployment": rest_apis.deployment,
    "AWS::ApiGateway::GatewayResponse": rest_apis.gateway_response,
    "AWS::ApiGateway::Method": rest_apis.method,
    "AWS::ApiGateway::Model": rest_apis.model,
    "AWS::ApiGateway::RequestValidator": rest_apis.request_validator,
    "AWS::ApiGateway::Resource": rest_apis.resource,
    "AWS::ApiGateway::RestApi": rest_apis.rest_api,
    "AWS::ApiGateway::Stage": rest_apis.stage,
    "AWS::ApiGateway::UsagePlan": rest_apis.usage_plan,
    "AWS::ApiGateway::UsagePlanKey": rest_apis.usage_plan_key,
    "AWS::ApplicationAutoScaling::ScalableTarget": dynamodb.scalable_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": dynamodb.scaling_policy,
    "AWS::CloudWatch::Alarm": monitoring.alarm,
    "AWS::CloudWatch::CompositeAlarm": monitoring.composite_alarm,
    "AWS::CloudWatch::Dashboard": monitoring.dashboard,
    "AWS::CodeDeploy::Application": releases.application,
    "AWS::CodeDeploy::DeploymentGroup": releases.deployment_group,
    "AWS::DynamoDB::Table": dynamodb.table,
    "AWS::Events::Rule": others.rule,
    "AWS::IAM::Policy": identities.policy,
    "AWS::IAM::Role": identities.role,
    "AWS::Lambda::Alias": lambda_functions.alias,
    "AWS::Lambda::EventInvokeConfig": lambda_functions.event_invoke_config,
    "AWS::Lambda::EventSourceMapping": lambda_functions.event_source_mapping,
    "AWS::Lambda::Function": lambda_functions.function,
    "AWS::Lambda::LayerVersion": lambda_functions.layer_version,
    "AWS::Lambda::Permission": lambda_functions.permission,
    "AWS::Lambda::Version": lambda_functions.version,
    "AWS::Logs::LogGroup": monitoring.log_group,
    "AWS::Logs::MetricFilter": monitoring.metric_filter,
    "AWS::Logs::QueryDefinition": monitoring.query_definition,
    "AWS::S3::Bucket": buckets.bucket,
    "AWS::S3::BucketPolicy": buckets.bucket_policy,
    "AWS::SNS::Subscription": queues_and_topics.subscription,
    "AWS::SNS::Topic": queues_and_topics.topic,
    "AWS::SNS::TopicPolicy": queues_and_topics.topic_policy,
    "AWS::SQS::Queue": queues_and_topics.queue,
    "AWS::SQS::QueuePolicy": queues_and_topics.queue_policy,
    "AWS::SSM::Parameter": others.parameter,
    "AWS::WAFv2::WebACL": others.web_acl,
    "AWS::WAFv2::WebACLAssociation": others.web_acl_association,
    "AWS::XRay::ResourcePolicy": monitoring.xray_policy,
    "AWS::XRay::SamplingRule": monitoring.sampling_rule,
}

UNDECLARED: Mapping[str, Mapping[str, Any]] = {
    "AWS::CloudWatch::Alarm": {"AlarmActions": [], "InsufficientDataActions": [], "OKActions": []},
    "AWS::CloudWatch::CompositeAlarm": {"AlarmActions": [], "InsufficientDataActions": [], "OKActions": []},
    "AWS::IAM::Role": {"ManagedPolicyArns": [], "Policies": []},
}
"""What a template declares by leaving a property out, where more than that would be a permission or a message."""

NOT_COMPARED: Mapping[str, Mapping[str, str]] = {
    "AWS::DynamoDB::Table": {"ProvisionedThroughput": "Application Auto Scaling moves it; its targets are compared"},
}
"""Properties, at any depth, that a service changes by design, with the reason."""

NOT_READ: Mapping[str, str] = {
    "AWS::CloudFormation::Stack": "CloudFormation itself is its service; the resources of nested stacks are read",
}
"""Types without a reader, with the reason."""
