"""The rights of those who call deploy.py: to plan, to deploy, to destroy.

CloudFormation uses the service role, so the caller needs CloudFormation, the artifact bucket, the role to pass, and what
deploy.py itself reads and writes beside the stack.
"""

from config import names
from contract.imports import REPORT_PREFIX, UPLOAD_PREFIX
from generator.bootstrap import scopes
from generator.bootstrap.scopes import ARTIFACTS, ENVIRONMENT, PREFIX, Statement, arn

SERVICE_ROLE = {"Fn::GetAtt": ["ServiceRole", "Arn"]}

_ROOT = arn("cloudformation", f"stack/{names.root_stack(ENVIRONMENT)}/*")
_NESTED = arn("cloudformation", f"stack/{PREFIX}")
# A call that names a change set by its ARN, and no stack, is authorized by that.
_CHANGE_SETS = arn("cloudformation", "changeSet/deploy-*")
_BUCKET = arn("s3", ARTIFACTS, "", "")
_UPLOADS = arn("s3", PREFIX, "", "")
_FLAGS = arn("ssm", f"parameter{names.parameter_path(ENVIRONMENT, '*')}")
_WITH_SERVICE_ROLE = {"ArnEquals": {"cloudformation:RoleArn": SERVICE_ROLE}}
_PASSED = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
_NEVER_OVERWRITTEN = {"Null": {"s3:if-none-match": "false"}}
_FUNCTIONS = arn("lambda", f"function:{PREFIX}")
_LISTS = "lists what the account has, to find name conflicts"


def _statement(sid: str, actions: str, *resources: object, condition: dict | None = None, why: str = "") -> Statement:
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
        _statement(
            "ReadStacks",
            "cloudformation:DescribeStacks DescribeStackEvents DescribeEvents GetTemplate ListStackResources"
            " ListChangeSets DescribeChangeSet DetectStackDrift DetectStackResourceDrift DescribeStackResourceDrifts",
            *(_ROOT, _NESTED, _CHANGE_SETS),
        ),
        _statement("ReadArtifacts", "s3:GetBucketPolicy ListBucket", _BUCKET),
        _statement("ReadObjects", "s3:GetObject", f"{_BUCKET}/*"),
        _statement("ReadSettings", "ssm:GetParameters", _FLAGS),
        _statement("ReadApi", "apigateway:GET", arn("apigateway", "/account", account=""), why="the role for logs"),
        _statement("ReadCode", "lambda:GetFunctionConfiguration", _FUNCTIONS),
        _statement("ReadNames", "dynamodb:DescribeTable", arn("dynamodb", f"table/{PREFIX}")),
        _statement("ReadQueues", "sqs:GetQueueUrl GetQueueAttributes", arn("sqs", PREFIX)),
        _statement(
            "ReadAccount",
            "cloudformation:DescribeStackDriftDetectionStatus cloudwatch:DescribeAlarms ListDashboards events:ListRules"
            " lambda:GetAccountSettings ListEventSourceMappings logs:DescribeLogGroups sns:ListTopics"
            " ssm:DescribeParameters wafv2:ListWebACLs xray:GetSamplingRules ListResourcePolicies",
            "*",
            why=_LISTS,
        ),
        _statement("SimulateServiceRole", "iam:GetRole SimulatePrincipalPolicy", SERVICE_ROLE),
        _statement("PassServiceRole", "iam:PassRole", SERVICE_ROLE, condition=_PASSED),
    ]


def plans() -> list[Statement]:
    """Return what --plan writes besides: objects that no earlier one has the key of, and a change set that it cannot execute."""
    return [
        _statement("Upload", "s3:PutObject", f"{_BUCKET}/*", condition=_NEVER_OVERWRITTEN),
        _statement("CreateChangeSets", "cloudformation:CreateChangeSet", *_STACKS, condition=_WITH_SERVICE_ROLE),
        _statement("DeleteChangeSets", "cloudformation:DeleteChangeSet", *_STACKS, _CHANGE_SETS),
    ]


