"""What IAM lets a function do whose role names an action, and what a service demands of that role."""

from typing import Any

from conformance import removal, stackless
from conformance.account import Account
from conformance.probe import deploys, expect
from conformance.resources import att, bucket, document, function, parameter, queue, ref, role, table, template
from conformance.small_stacks import refused

POLICIES, FUNCTIONS = "generator/policies.py", "generator/functions.py"
SOURCE = """
import boto3
from botocore.exceptions import ClientError
def handler(event, context):
    service, operation, arguments = event
    try:
        answer = getattr(boto3.client(service), operation)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    # BatchExecuteStatement may refuse a statement alone.
    codes = [each["Error"]["Code"] for each in answer.get("Responses", []) if "Error" in each]
    return codes[0] if codes else "done"
"""
DENIED = "AccessDenied"


def _function(account: Account, name: str, may: Any, more: dict) -> dict[str, str]:
    """Deploy the function F beside `more`; return the stack's physical ids by logical id."""
    made = function(account.code(SOURCE), att("Role", "Arn"), Timeout=20)
    return account.deployed(
        name, template({"Role": role(*may), "F": made, **more}, {key: ref(key) for key in ("F", *more)})
    )


def _call(account: Account, function: str, service: str, operation: str, **arguments: Any) -> str:
    """Return "done", or the error's code without "Exception", of a call that the function makes; DENIED for SNS's, too."""
    code = account.invoke(function, [service, operation, arguments]).removesuffix("Exception")
    return DENIED if code == "AuthorizationError" else code


def _may(account: Account, *call: Any, **arguments: Any) -> None:
    """Wait until the function may make the call: IAM is eventually consistent."""
    account.until(lambda: _call(account, *call, **arguments) != DENIED, f"{call[-1]} is allowed")


@deploys(POLICIES, "handlers/configuration.py")
def iam_parameter_names(account: Account, name: str) -> None:
    """ssm:GetParameters is allowed by the parameters' ARNs: one name outside of them denies the whole call."""
    allowed, denied = f"/{name}/allowed/flags", f"/{name}/denied"
    arn = f"arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter/{name}/allowed/*"
    parameters = {"Allowed": parameter("on"), "Denied": parameter("off")}
    parameters["Allowed"]["Properties"]["Name"], parameters["Denied"]["Properties"]["Name"] = allowed, denied
    made = _function(account, name, [("ssm:GetParameters", {"Fn::Sub": arn})], parameters)["F"]
    _may(account, made, "ssm", "get_parameters", Names=[allowed])
    expect(_call(account, made, "ssm", "get_parameters", Names=[allowed]), "done", "the allowed parameter")
    expect(_call(account, made, "ssm", "get_parameters", Names=[allowed, denied]), DENIED, "both parameters")


@deploys(POLICIES, "handlers/bulk.py")
def iam_partiql_inserts(account: Account, name: str) -> None:
    """dynamodb:PartiQLInsert on a table lets BatchExecuteStatement insert there, and do nothing else."""
    more = {"T": table(), "Other": table()}
    made = _function(account, name, [("dynamodb:PartiQLInsert", att("T", "Arn"))], more)

    def execute(*texts: str) -> str:
        statements = [{"Statement": text} for text in texts]
        return _call(account, made["F"], "dynamodb", "batch_execute_statement", Statements=statements)

    insert, elsewhere = (f"INSERT INTO \"{made[key]}\" VALUE {{'id': '1'}}" for key in more)
    account.until(lambda: execute(insert) != DENIED, "INSERT is allowed")
    expect(execute(insert), "DuplicateItem", "INSERT once more")
    expect(execute(insert.replace("'1'", "'2'"), elsewhere), DENIED, "INSERT into another table")
    delete = f"DELETE FROM \"{made['T']}\" WHERE id = '1'"  # noqa: S608 - PartiQL, and the name is CloudFormation's
    expect(execute(insert, delete), DENIED, "INSERT and DELETE")


@deploys(POLICIES, "handlers/queue_batches.py", "handlers/orders_events.py")
def iam_batch_actions(account: Account, name: str) -> None:
    """sqs:SendMessage and sns:Publish allow the batch calls, and none that deletes."""
    may = [("sqs:SendMessage", att("Q", "Arn")), ("sns:Publish", ref("T"))]
    made = _function(account, name, may, {"Q": queue(), "T": {"Type": "AWS::SNS::Topic"}})
    entry, at = {"Id": "1", "MessageBody": "1"}, {"QueueUrl": made["Q"]}
    publish = {"TopicArn": made["T"], "PublishBatchRequestEntries": [{"Id": "1", "Message": "1"}]}
    _may(account, made["F"], "sns", "publish_batch", **publish)
    _may(account, made["F"], "sqs", "send_message_batch", Entries=[entry], **at)
    expect(_call(account, made["F"], "sqs", "send_message_batch", Entries=[entry], **at), "done", "SendMessageBatch")
    expect(_call(account, made["F"], "sns", "publish_batch", **publish), "done", "PublishBatch")
    deletion = _call(account, made["F"], "sqs", "delete_message", ReceiptHandle="1", **at)
    expect(deletion, DENIED, "DeleteMessage")


