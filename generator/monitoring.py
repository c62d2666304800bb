"""The monitoring stack: alarms, the topic that they notify, and the dashboard."""

from awacs import sns as sns_actions
from awacs.aws import Allow, ArnLike, Condition, Principal, Statement, StringEquals
from troposphere import Equals, Not, Ref, Sub, Template
from troposphere.cloudwatch import Alarm, Dashboard, MetricDimension
from troposphere.sns import SubscriptionResource, Topic, TopicPolicy

from config import names
from generator import dashboard, outputs, parameters
from generator.functions import BY_KEY, FUNCTIONS
from generator.policies import policy, tls_only
from generator.queues import DEAD_LETTER_QUEUES, DeadLetterQueue

_NAME = names.root_stack("${Environment}")
HAS_EMAIL = "HasAlertEmail"

# Above the queue's visibility timeout: one retry of one order is no trouble.
OLDEST_ORDER_SECONDS = 600
WAITING_ORDERS = 1000
OLDEST_CHANGE_MS = 5 * 60 * 1000
# In percent of a file's records. A few are always wrong and stand in its report; one in ten is no longer
# somebody's slip but a file that has changed its form.
LEAST_SUCCESS_RATE = 90


def build() -> Template:
    template = Template("Food delivery, monitoring: alarms, the alerts topic and the dashboard")
    function_names = [outputs.camel(f"{function.key}_name") for function in FUNCTIONS]
    parameters.declare(
        template,
        *("Environment", "ApiName", "StageName", *function_names, "OrdersTableName"),
        *("OrderQueueName", *(queue.name_parameter for queue in DEAD_LETTER_QUEUES), "OrderEventsTopicName"),
        *("AlertEmail", "ErrorRate", "LatencyP95Ms"),
    )
    template.add_condition(HAS_EMAIL, Not(Equals(Ref("AlertEmail"), "")))
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
    template.add_resource([*api_alarms(topic), *pipeline_alarms(topic), *import_alarms(topic)])
    template.add_resource([dead_letter_alarm(topic, queue) for queue in DEAD_LETTER_QUEUES])
    board = template.add_resource(Dashboard("Dashboard", DashboardName=Sub(_NAME), DashboardBody=Sub(dashboard.body())))
    console = "https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}"
    outputs.emit(
        template,
        outputs.MonitoringOutputs(
            alerts_topic_arn=Ref(topic),
            dashboard_url=Sub(f"{console}#dashboards/dashboard/${{{board.title}}}"),
        ),
    )
    return template


def alerts_topic() -> Topic:
    """Unencrypted at rest on purpose: under the AWS managed key alias/aws/sns CloudWatch may not
    publish and alarms vanish without a trace, and what they say holds no personal data."""
    return Topic("AlertsTopic", DisplayName=Sub(f"{_NAME} alerts"))


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


def api_alarms(topic: Topic) -> list[Alarm]:
    api = {"ApiName": Ref("ApiName"), "Stage": Ref("StageName")}
    return [
        _alarm(
            topic,
            "ApiErrors",
            "api-errors",
            "More requests than allowed were answered 5XX, for ten minutes. "
            "First: the errors of the access log, then the log of the function they name.",
            Namespace="AWS/ApiGateway",
            MetricName="5XXError",
            # The average of 0 and 1 per request: the fraction that failed.
            Statistic="Average",
            Dimensions=_dimensions(api),
            Period=300,
            EvaluationPeriods=2,
            Threshold=Ref("ErrorRate"),
        ),
        _alarm(
            topic,
            "ApiLatency",
            "api-latency",
            "One request in twenty took longer than allowed, for ten minutes. "
            "First: on the dashboard, whether the functions or DynamoDB are slow, and cold starts.",
            Namespace="AWS/ApiGateway",
            MetricName="Latency",
            ExtendedStatistic="p95",
            Dimensions=_dimensions(api),
            Period=300,
            EvaluationPeriods=2,
            Threshold=Ref("LatencyP95Ms"),
        ),
    ]