_STACKS = (_ROOT, _NESTED)


def deployments() -> list[Statement]:
    """Return what a deployment, --rollback and --smoke write besides, and read for it."""
    return [
        _statement(
            "MakeBucket",
            "s3:CreateBucket PutBucketPolicy PutBucketPublicAccessBlock PutBucketVersioning PutEncryptionConfiguration"
            " PutLifecycleConfiguration",
            _BUCKET,
        ),
        _statement("Upload", "s3:PutObject", f"{_BUCKET}/*"),
        _statement(
            "BeginOperations",
            "cloudformation:CreateChangeSet ContinueUpdateRollback DeleteStack RollbackStack",
            *_STACKS,
            condition=_WITH_SERVICE_ROLE,
        ),
        _statement(
            "RunOperations",
            "cloudformation:ExecuteChangeSet DeleteChangeSet CancelUpdateStack UpdateTerminationProtection",
            *(*_STACKS, _CHANGE_SETS),
        ),
        _statement("ReadVersions", "lambda:ListVersionsByFunction", _FUNCTIONS),
        _statement("RestoreCode", "lambda:UpdateFunctionCode UpdateAlias", _FUNCTIONS),
        _statement("DeleteLeftoverVersions", "lambda:DeleteFunction", f"{_FUNCTIONS}:*"),  # versions, not the function
        _statement(
            "ReadShifts", "codedeploy:GetDeployment GetDeploymentGroup", arn("codedeploy", f"deploymentgroup:{PREFIX}")
        ),
        _statement("WriteFlags", "ssm:PutParameter", _FLAGS),
        _statement("ReadKey", "apigateway:GET", arn("apigateway", "/apikeys/*", account=""), why="ids are random"),
        _statement(
            "SmokeFiles",
            "s3:PutObject GetObject DeleteObject DeleteObjectVersion AbortMultipartUpload",
            *(f"{_UPLOADS}/{prefix}{names.SMOKE}*" for prefix in (UPLOAD_PREFIX, f"{REPORT_PREFIX}{UPLOAD_PREFIX}")),
        ),
        _statement("SmokeVersions", "s3:ListBucketVersions ListBucketMultipartUploads", _UPLOADS),
    ]


def destructions() -> list[Statement]:
    """Return what --destroy needs besides, with its data too."""
    return [
        _statement("ListStacks", "cloudformation:DescribeStacks tag:GetResources", "*", why="finds other environments"),
        _statement("DeleteTables", "dynamodb:DeleteTable UpdateTable", arn("dynamodb", f"table/{PREFIX}")),
        _statement("DeleteQueues", "sqs:DeleteQueue", arn("sqs", PREFIX)),
        _statement("DeleteFlags", "ssm:DeleteParameters", _FLAGS),
        _statement(
            "DeleteLogs",
            "logs:DeleteLogGroup",
            *(
                arn("logs", f"log-group:{names.log_group(ENVIRONMENT, '*')}"),
                arn("logs", f"log-group:/aws/lambda/{PREFIX}"),
            ),
            arn("logs", f"log-group:API-Gateway-Execution-Logs_*/{ENVIRONMENT}:*"),
        ),
        _statement("EmptyBuckets", "s3:ListBucketVersions ListBucketMultipartUploads DeleteBucket", _UPLOADS),
        _statement("DeleteObjects", "s3:DeleteObjectVersion DeleteObject AbortMultipartUpload", f"{_UPLOADS}/*"),
        _statement("ReadRecords", "s3:ListBucketVersions ListBucketMultipartUploads", _BUCKET),
        _statement(
            "DeleteRecords",
            "s3:DeleteObject DeleteObjectVersion AbortMultipartUpload",
            f"{_BUCKET}/deployments/{ENVIRONMENT}/*",
        ),
    ]