@deploys("generator/bootstrap/deployer.py")
def iam_api_key_tags(account: Account, name: str) -> None:
    """A policy allows API keys by their tags: to create one with them, and to read and delete one that has them."""
    keys = "arn:${AWS::Partition}:apigateway:${AWS::Region}::/apikeys"
    own = role(("apigateway:PUT", {"Fn::Sub": keys.replace("apikeys", "tags/*")}))
    own["Properties"]["Policies"][0]["PolicyDocument"]["Statement"] += [
        _where("apigateway:POST", keys, {"aws:RequestTag/Partner": name}),
        _where("apigateway:GET", f"{keys}/*", {"aws:ResourceTag/Partner": name}),
        _where("apigateway:DELETE", f"{keys}/*", {"aws:ResourceTag/Partner": name}),
    ]
    resources = {"F": function(account.code(SOURCE), att("Role", "Arn"), Timeout=20), "Role": own}
    made = account.deployed(name, template(resources, {"F": ref("F")}))["F"]
    gateway, of_run = account.client("apigateway"), {removal.TAG: account.mark}
    of_key = {}
    for partner in (name, "another"):
        of_key[partner] = gateway.create_api_key(name=name, tags={**of_run, "Partner": partner})["id"]
        account.made.callback(gateway.delete_api_key, apiKey=of_key[partner])
    _may(account, made, "apigateway", "get_api_key", apiKey=of_key[name])
    expect(_call(account, made, "apigateway", "get_api_key", apiKey=of_key["another"]), DENIED, "GetApiKey")
    expect(_call(account, made, "apigateway", "delete_api_key", apiKey=of_key["another"]), DENIED, "DeleteApiKey")
    expect(_call(account, made, "apigateway", "create_api_key", name=name, tags=of_run), DENIED, "CreateApiKey")


@deploys("generator/bootstrap/partner_policy.py")
def iam_subscription_keys(account: Account, name: str) -> None:
    """A policy allows subscriptions by their protocol."""
    own = role()
    topics = "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:*"
    own["Properties"]["Policies"][0]["PolicyDocument"]["Statement"] += [
        _where("sns:Subscribe", topics, {"sns:Protocol": "sqs"})
    ]
    resources = {"F": function(account.code(SOURCE), att("Role", "Arn"), Timeout=20), "Q": queue(), "Role": own}
    made = account.deployed(name, template(resources, {"F": ref("F"), "Q": att("Q", "Arn")}))
    allowed = {"TopicArn": stackless.topic(account, "chosen"), "Protocol": "sqs", "Endpoint": made["Q"]}
    _may(account, made["F"], "sns", "subscribe", **allowed)
    https = {**allowed, "Protocol": "https", "Endpoint": f"https://{account.mark}.invalid/"}
    expect(_call(account, made["F"], "sns", "subscribe", **https), DENIED, "another protocol")


@deploys("generator/uploads.py")
def iam_policy_variables(account: Account, name: str) -> None:
    """A bucket's policy denies a role with a tag all but the path of the tag's value, whatever the role's own policy allows."""
    path = {"Fn::Sub": "${B.Arn}/orders/${!aws:PrincipalTag/partner}/*"}
    tagged = {"Null": {"aws:PrincipalTag/partner": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "NotResource": path, "Condition": tagged}
    own = role(("s3:*", [att("B", "Arn"), {"Fn::Sub": "${B.Arn}/*"}]))
    own["Properties"]["Tags"] = [{"Key": "partner", "Value": "acme"}]
    policy = {"Bucket": ref("B"), "PolicyDocument": document(deny)}
    resources = {
        "B": bucket(),
        "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": policy},
        "Role": own,
        "F": function(account.code(SOURCE), att("Role", "Arn"), Timeout=20),
    }
    made = account.deployed(name, template(resources, {"F": ref("F"), "B": ref("B")}))
    file = {"Bucket": made["B"], "Key": "orders/acme/1"}
    account.made.callback(account.client("s3").delete_object, **file)
    _may(account, made["F"], "s3", "put_object", **file)
    for key in ("orders/globex/1", "orders/acme-2/1", "orders/1", "reports/acme/1"):
        expect(_call(account, made["F"], "s3", "put_object", **{**file, "Key": key}), DENIED, f"PutObject of {key}")
    expect(_call(account, made["F"], "s3", "list_objects_v2", Bucket=made["B"]), DENIED, "ListObjectsV2")


