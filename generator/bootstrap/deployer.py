"""The rights of those who call deploy.py: to plan, to deploy, to destroy.

CloudFormation uses the service role, so the caller needs CloudFormation, the artifact bucket, the role to pass, and what
deploy.py itself reads and writes beside the stack.
"""

from config import names
from contract.imports import REPORT_PREFIX, UPLOAD_PREFIX
from generator.bootstrap import scopes
from generator.bootstrap.scopes import ARTIFACTS, ENVIRONMENT, PREFIX, Statement, arn

SERVICE_ROLE = {"Fn::GetAtt": ["ServiceRole", "Arn"]}

ROOT = arn("cloudformation", f"stack/{names.root_stack(ENVIRONMENT)}/*")
_NESTED = arn("cloudformation", f"stack/{PREFIX}")
# A call that names a change set by its ARN, and no stack, is authorized by that.
_CHANGE_SETS = arn("cloudformation", "changeSet/deploy-*")
BUCKET = arn("s3", ARTIFACTS, "", "")
_UPLOADS = arn("s3", PREFIX, "", "")
_FLAGS = arn("ssm", f"parameter{names.parameter_path(ENVIRONMENT, '*')}")
_WITH_SERVICE_ROLE = {"ArnEquals": {"cloudformation:RoleArn": SERVICE_ROLE}}
_PASSED = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
_NEVER_OVERWRITTEN = {"Null": {"s3:if-none-match": "false"}}
_FUNCTIONS = arn("lambda", f"function:{PREFIX}")
KEYS, KEY = (arn("apigateway", path, account="") for path in ("/apikeys", "/apikeys/*"))
OF_ENVIRONMENT = {"aws:ResourceTag/Project": names.PROJECT, "aws:ResourceTag/Environment": ENVIRONMENT}
_OPERATORS_KEY, PARTNERS_KEY = (
    {"StringLike": scopes.sub(OF_ENVIRONMENT), "Null": {f"aws:ResourceTag/{names.PARTNER_TAG}": is_operators}}
    for is_operators in ("true", "false")
)
RANDOM_IDS = "ids are random; tags tell the keys apart"
LISTS_KEYS = "IAM cannot tell a list of keys from one with their values"
_LISTS = "lists what the account has, to find name conflicts"


def statement(sid: str, actions: str, *resources: object, condition: dict | None = None, why: str = "") -> Statement:
    """`actions`: with spaces between them, those after the first of a service without its prefix."""
    service, named = "", []
    for word in actions.split():
        service, _, name = word.rpartition(":") if ":" in word else (service, "", word)
        named.append(f"{service}:{name}")
    document = {"Sid": sid, "Effect": "Allow", "Action": named, "Resource": [scopes.sub(each) for each in resources]}
    return Statement(document | ({"Condition": condition} if condition else {}), why)


def reads() -> list[Statement]:
    """Return what plans and deployments, --status and --history read, and what --drift calls."""
    return [
        statement(
            "ReadStacks",
            "cloudformation:DescribeStacks DescribeStackEvents DescribeEvents GetTemplate ListStackResources"
            " ListChangeSets DescribeChangeSet DetectStackDrift DetectStackResourceDrift DescribeStackResourceDrifts",
            *(ROOT, _NESTED, _CHANGE_SETS),
        ),
        statement("ReadArtifacts", "s3:GetBucketPolicy ListBucket", BUCKET),
        statement("ReadObjects", "s3:GetObject", f"{BUCKET}/*"),
        statement("ReadSettings", "ssm:GetParameters", _FLAGS),
        statement("ReadApi", "apigateway:GET", arn("apigateway", "/account", account=""), why="the role for logs"),
        statement("ReadCode", "lambda:GetFunctionConfiguration", _FUNCTIONS),
        statement("ReadNames", "dynamodb:DescribeTable", arn("dynamodb", f"table/{PREFIX}")),
        statement("ReadQueues", "sqs:GetQueueUrl GetQueueAttributes", arn("sqs", PREFIX)),
        statement(
            "ReadAccount",
            "cloudformation:DescribeStackDriftDetectionStatus cloudwatch:DescribeAlarms ListDashboards events:ListRules"
            " lambda:GetAccountSettings ListEventSourceMappings logs:DescribeLogGroups sns:ListTopics"
            " ssm:DescribeParameters wafv2:ListWebACLs xray:GetSamplingRules ListResourcePolicies",
            "*",
            why=_LISTS,
        ),
        statement("SimulateServiceRole", "iam:GetRole SimulatePrincipalPolicy", SERVICE_ROLE),
        statement("PassServiceRole", "iam:PassRole", SERVICE_ROLE, condition=_PASSED),
    ]


