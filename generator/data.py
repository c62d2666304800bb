"""The data stack: the orders table, the settings that operators change, the dead-letter queue."""

from awacs import sqs as sqs_actions
from troposphere import Equals, GetAtt, If, NoValue, Ref, Sub, Template
from troposphere.dynamodb import (
    AttributeDefinition,
    GlobalSecondaryIndex,
    KeySchema,
    PointInTimeRecoverySpecification,
    Projection,
    ProvisionedThroughput,
    SSESpecification,
    StreamSpecification,
    Table,
    TimeToLiveSpecification,
)
from troposphere.sqs import Queue, QueuePolicy
from troposphere.ssm import Parameter as SsmParameter

from config import names
from generator import outputs, parameters, scaling
from generator.policies import policy, tls_only

CUSTOMER_INDEX = "customerIdIndex"
DEAD_LETTER_DAYS = 14  # the most that SQS keeps


def build() -> Template:
    template = Template("Food delivery, data: the orders table, settings and the dead-letter queue")
    # Allows a deletion policy to be a parameter. Only here: the transform
    # resolves parameters early, when those that come from sibling stacks have no value yet.
    template.set_transform("AWS::LanguageExtensions")
    parameters.declare(
        template,
        "Environment",
        *("BillingMode", "MinCapacity", "MaxCapacity", "TargetUtilization"),
        *("DataRetention", "DeletionProtection", "RecoveryDays", "ApiConfig"),
    )
    template.add_condition("IsProvisioned", Equals(Ref("BillingMode"), "PROVISIONED"))

    table = template.add_resource(orders_table())
    template.add_resource(scaling.targets_and_policies(table, CUSTOMER_INDEX, condition="IsProvisioned"))
    template.add_resource(settings(table))
    queue = template.add_resource(dead_letter_queue())
    template.add_resource(
        QueuePolicy(
            "OrderProcessingDLQPolicy",
            Queues=[Ref(queue)],
            PolicyDocument=policy(tls_only(sqs_actions.Action("*"), GetAtt(queue, "Arn"))),
        )
    )
    outputs.emit(
        template,
        outputs.DataOutputs(
            orders_table_name=Ref(table),
            orders_table_arn=GetAtt(table, "Arn"),
            dead_letter_queue_arn=GetAtt(queue, "Arn"),
            dead_letter_queue_name=GetAtt(queue, "QueueName"),
            dead_letter_queue_url=Ref(queue),
        ),
    )
    return template


def orders_table() -> Table:
    """Orders by id and time of acceptance, and by customer. Claims (timestamp 0) keep ids unique."""
    return Table(
        "OrdersTable",
        **_as_data(),
        AttributeDefinitions=[
            AttributeDefinition(AttributeName="orderId", AttributeType="S"),
            AttributeDefinition(AttributeName="timestamp", AttributeType="N"),
            AttributeDefinition(AttributeName="customerId", AttributeType="S"),
        ],
        KeySchema=_keys("orderId", "timestamp"),
        GlobalSecondaryIndexes=[
            GlobalSecondaryIndex(
                IndexName=CUSTOMER_INDEX,
                KeySchema=_keys("customerId", "timestamp"),
                Projection=Projection(ProjectionType="ALL"),
                ProvisionedThroughput=_capacity(),
            )
        ],
        BillingMode=Ref("BillingMode"),
        ProvisionedThroughput=_capacity(),
        StreamSpecification=StreamSpecification(StreamViewType="NEW_AND_OLD_IMAGES"),
        TimeToLiveSpecification=TimeToLiveSpecification(AttributeName="expiresAt", Enabled=True),
        PointInTimeRecoverySpecification=PointInTimeRecoverySpecification(
            PointInTimeRecoveryEnabled=True, RecoveryPeriodInDays=Ref("RecoveryDays")
        ),
        # The AWS managed key aws/dynamodb: audited in CloudTrail, nothing to rotate.
        SSESpecification=SSESpecification(SSEEnabled=True, SSEType="KMS"),
        DeletionProtectionEnabled=Ref("DeletionProtection"),
    )


def settings(table: Table) -> list[SsmParameter]:
    """What is read by name. feature-flags is missing on purpose: CloudFormation cannot create a
    SecureString, so the deployer writes it."""
    return [
        SsmParameter(
            "TableNameParameter",
            Name=Sub(names.parameter_path("${Environment}", "table-name")),
            Description="Name of the orders table",
            Type="String",
            Value=Ref(table),
        ),
        SsmParameter(
            "ApiConfigParameter",
            Name=Sub(names.parameter_path("${Environment}", "api-config")),
            Description="Run-time settings of the order API; functions see a change within five minutes",
            Type="String",
            Value=Ref("ApiConfig"),
        ),
    ]


def dead_letter_queue() -> Queue:
    return Queue(
        "OrderProcessingDLQ",
        **_as_data(),
        MessageRetentionPeriod=DEAD_LETTER_DAYS * 24 * 3600,
        # Not a KMS key: Lambda and other services could not send without rights on it.
        SqsManagedSseEnabled=True,
    )


def _as_data() -> dict:
    """Kept or deleted as the environment says."""
    return {"DeletionPolicy": Ref("DataRetention"), "UpdateReplacePolicy": Ref("DataRetention")}


def _keys(partition: str, sort: str) -> list[KeySchema]:
    return [KeySchema(AttributeName=partition, KeyType="HASH"), KeySchema(AttributeName=sort, KeyType="RANGE")]


def _capacity() -> If:
    start = ProvisionedThroughput(ReadCapacityUnits=Ref("MinCapacity"), WriteCapacityUnits=Ref("MinCapacity"))
    return If("IsProvisioned", start, NoValue)
