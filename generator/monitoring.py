"""The monitoring stack: alarms, the topic that they notify, the dashboard, and saved queries of the logs."""

from awacs import sns as sns_actions
from awacs.aws import Allow, ArnLike, Condition, Principal, Statement, StringEquals
from troposphere import Equals, If, Not, Ref, Sub, Template
from troposphere.cloudwatch import Dashboard
from troposphere.sns import SubscriptionResource, Topic, TopicPolicy

from config import names
from generator import alarm_resources, console, dashboard, firewall, outputs, parameters, queries
from generator.alarms.table import IS_PROVISIONED
from generator.audit import accepted
from generator.functions import FUNCTIONS
from generator.policies import policy, tls_only

_NAME = names.root_stack("${Environment}")
HAS_EMAIL = "HasAlertEmail"
HAS_DASHBOARD = "HasDashboard"


def build() -> Template:
    template = Template("Food delivery, monitoring: alarms, the alerts topic, the dashboard and saved queries")
    reserved = [function for function in FUNCTIONS if function.reserved_concurrency]
    template.add_condition(HAS_EMAIL, Not(Equals(Ref("AlertEmail"), "")))
    template.add_condition(HAS_DASHBOARD, Equals(Ref("DashboardEnabled"), "true"))
    template.add_condition(IS_PROVISIONED, Equals(Ref("BillingMode"), "PROVISIONED"))
    for name, condition in firewall.conditions().items():
        template.add_condition(name, condition)
    for function in reserved:
        template.add_condition(function.reserves_condition, Not(Equals(Ref(function.reserved_concurrency), "0")))
    console.declare(template)
    topic = template.add_resource(alerts_topic())
    template.add_resource(alerts_policy(topic))
    template.add_resource(
        SubscriptionResource(
            "AlertEmailSubscription",
            Condition=HAS_EMAIL,
            TopicArn=Ref(topic),
            Protocol="email",
            Endpoint=Ref("AlertEmail"),
        )
    )
    template.add_resource(alarm_resources.resources(topic))
    template.add_resource(queries.queries())
    board = template.add_resource(
        Dashboard("Dashboard", Condition=HAS_DASHBOARD, DashboardName=Sub(_NAME), DashboardBody=dashboard.body())
    )
    outputs.emit(
        template,
        "monitoring",
        AlertsTopicArn=Ref(topic),
        DashboardUrl=If(
            HAS_DASHBOARD,
            Sub(f"${{CloudWatch}}#dashboards/dashboard/${{{board.title}}}", CloudWatch=console.cloudwatch()),
            Sub("${CloudWatch}#alarmsV2:", CloudWatch=console.cloudwatch()),
        ),
    )
    parameters.declare_used(template)
    return template


def alerts_topic() -> Topic:
    return Topic(
        "AlertsTopic",
        Metadata=accepted(
            {
                "CKV_AWS_26": "On purpose: under the AWS managed key alias/aws/sns CloudWatch may not publish, and alarms "
                "vanish without a trace. What they say holds no personal data."
            }
        ),
        DisplayName=Sub(f"{_NAME} alerts"),
    )


def alerts_policy(topic: Topic) -> TopicPolicy:
    alarm_arns = f"arn:${{AWS::Partition}}:cloudwatch:${{AWS::Region}}:${{AWS::AccountId}}:alarm:{_NAME}-*"
    publish = Statement(
        Sid="AlarmsOfThisEnvironment",
        Effect=Allow,
        Principal=Principal("Service", "cloudwatch.amazonaws.com"),
        Action=[sns_actions.Publish],
        Resource=[Ref(topic)],
        Condition=Condition(
            [
                StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")}),
                ArnLike({"aws:SourceArn": Sub(alarm_arns)}),
            ]
        ),
    )
    return TopicPolicy(
        "AlertsTopicPolicy",
        Topics=[Ref(topic)],
        PolicyDocument=policy(publish, tls_only(sns_actions.Publish, Ref(topic))),
    )