def _where(action: str, resource: str, equal: dict[str, str]) -> dict:
    condition = {"StringEquals": equal}
    return {"Effect": "Allow", "Action": action, "Resource": {"Fn::Sub": resource}, "Condition": condition}


@deploys(POLICIES, "generator/queue_resources.py", "generator/uploads.py")
def iam_secure_transport(account: Account, name: str) -> None:
    """A policy that denies requests without TLS lets those with TLS through."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": att("Q", "Arn")}
    policy = document({**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    closed = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [ref("Q")], "PolicyDocument": policy}}
    may = [("sqs:SendMessage", att("Q", "Arn"))]
    made = _function(account, name, may, {"Q": queue(), "Policy": closed})
    message = {"QueueUrl": made["Q"], "MessageBody": "1"}
    _may(account, made["F"], "sqs", "send_message", **message)
    sent = _call(account, made["F"], "sqs", "send_message", **message)
    expect(sent, "done", "SendMessage with TLS")


@deploys("generator/triggers.py", POLICIES)
def invoke_config_permissions(account: Account, name: str) -> None:
    """A destination that the function's role may not send to fails the stack."""
    destination = {"OnFailure": {"Destination": att("Q", "Arn")}}
    config = {"FunctionName": ref("F"), "Qualifier": "$LATEST", "DestinationConfig": destination}
    resources = {
        "Q": queue(),
        "Role": role(),
        "F": function(account.code(SOURCE), att("Role", "Arn")),
        "C": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": config},
    }
    refused(account, name, resources, "does not have permissions to call SendMessage")


@deploys("deployer/aws/roles.py", "generator/bootstrap/service_role.py")
def stack_service_roles(account: Account, name: str) -> None:
    """CloudFormation makes a stack's resources with the rights of its RoleARN, which it remembers, and with no others."""
    service = role(("sqs:*", "*"))
    service["Properties"]["AssumeRolePolicyDocument"] = _trusting("cloudformation")
    made = account.deployed(name, template({"Role": service}, {"Arn": att("Role", "Arn")}))
    stack = f"{name}-with-role"
    topic = {"Type": "AWS::SNS::Topic", "DependsOn": "Q"}
    found = account.deploy(stack, template({"Q": queue(), "T": topic}), RoleARN=made["Arn"])
    expect(found["StackStatus"], "ROLLBACK_COMPLETE", "a stack with a topic that its role may not make")
    expect(found.get("RoleARN"), made["Arn"], "the stack's role")
    denied = [failure for failure in account.failures(found["StackId"]) if "sns:CreateTopic" in failure]
    expect(len(denied), 1, "failures that name sns:CreateTopic")


@deploys("deployer/aws/roles.py", "generator/bootstrap/deployer.py")
def passed_service_roles(account: Account, name: str) -> None:
    """Whoever names a service role needs iam:PassRole on it, to CloudFormation."""
    service = role()
    service["Properties"]["AssumeRolePolicyDocument"] = _trusting("cloudformation")
    made = _function(account, name, [("cloudformation:CreateChangeSet", "*")], {"Service": service})
    asked = {"StackName": f"{name}-unmade", "ChangeSetName": "probe", "ChangeSetType": "CREATE"}
    asked |= {"TemplateBody": '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}'}
    asked |= {"RoleARN": account.arn("iam", f"role/{made['Service']}").replace(account.aws.region, "")}
    expect(_call(account, made["F"], "cloudformation", "create_change_set", **asked), DENIED, "without iam:PassRole")


@deploys("generator/policies.py", "generator/bootstrap/service_role.py")
def role_boundaries(account: Account, name: str) -> None:
    """A role may do what its policies and its permissions boundary allow both."""
    most = document({"Effect": "Allow", "Action": ["sqs:SendMessage", "logs:*"], "Resource": "*"})
    made = role(("sqs:SendMessage", att("Q", "Arn")), ("sqs:PurgeQueue", att("Q", "Arn")))
    made["Properties"]["PermissionsBoundary"] = ref("Most")
    resources = {"Q": queue(), "Most": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": most}}}
    resources |= {"Role": made, "F": function(account.code(SOURCE), att("Role", "Arn"), Timeout=20)}
    found = account.deployed(name, template(resources, {"F": ref("F"), "Q": ref("Q")}))
    _may(account, found["F"], "sqs", "send_message", QueueUrl=found["Q"], MessageBody="1")
    expect(_call(account, found["F"], "sqs", "purge_queue", QueueUrl=found["Q"]), DENIED, "beyond the boundary")


def _trusting(service: str) -> dict:
    trusted = {"Service": f"{service}.amazonaws.com"}
    return document({"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"})
