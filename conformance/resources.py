"""Templates of probes: the resources that many of them use, as small as AWS accepts them."""

from typing import Any

from conformance.account import Account

STACK = "AWS::CloudFormation::Stack"
ECHO = "def handler(event, context):\n    return event\n"
LOGS = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": {"Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/*"},
}
"""What each function may do: write its log."""


def template(resources: dict, outputs: dict | None = None, **sections: Any) -> dict:
    return {
        "Resources": resources,
        **({"Outputs": {k: {"Value": v} for k, v in outputs.items()}} if outputs else {}),
        **sections,
    }


def ref(name: str) -> dict:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict:
    return {"Fn::GetAtt": [name, attribute]}


def document(*statements: dict) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements)}


TRUST = document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})


def role(*allowed: tuple[str | list[str], Any]) -> dict:
    """A role of a function, which may write logs and take these actions on these resources."""
    statements = [LOGS, *({"Effect": "Allow", "Action": action, "Resource": on} for action, on in allowed)]
    policy = {"PolicyName": "probe", "PolicyDocument": document(*statements)}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, "Policies": [policy]}}


def function(code: dict[str, str], role_arn: Any, **more: Any) -> dict:
    """A function with the least that AWS demands."""
    properties = {"Runtime": "python3.13", "Handler": "app.handler", "Code": code, "Role": role_arn, "Timeout": 5}
    return {"Type": "AWS::Lambda::Function", "Properties": {**properties, **more}}


def permission(principal: str, source: Any) -> dict:
    """Let a service invoke the function F for a source."""
    properties = {"FunctionName": ref("F"), "Action": "lambda:InvokeFunction", "Principal": principal}
    return {"Type": "AWS::Lambda::Permission", "Properties": {**properties, "SourceArn": source}}


def queue(**properties: Any) -> dict:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def mapping(source: Any, **properties: Any) -> dict:
    """An event source mapping of the function F."""
    properties = {"FunctionName": ref("F"), "EventSourceArn": source, **properties}
    return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}


RECEIVE = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
READ_STREAM = [f"dynamodb:{each}" for each in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")]


def table(**properties: Any) -> dict:
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            **properties,
        },
    }


def bucket(**properties: Any) -> dict:
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def impossible(account: Account, **more: Any) -> dict:
    """A resource that CloudFormation creates in vain: its schema finds no fault, as it does with a SecureString."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject"}
    absent = f"{account.mark}-absent"
    arn = {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{absent}/*"}
    properties = {"Bucket": absent, "PolicyDocument": document({**deny, "Resource": arn})}
    return {"Type": "AWS::S3::BucketPolicy", "Properties": properties, **more}


def child(url: str, **parameters: Any) -> dict:
    return {"Type": STACK, "Properties": {"TemplateURL": url, "Parameters": parameters}}


def parameter(value: Any, **more: Any) -> dict:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}, **more}
