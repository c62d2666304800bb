"""AWS::Lambda::*: properties that upstream drops, and mistakes that it lets pass."""

from emulator.handlers import after, before, insist, truth
from emulator.registry import patch

FUNCTION = "AWS::Lambda::Function"
EVENT_SOURCE = "AWS::Lambda::EventSourceMapping"
NUMBERS = {
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
}


@patch
def function_reserved_concurrency() -> None:
    """Upstream ignores ReservedConcurrentExecutions; the service itself has it."""
    from ministack.services import lambda_svc

    def apply(name, new, old):
        wanted = new.get("ReservedConcurrentExecutions")
        if wanted is not None:
            insist(lambda_svc._put_function_concurrency(name, {"ReservedConcurrentExecutions": int(wanted)}), FUNCTION)
        elif old.get("ReservedConcurrentExecutions") is not None:
            lambda_svc._delete_function_concurrency(name)

    after(FUNCTION, apply)


@patch
def function_dead_letters() -> None:
    """Upstream ignores DeadLetterConfig, so failed asynchronous calls go nowhere."""
    from ministack.services import lambda_svc

    def apply(name, new, old):
        config = lambda_svc._functions[name]["config"]
        if new.get("DeadLetterConfig"):
            config["DeadLetterConfig"] = {"TargetArn": new["DeadLetterConfig"].get("TargetArn", "")}
        else:
            config.pop("DeadLetterConfig", None)

    after(FUNCTION, apply)


@patch
def function_mistakes() -> None:
    """Upstream makes a function whose code cannot be fetched (it then answers 200 with a mock
    text) or whose role does not exist. AWS fails the resource."""
    from ministack.services import iam, lambda_svc

    def check(props):
        role = str(props.get("Role", ""))
        if role.rsplit("/", 1)[-1] not in iam._roles:
            raise ValueError(
                'Resource handler returned message: "The role defined for the function cannot be assumed by Lambda. '
                '(Service: Lambda, Status Code: 400)" (HandlerErrorCode: InvalidRequest)'
            )
        code = props.get("Code") or {}
        if (
            "S3Key" in code
            and lambda_svc._fetch_code_from_s3(
                code.get("S3Bucket"), code["S3Key"], version_id=code.get("S3ObjectVersion")
            )
            is None
        ):
            raise ValueError(
                'Resource handler returned message: "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: '
                f'The specified key does not exist. ({code.get("S3Bucket")}/{code["S3Key"]}) (Service: Lambda, Status Code: 400)" '
                "(HandlerErrorCode: InvalidRequest)"
            )

    before(FUNCTION, check)


@patch
def function_invoke_config_of_latest() -> None:
    """An EventInvokeConfig for ``$LATEST`` is the function's own on AWS. Upstream heeds it when
    it invokes, but does not find it when asked for the function's."""
    from ministack.services import lambda_svc

    find = lambda_svc._event_invoke_config

    def find_either(func, qualifier):
        return find(func, qualifier) or (
            find(func, "$LATEST") if not qualifier else find(func, None) if qualifier == "$LATEST" else None
        )

    lambda_svc._event_invoke_config = find_either


@patch
def event_source_disabled() -> None:
    """Upstream reports a mapping that is created with Enabled: false as Enabled, and polls if
    the value came as text."""
    from ministack.services import lambda_svc

    def apply(mapping_id, new, old):
        enabled = truth(new.get("Enabled", True))
        lambda_svc._esms[mapping_id].update(Enabled=enabled, State="Enabled" if enabled else "Disabled")

    after(EVENT_SOURCE, apply)


@patch
def event_source_numbers() -> None:
    """A number that a template takes from a parameter comes as text. Upstream keeps it so, and
    a mapping of a queue with such a MaximumConcurrency, or of a stream with such a BatchSize
    after an update, fails at every poll."""
    from ministack.services import lambda_svc

    def apply(mapping_id, new, old):
        mapping = lambda_svc._esms[mapping_id]
        mapping.update({name: int(mapping[name]) for name in NUMBERS & mapping.keys()})
        if mapping.get("ScalingConfig"):
            mapping["ScalingConfig"] = {name: int(value) for name, value in mapping["ScalingConfig"].items()}

    after(EVENT_SOURCE, apply)


@patch
def event_source_window() -> None:
    """Upstream accepts a BatchSize above ten without a batching window. AWS refuses it."""

    def check(props):
        size, window = (int(props.get(name) or 0) for name in ("BatchSize", "MaximumBatchingWindowInSeconds"))
        if ":sqs:" in str(props.get("EventSourceArn")) and size > 10 and window < 1:
            raise ValueError(
                'Resource handler returned message: "Maximum batch window in seconds must be greater than 0 if maximum batch '
                'size is greater than 10 (Service: Lambda, Status Code: 400)" (HandlerErrorCode: InvalidRequest)'
            )

    before(EVENT_SOURCE, check)