def plans() -> list[Statement]:
    """Return what --plan writes besides: objects that no earlier one has the key of, and a change set that it cannot execute."""
    return [
        statement("Upload", "s3:PutObject", f"{BUCKET}/*", condition=_NEVER_OVERWRITTEN),
        statement("CreateChangeSets", "cloudformation:CreateChangeSet", *_STACKS, condition=_WITH_SERVICE_ROLE),
        statement("DeleteChangeSets", "cloudformation:DeleteChangeSet", *_STACKS, _CHANGE_SETS),
    ]


_STACKS = (ROOT, _NESTED)


def deployments() -> list[Statement]:
    """Return what a deployment, --rollback and --smoke write besides, and read for it."""
    return [
        statement(
            "MakeBucket",
            "s3:CreateBucket PutBucketPolicy PutBucketPublicAccessBlock PutBucketVersioning PutEncryptionConfiguration"
            " PutLifecycleConfiguration",
            BUCKET,
        ),
        statement("Upload", "s3:PutObject", f"{BUCKET}/*"),
        statement(
            "BeginOperations",
            "cloudformation:CreateChangeSet ContinueUpdateRollback DeleteStack RollbackStack",
            *_STACKS,
            condition=_WITH_SERVICE_ROLE,
        ),
        statement(
            "RunOperations",
            "cloudformation:ExecuteChangeSet DeleteChangeSet CancelUpdateStack UpdateTerminationProtection",
            *(*_STACKS, _CHANGE_SETS),
        ),
        statement("ReadVersions", "lambda:ListVersionsByFunction", _FUNCTIONS),
        statement("RestoreCode", "lambda:UpdateFunctionCode UpdateAlias", _FUNCTIONS),
        statement("DeleteLeftoverVersions", "lambda:DeleteFunction", f"{_FUNCTIONS}:*"),  # versions, not the function
        statement(
            "ReadShifts", "codedeploy:GetDeployment GetDeploymentGroup", arn("codedeploy", f"deploymentgroup:{PREFIX}")
        ),
        statement("WriteFlags", "ssm:PutParameter", _FLAGS),
        statement("ReadKey", "apigateway:GET", KEY, condition=_OPERATORS_KEY, why=RANDOM_IDS),
        statement(
            "SmokeFiles",
            "s3:PutObject GetObject DeleteObject DeleteObjectVersion AbortMultipartUpload",
            *(f"{_UPLOADS}/{prefix}{names.SMOKE}*" for prefix in (UPLOAD_PREFIX, f"{REPORT_PREFIX}{UPLOAD_PREFIX}")),
        ),
        statement("SmokeVersions", "s3:ListBucketVersions ListBucketMultipartUploads", _UPLOADS),
    ]


def destructions() -> list[Statement]:
    """Return what --destroy needs besides, with its data too."""
    return [
        statement("ListStacks", "cloudformation:DescribeStacks tag:GetResources", "*", why="finds other environments"),
        statement("DeleteTables", "dynamodb:DeleteTable UpdateTable", arn("dynamodb", f"table/{PREFIX}")),
        statement("DeleteQueues", "sqs:DeleteQueue", arn("sqs", PREFIX)),
        statement("DeleteFlags", "ssm:DeleteParameters", _FLAGS),
        statement(
            "DeleteLogs",
            "logs:DeleteLogGroup",
            *(
                arn("logs", f"log-group:{names.log_group(ENVIRONMENT, '*')}"),
                arn("logs", f"log-group:/aws/lambda/{PREFIX}"),
            ),
            arn("logs", f"log-group:API-Gateway-Execution-Logs_*/{ENVIRONMENT}:*"),
        ),
        statement("EmptyBuckets", "s3:ListBucketVersions ListBucketMultipartUploads DeleteBucket", _UPLOADS),
        statement("DeleteObjects", "s3:DeleteObjectVersion DeleteObject AbortMultipartUpload", f"{_UPLOADS}/*"),
        statement("ReadRecords", "s3:ListBucketVersions ListBucketMultipartUploads", BUCKET),
        statement(
            "DeleteRecords",
            "s3:DeleteObject DeleteObjectVersion AbortMultipartUpload",
            f"{BUCKET}/deployments/{ENVIRONMENT}/*",
        ),
        statement("ListKeys", "apigateway:GET", KEYS, why=LISTS_KEYS),
        statement("DeleteKeys", "apigateway:DELETE", KEY, condition=PARTNERS_KEY, why=RANDOM_IDS),
    ]
