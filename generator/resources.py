"""What functions are given: the resources that they may use, and the variables that tell them of these."""

from troposphere import Ref, Sub

from config import names
from contract.imports import REPORT_PREFIX, UPLOAD_PREFIX
from generator.queues import EVENTS_DLQ, ORDER_QUEUE

CUSTOMER_INDEX = "customerIdIndex"
PROCESSED_DATE_INDEX = "processedDateIndex"
INDEXES = (CUSTOMER_INDEX, PROCESSED_DATE_INDEX)


def _setting(name: str) -> Sub:
    path = names.parameter_path("${Environment}", name)
    return Sub(f"arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter{path}")


# By ARN, as a policy names them.
ORDERS_TABLE = Ref("OrdersTableArn")
ORDERS_BY_CUSTOMER = Sub(f"${{OrdersTableArn}}/index/{CUSTOMER_INDEX}")
ORDERS_STREAM = Ref("OrdersStreamArn")
ORDER_EVENTS = Ref("OrderEventsTopicArn")
ORDER_FILES = Sub(f"${{UploadBucketArn}}/{UPLOAD_PREFIX}*")
IMPORT_REPORTS = Sub(f"${{UploadBucketArn}}/{REPORT_PREFIX}*")
API_CONFIG = _setting("api-config")
FEATURE_FLAGS = _setting("feature-flags")
ANYTHING = "*"  # only for actions that know no resources

# Environment variable -> its value, by the name that handlers read.
VARIABLES = {
    "TABLE_NAME": Ref("OrdersTableName"),
    "API_CONFIG_PARAMETER": Sub(names.parameter_path("${Environment}", "api-config")),
    "FEATURE_FLAGS_PARAMETER": Sub(names.parameter_path("${Environment}", "feature-flags")),
    "ALLOWED_ORIGINS": Ref("AllowedOrigins"),
    "ORDER_TTL_DAYS": Ref("OrderTtlDays"),
    "ORDER_QUEUE_URL": ORDER_QUEUE.url,
    "ORDER_DEAD_LETTER_QUEUE_URL": ORDER_QUEUE.dead_letters.url,
    "ORDER_EVENTS_TOPIC_ARN": Ref("OrderEventsTopicArn"),
    "ORDER_EVENTS_DEAD_LETTER_QUEUE_URL": EVENTS_DLQ.url,
}
