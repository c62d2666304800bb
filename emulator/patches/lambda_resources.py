"""AWS::Lambda::*: properties that upstream drops, and errors that it accepts."""

from ministack.services import iam, lambda_svc

from emulator.resources import completes, insist, invalid_request, validates

FUNCTION = "AWS::Lambda::Function"
EVENT_SOURCE = "AWS::Lambda::EventSourceMapping"
NUMBERS = {
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
}


@completes(FUNCTION, upstream="apply ReservedConcurrentExecutions of AWS::Lambda::Function")
def function_reserved_concurrency(name, new, old):
    wanted = new.get("ReservedConcurrentExecutions")
    if wanted is not None:
        insist(lambda_svc._put_function_concurrency(name, {"ReservedConcurrentExecutions": int(wanted)}), FUNCTION)
    elif old.get("ReservedConcurrentExecutions") is not None:
        lambda_svc._delete_function_concurrency(name)


@completes(FUNCTION, upstream="apply DeadLetterConfig of AWS::Lambda::Function")
def function_dead_letters(name, new, old):
    config = lambda_svc._functions[name]["config"]
    if new.get("DeadLetterConfig"):
        config["DeadLetterConfig"] = {"TargetArn": new["DeadLetterConfig"].get("TargetArn", "")}
    else:
        config.pop("DeadLetterConfig", None)


@validates(FUNCTION, upstream="refuse a function whose role or code does not exist")
def function_mistakes(props):
    """Upstream answers the calls of a function without code with 200 and a mock text."""
    role = str(props.get("Role", ""))
    if role.rsplit("/", 1)[-1] not in iam._roles:
        raise invalid_request("The role defined for the function cannot be assumed by Lambda.", "Lambda")
    code = props.get("Code") or {}
    fetch, version = lambda_svc._fetch_code_from_s3, code.get("S3ObjectVersion")
    if "S3Key" in code and fetch(code.get("S3Bucket"), code["S3Key"], version_id=version) is None:
        raise invalid_request(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist. "
            f"({code.get('S3Bucket')}/{code['S3Key']})",
            "Lambda",
        )


@completes(EVENT_SOURCE, upstream="read numbers of an event source mapping that come as text, from parameters")
def event_source_numbers(mapping_id, new, old):
    """Upstream keeps the text; polling then fails."""
    mapping = lambda_svc._esms[mapping_id]
    mapping.update({name: int(mapping[name]) for name in NUMBERS & mapping.keys()})
    if mapping.get("ScalingConfig"):
        mapping["ScalingConfig"] = {name: int(value) for name, value in mapping["ScalingConfig"].items()}


@validates(EVENT_SOURCE, upstream="refuse a BatchSize above ten without a batching window")
def event_source_window(props):
    size, window = (int(props.get(name) or 0) for name in ("BatchSize", "MaximumBatchingWindowInSeconds"))
    if ":sqs:" in str(props.get("EventSourceArn")) and size > 10 and window < 1:
        raise invalid_request(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10", "Lambda"
        )
