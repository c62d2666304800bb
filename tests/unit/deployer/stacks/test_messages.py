"""The services' own words, as CloudFormation hands them on: without its noise, with property and remedy."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.stacks import messages

TABLE = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "StreamSpecification")
FUNCTION = ("Code", "FunctionName", "Handler", "MemorySize", "Role", "Timeout", "ReservedConcurrentExecutions")
TOKEN = "(RequestToken: 9c9e1b2a-1111-2222-3333-444455556666, HandlerErrorCode: {})"

CASES = {
    "a handler's answer": (
        'Resource handler returned message: "One or more parameter values were invalid: Number of attributes in '
        "KeySchema does not exactly match number of attributes defined in AttributeDefinitions (Service: DynamoDb, "
        f'Status Code: 400, Request ID: 7Q3V4J5K6L) (SDK Attempt Count: 1)" {TOKEN.format("InvalidRequest")}',
        TABLE,
        "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number "
        "of attributes defined in AttributeDefinitions",
        "DynamoDb 400, InvalidRequest",
        "AttributeDefinitions",
    ),
    "a pointer into the properties": (
        "Properties validation failed for resource OrdersTable with message:\n[#/KeySchema/0: required key "
        "[KeyType] not found]",
        TABLE,
        "Properties validation failed for resource OrdersTable with message: [#/KeySchema/0: required key [KeyType] "
        "not found]",
        "",
        "KeySchema/0/KeyType",
    ),
    "a property that no type has": (
        "Properties validation failed for resource OrdersTable with message: #: extraneous key [Foo] is not permitted",
        TABLE,
        "Properties validation failed for resource OrdersTable with message: #: extraneous key [Foo] is not permitted",
        "",
        "Foo",
    ),
    "a model's limit": (
        'Resource handler returned message: "Model validation failed (#/Timeout: 1000 is not less or equal to 900)" '
        + TOKEN.format("InvalidRequest"),
        FUNCTION,
        "Model validation failed (#/Timeout: 1000 is not less or equal to 900)",
        "InvalidRequest",
        "Timeout",
    ),
    "a service that writes names in its own way": (
        "1 validation error detected: Value 'X' at 'keySchema.1.member.keyType' failed to satisfy constraint: Member "
        "must satisfy enum value set: [HASH, RANGE] (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: "
        "ValidationException; Request ID: ABCDEF; Proxy: null)",
        TABLE,
        "1 validation error detected: Value 'X' at 'keySchema.1.member.keyType' failed to satisfy constraint: Member "
        "must satisfy enum value set: [HASH, RANGE]",
        "AmazonDynamoDBv2 400, ValidationException",
        "KeySchema/1/member/keyType",
    ),
    "an old resource type": (
        "Encountered unsupported property BillingModus",
        TABLE,
        "Encountered unsupported property BillingModus",
        "",
        "BillingModus",
    ),
    "a property that is called one": (
        "Value of property KeySchema must be of type List of Objects",
        TABLE,
        "Value of property KeySchema must be of type List of Objects",
        "",
        "KeySchema",
    ),
    "a package that is not there": (
        'Resource handler returned message: "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error '
        'Message: The specified key does not exist. (Service: Lambda, Status Code: 400, Request ID: 5e5a-12)" '
        + TOKEN.format("InvalidRequest"),
        FUNCTION,
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
        "Lambda 400, InvalidRequest, NoSuchKey",
        "Code/S3Key",
    ),
    "a message without noise": ("Invalid handler", FUNCTION, "Invalid handler", "", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_a_reason_becomes_the_services_own_words_its_code_and_the_property(case):
    reason, properties, text, code, named = CASES[case]
    message = messages.clean(reason)
    assert (message.text, message.code) == (text, code)
    assert messages.property_path(message.text, properties) == named


@pytest.mark.parametrize(
    "reason, said",
    [
        ("User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:CreateTable on resource: y", "dynamodb:Cr"),
        ("Access Denied (Service: S3, Status Code: 403)", "lacks a permission"),
        ("/food-delivery/dev/x already exists in stack arn:aws:cloudformation:r:1:stack/o/1", "stack/o/1"),
        (
            'Resource handler returned message: "A version for this Lambda function exists ( 7 ). Modify the function to '
            f'create a new version." {TOKEN.format("AlreadyExists")}',
            "--qualifier 7",
        ),
        ("Resource handler returned message: already exists (HandlerErrorCode: AlreadyExists)", "destroyed environment"),
        ("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
         "its minimum value of [100].", "Service Quotas"),
        ("The role defined for the function cannot be assumed by Lambda.", "run the same command again"),
        ("CloudWatch Logs role ARN must be set in account settings to enable logging", "run the same command again"),
        (
            'Resource handler returned message: "The role ARN does not have required permissions configured. Please grant '
            "trust permission for API Gateway and add the required role policy. (Service: ApiGateway, Status Code: 400, "
            f'Request ID: b826)" {TOKEN.format("InvalidRequest")}',
            "run the same command again",
        ),
        (
            'Resource handler returned message: "AWS WAF couldn\u2019t retrieve the resource that you requested. Retry your '
            f'request. (Service: Wafv2, Status Code: 400, Request ID: 1)" {TOKEN.format("NotFound")}',
            "run the same command again",
        ),
        (
            "An entity is unavailable for modification or display. Please retry. (Service: AWSWAF; Status Code: 400; Error "
            "Code: WAFUnavailableEntityException; Request ID: 1; Proxy: null)",
            "run the same command again",
        ),
        ("The provided execution role does not have permissions to call ReceiveMessage on SQS", "run the same command again"),
        ("Cannot perform more than one GSI creation or deletion in a single update", "one index at a time"),
        ("Attempt to change a resource which is still in use: Table is being updated: orders", "wait a minute"),
        ("Rate exceeded (Service: ApiGateway, Status Code: 429)", "throttled"),
        ("Maximum number of topics reached. LimitExceeded", "Service Quotas"),
        ("The bucket you tried to delete is not empty", "empty it"),
        ("Resource did not stabilize (HandlerErrorCode: NotStabilized)", "timed out"),
    ],
)  # fmt: skip
def test_what_is_known_has_its_remedy(reason, said):
    assert said in messages.remedy(messages.clean(reason)).text


def test_a_transient_cause_says_so_and_so_does_its_text():
    for known in messages.KNOWN:
        assert known.transient == bool(re.search(r"\b(repeat the|the same) command\b", known.remedy)), known.remedy


def test_an_unknown_cause_gets_no_advice():
    assert messages.remedy(messages.clean("Invalid handler")) == messages.Remedy()


def test_a_word_that_happens_to_be_a_propertys_name_does_not_count():
    assert messages.property_path("Your Role in this Code has no Timeout here", FUNCTION) == ""


@given(st.text(max_size=200))
def test_whatever_is_said_some_words_stay_on_one_line(reason):
    message = messages.clean(reason)
    assert bool(message.text) == bool(reason.strip())
    messages.property_path(message.text, FUNCTION)
    messages.remedy(message)
    assert "\n" not in message.text


@given(st.sampled_from([case[0] for case in CASES.values()]))
def test_cleaning_what_is_clean_changes_nothing(reason):
    text = messages.clean(reason).text
    assert messages.clean(text).text == text
