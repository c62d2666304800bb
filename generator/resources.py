"""Resources that functions use, as ARNs for their policies and as environment variables."""

from troposphere import Ref, Sub

from config import names
from contract.imports import REPORT_PREFIX, UPLOAD_PREFIX
from contract.shards import PROCESSED_DATE_INDEX
from generator.queues import EVENTS_DLQ, ORDER_QUEUE

CUSTOMER_INDEX = "customerIdIndex"
PARTNER_CUSTOMER_INDEX = "partnerCustomerIndex"
INDEXES = (CUSTOMER_INDEX, PARTNER_CUSTOMER_INDEX, PROCESSED_DATE_INDEX)


def _setting(name: str) -> Sub:
    path = names.parameter_path("${Environment}", name)
    return Sub(f"arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter{path}")


# ARNs for policies.
ORDERS_TABLE = Ref("OrdersTableArn")
ORDERS_BY_CUSTOMER, ORDERS_BY_PARTNER = (
    Sub(f"${{OrdersTableArn}}/index/{index}") for index in (CUSTOMER_INDEX, PARTNER_CUSTOMER_INDEX)
)
ORDERS_STREAM = Ref("OrdersStreamArn")
ORDER_EVENTS = Ref("OrderEventsTopicArn")
ORDER_FILES = Sub(f"${{UploadBucketArn}}/{UPLOAD_PREFIX}*")
IMPORT_REPORTS = Sub(f"${{UploadBucketArn}}/{REPORT_PREFIX}*")
API_CONFIG = _setting("api-config")
FEATURE_FLAGS = _setting("feature-flags")
ANYTHING = "*"  # only for actions without resource-level permissions

# Environment variable of the handlers -> value.
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