def pipeline_alarms(topic: Topic) -> list[Alarm]:
    queue = {"QueueName": Ref("OrderQueueName")}
    return [
        _alarm(
            topic,
            "OrderQueueAge",
            "order-queue-age",
            "Accepted orders have waited for more than ten minutes to be stored. "
            "First: the errors and throttles of orders-worker on the dashboard, then its log.",
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Statistic="Maximum",
            Dimensions=_dimensions(queue),
            Period=60,
            EvaluationPeriods=5,
            Threshold=OLDEST_ORDER_SECONDS,
        ),
        _alarm(
            topic,
            "OrderQueueDepth",
            "order-queue-depth",
            "More orders than usual wait to be stored, for ten minutes. "
            "First: whether the worker fails or is at its maximum concurrency, then raise the latter.",
            Namespace="AWS/SQS",
            MetricName="ApproximateNumberOfMessagesVisible",
            Statistic="Average",
            Dimensions=_dimensions(queue),
            Period=300,
            EvaluationPeriods=2,
            Threshold=WAITING_ORDERS,
        ),
        _alarm(
            topic,
            "OrderEventsAge",
            "order-events-age",
            "Changes of orders have waited for more than five minutes to be announced. "
            "First: the log of orders-events: is SNS refusing, or is one record holding up the others?",
            Namespace="AWS/Lambda",
            MetricName="IteratorAge",
            Statistic="Maximum",
            Dimensions=_dimensions({"FunctionName": Ref("OrdersEventsName")}),
            Period=60,
            EvaluationPeriods=5,
            Threshold=OLDEST_CHANGE_MS,
        ),
    ]


def import_alarms(topic: Topic) -> list[Alarm]:
    importer = {"Environment": Ref("Environment"), "service": BY_KEY["orders_import"].name}
    return [
        _alarm(
            topic,
            "ImportFailures",
            "import-failures",
            "The import of a file has failed; Lambda tries it twice more before it ends in OrderImportDLQ. "
            "First: the log of orders-import, then the file's report, under reports/ in its bucket.",
            Namespace=names.METRICS_NAMESPACE,
            MetricName="ProcessingFailures",
            Statistic="Sum",
            Dimensions=_dimensions(importer),
            # Long enough for the retries, one and two minutes apart: one failing file rings once.
            Period=300,
            EvaluationPeriods=1,
            Threshold=0,
        ),
        _alarm(
            topic,
            "ImportSuccessRate",
            "import-success-rate",
            "More than one in ten records of a file were refused. "
            "First: its report, under reports/ in its bucket, says why; the files that it names have the records.",
            Namespace=names.METRICS_NAMESPACE,
            MetricName="SuccessRate",
            # The worst file: an average would hide it among good ones.
            Statistic="Minimum",
            Dimensions=_dimensions(importer),
            Period=300,
            EvaluationPeriods=1,
            above=False,
            Threshold=LEAST_SUCCESS_RATE,
        ),
    ]


def dead_letter_alarm(topic: Topic, queue: DeadLetterQueue) -> Alarm:
    """One is enough: a dead-letter queue that nobody watches is a bin."""
    return _alarm(
        topic,
        outputs.camel(queue.alarm.replace("-", "_")),
        queue.alarm,
        f"{queue.meaning} First: {queue.remedy}",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Statistic="Maximum",
        Dimensions=_dimensions({"QueueName": Ref(queue.name_parameter)}),
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
    )


def _alarm(topic: Topic, title: str, name: str, description: str, above: bool = True, **metric) -> Alarm:
    """Alarms when the metric is above its threshold, or below it if not `above`; no data means no trouble."""
    return Alarm(
        f"{title}Alarm",
        AlarmName=Sub(f"{_NAME}-{name}"),
        AlarmDescription=description,
        **metric,
        ComparisonOperator="GreaterThanThreshold" if above else "LessThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[Ref(topic)],
        OKActions=[Ref(topic)],
    )


def _dimensions(values: dict) -> list[MetricDimension]:
    return [MetricDimension(Name=name, Value=value) for name, value in values.items()]
