"""Queues in memory: an environment with dead letters, as the commands of the deployer meet it."""

import io
import json
from collections import Counter

import boto3
import pytest
from botocore.exceptions import ClientError

from config.environment import load
from deployer.errors import Failure
from deployer.options import Options
from deployer.preflight import account_state as preflight
from deployer.show.ui import Ui
from operations.queues import lookup

DATA = {
    "Resources": {
        "OrderQueueDLQ": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "orders-dlq"}},
        "OrderEventsDLQ": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "OrderImportDLQ": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "import-dlq"}},
        "OrderQueue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": "orders",
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["OrderQueueDLQ", "Arn"]},
                    "maxReceiveCount": 5,
                },
            },
        },
    }
}
URLS = {"OrderQueueUrl": "orders", "OrderQueueDlqUrl": "orders-dlq", "OrderImportDlqUrl": "import-dlq"}
ROOT = {
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "DataStack": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": "https://templates.s3.amazonaws.com/data"},
        },
    },
    "Outputs": {
        # moto reads no nested stack's outputs
        **{
            name: {"Value": f"https://sqs.us-east-1.amazonaws.com/123456789012/{queue}"} for name, queue in URLS.items()
        },
        "UploadBucketName": {"Value": "uploads"},
        "OrdersImportFunction": {"Value": "orders-import-1"},
    },
}


class World:
    """An environment in memory. What `during[operation]` holds is called once, before that call is answered."""

    def __init__(self, aws):
        self.aws, self.sqs, self.said = aws, aws.client("sqs"), io.StringIO()
        self.calls, self.during, self.sent = [], {}, []
        self.sqs.meta.events.register("provide-client-params.sqs", self._record)
        self.sqs.list_message_move_tasks = self._unknown

    def deploy(self, root=ROOT):
        s3 = boto3.client("s3")
        for bucket in ("templates", "uploads"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="templates", Key="data", Body=json.dumps(DATA))
        boto3.client("cloudformation").create_stack(StackName="food-delivery-dev", TemplateBody=json.dumps(root))

    def _record(self, model, params, **_):
        self.calls.append(model.name)
        self.sent += params["Entries"] if model.name == "SendMessageBatch" else []
        self.during.pop(model.name, lambda: None)()

    @staticmethod
    def _unknown(**_):
        raise ClientError({"Error": {"Code": "InvalidAction", "Message": "not valid"}}, "ListMessageMoveTasks")

    def queue(self, name):
        return lookup.of_stack(self.aws, preflight.deployed(self.aws, load("dev")))[name]

    def put(self, body, name="OrderQueueDLQ", trace=None, **attributes):
        system = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}} if trace else {}
        values = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
        url = self.queue(name).url
        return self.sqs.send_message(
            QueueUrl=url, MessageBody=body, MessageAttributes=values, MessageSystemAttributes=system
        )["MessageId"]

    def messages(self, name):
        found = []
        while batch := self.sqs.receive_message(
            QueueUrl=self.queue(name).url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages"):
            found += batch
        return found

    def bodies(self, name):
        return Counter(message["Body"] for message in self.messages(name))

    def run(self, command, name="OrderQueueDLQ", **options):
        options = Options(**{"env": "dev", "yes": True, "queue": name} | options)
        return command(options, Ui(self.said, interactive=False), None)

    def refused(self, command, name="OrderQueueDLQ", **options):
        with pytest.raises(Failure) as failure:
            self.run(command, name, **options)
        assert "\n" not in failure.value.message
        return failure.value


class Impatient:
    def __init__(self, sqs):
        self.sqs = sqs

    def receive_message(self, WaitTimeSeconds, **arguments):
        assert WaitTimeSeconds
        return self.sqs.receive_message(**arguments)
