"""The data stack: orders table, run-time settings, queues, topic of order events and upload bucket."""

from troposphere import Equals, GetAtt, If, Not, NoValue, Ref, Sub, Template
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
    WarmThroughput,
)
from troposphere.ssm import Parameter as SsmParameter

from config import names
from contract.shards import PROCESSED_DATE_INDEX
from generator import order_events, outputs, parameters, queue_resources, scaling, uploads
from generator.audit import accepted
from generator.lifecycle import AS_DATA
from generator.resources import CUSTOMER_INDEX, PARTNER_CUSTOMER_INDEX

SCALED_INDEXES = {
    "CustomerIndex": CUSTOMER_INDEX,
    "PartnerCustomerIndex": PARTNER_CUSTOMER_INDEX,
    "ProcessedDateIndex": PROCESSED_DATE_INDEX,
}


def build() -> Template:
    template = Template("Food delivery, data: the orders table, settings, queues, the topic of events and uploads")
    template.add_condition("IsProvisioned", Equals(Ref("BillingMode"), "PROVISIONED"))
    for parameter in ("WarmReads", "WarmWrites"):
        template.add_condition(f"Has{parameter}", Not(Equals(Ref(parameter), 0)))
    for name, condition in order_events.conditions().items():
        template.add_condition(name, condition)

    table = template.add_resource(orders_table())
    template.add_resource(scaling.targets_and_policies(table, SCALED_INDEXES, condition="IsProvisioned"))
    template.add_resource(settings(table))

    template.add_resource(queue_resources.resources())

    events = template.add_resource(order_events.topic())
    template.add_resource(order_events.topic_policy(events))
    template.add_resource(order_events.right_to_trace(events))
    template.add_resource(order_events.subscriptions(events))

    files = template.add_resource(uploads.bucket())
    template.add_resource(uploads.bucket_policy(files))

    outputs.emit(
        template,
        "data",
        OrdersTableName=Ref(table),
        OrdersTableArn=GetAtt(table, "Arn"),
        OrdersStreamArn=GetAtt(table, "StreamArn"),
        **queue_resources.outputs(),
        OrderEventsTopicArn=Ref(events),
        OrderEventsTopicName=GetAtt(events, "TopicName"),
        UploadBucketArn=GetAtt(files, "Arn"),
        UploadBucketName=Ref(files),
    )
    parameters.declare_used(template)
    return template


def orders_table() -> Table:
    """Return the table of orders and claims (timestamp 0), which keep ids unique.

    Keyed by id and time of acceptance; one index by customer; one by partner and customer, of partners' orders only; one
    by the day of an imported file. The latter projects only attributes that never change, so a new status writes nothing
    to it.
    """
    return Table(
        "OrdersTable",
        **AS_DATA,
        Metadata=accepted(
            {
                "CKV_AWS_119": "Encrypted with the AWS managed key aws/dynamodb in KMS, whose use CloudTrail records. A "
                "customer's key would need rights for every reader, and with it every order could be lost."
            }
        ),
        AttributeDefinitions=[
            AttributeDefinition(AttributeName="orderId", AttributeType="S"),
            AttributeDefinition(AttributeName="timestamp", AttributeType="N"),
            AttributeDefinition(AttributeName="customerId", AttributeType="S"),
            AttributeDefinition(AttributeName="partnerCustomer", AttributeType="S"),
            AttributeDefinition(AttributeName="processedDate", AttributeType="S"),
        ],
        KeySchema=_keys("orderId", "timestamp"),
        GlobalSecondaryIndexes=[
            _index(CUSTOMER_INDEX, "customerId", Projection(ProjectionType="ALL"), _warm()),
            _index(PARTNER_CUSTOMER_INDEX, "partnerCustomer", Projection(ProjectionType="ALL"), _warm()),
            _index(
                PROCESSED_DATE_INDEX,
                "processedDate",
                Projection(ProjectionType="INCLUDE", NonKeyAttributes=["customerId", "sourceFile", "totalAmount"]),
                _warm_writes(),  # no request reads it
            ),
        ],
        BillingMode=Ref("BillingMode"),
        ProvisionedThroughput=_capacity(),
        WarmThroughput=_warm(),
        StreamSpecification=StreamSpecification(StreamViewType="NEW_AND_OLD_IMAGES"),
        TimeToLiveSpecification=TimeToLiveSpecification(AttributeName="expiresAt", Enabled=True),
        PointInTimeRecoverySpecification=PointInTimeRecoverySpecification(
            PointInTimeRecoveryEnabled=True, RecoveryPeriodInDays=Ref("RecoveryDays")
        ),
        SSESpecification=SSESpecification(SSEEnabled=True, SSEType="KMS"),
        DeletionProtectionEnabled=Ref("DeletionProtection"),
    )


def settings(table: Table) -> list[SsmParameter]:
    """Return the SSM parameters, except feature-flags: CloudFormation cannot create a SecureString."""
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


def _index(name: str, partition: str, projection: Projection, warm: If) -> GlobalSecondaryIndex:
    return GlobalSecondaryIndex(
        IndexName=name,
        KeySchema=_keys(partition, "timestamp"),
        Projection=projection,
        ProvisionedThroughput=_capacity(),
        WarmThroughput=warm,
    )


def _keys(partition: str, sort: str) -> list[KeySchema]:
    return [KeySchema(AttributeName=partition, KeyType="HASH"), KeySchema(AttributeName=sort, KeyType="RANGE")]


def _capacity() -> If:
    start = ProvisionedThroughput(ReadCapacityUnits=Ref("MinCapacity"), WriteCapacityUnits=Ref("MinCapacity"))
    return If("IsProvisioned", start, NoValue)


def _warm() -> If:
    reads, writes = {"ReadUnitsPerSecond": Ref("WarmReads")}, {"WriteUnitsPerSecond": Ref("WarmWrites")}
    return If(
        "HasWarmReads",
        If("HasWarmWrites", WarmThroughput(**reads, **writes), WarmThroughput(**reads)),
        _warm_writes(),
    )


def _warm_writes() -> If:
    return If("HasWarmWrites", WarmThroughput(WriteUnitsPerSecond=Ref("WarmWrites")), NoValue)
