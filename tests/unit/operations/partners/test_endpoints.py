"""An endpoint that SNS could not use, or must not, is refused before SNS is asked."""

import pytest

from operations.partners import endpoints
from operations.partners.endpoints import EndpointError

TOPIC = "arn:aws:sns:eu-west-1:123456789012:order-events"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:partner"


def parse(value, **options):
    return endpoints.parse(value, TOPIC, **options)


@pytest.mark.parametrize(
    ("value", "protocol"),
    [
        ("https://example.com", "https"),
        ("https://example.com/", "https"),
        ("https://hooks.example.com:8443/a/b?token=s3cret", "https"),
        ("https://203.0.113.7.example.com/", "https"),
        ("https://8.8.8.8/", "https"),
        ("https://[2606:4700::1111]/", "https"),
        ("https://xn--bcher-kva.example/", "https"),
        (QUEUE, "sqs"),
        ("arn:aws:sqs:eu-west-1:999999999999:partner", "sqs"),
        ("arn:aws:sqs:us-east-1:999999999999:partner_2-x", "sqs"),
    ],
)
def test_a_public_url_and_a_standard_queue_of_any_account_and_region_are_taken(value, protocol):
    assert parse(value) == endpoints.Endpoint(protocol, value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "must be an https:// URL"),
        ("example.com/hook", "must be an https:// URL"),
        ("ftp://example.com/", "must be an https:// URL"),
        ("https:///hook", "must be an https:// URL"),
        ("mailto:a@example.com", "must be an https:// URL"),
        ("http://example.com/", "encrypted only"),
        ("https://user@example.com/", "user or password"),
        ("https://:pass@example.com/", "user or password"),
        ("https://@example.com/", "user or password"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com:0/", "port 0"),
        ("https://example.com:99999/", "no URL"),
        ("https://example.com:x/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://example.com/a b", "spaces"),
        ("https://example.com/\n", "spaces"),
        ("https://bücher.example/", "ASCII"),
        ("https://localhost/", "local name"),
        ("https://LOCALHOST:8443/", "local name"),
        ("https://hooks.localhost./", "local name"),
        ("https://printer.local/", "local name"),
        ("https://ip-10-0-0-1.ec2.internal/", "local name"),
        ("https://intranet/", "local name"),
        ("https://127.0.0.1/", "private"),
        ("https://10.1.2.3/", "private"),
        ("https://192.168.1.1/", "private"),
        ("https://169.254.169.254/latest/meta-data", "private"),
        ("https://100.64.0.1/", "private"),
        ("https://0.0.0.0/", "private"),
        ("https://224.0.0.1/", "private"),
        ("https://[::1]/", "private"),
        ("https://[fd00::1]/", "private"),
        ("https://[::ffff:127.0.0.1]/", "private"),
        ("https://2130706433/", "read differently"),
        ("https://127.1/", "read differently"),
        ("https://0x7f.1/", "read differently"),
        ("arn:aws:sqs:eu-west-1:123456789012:partner.fifo", "FIFO"),
        ("arn:aws-cn:sqs:cn-north-1:123456789012:partner", "partition"),
        ("arn:aws:sqs:eu-west-1:123456789012:", "not that of an SQS queue"),
        ("arn:aws:sqs:eu-west-1::partner", "not that of an SQS queue"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:f", "not that of an SQS queue"),
        ("arn:aws:sns:eu-west-1:123456789012:topic", "not that of an SQS queue"),
        (f"{QUEUE}\n", "not that of an SQS queue"),
    ],
)
def test_another_endpoint_is_refused_with_the_reason_and_without_repeating_it(value, reason):
    with pytest.raises(EndpointError, match=reason) as refused:
        parse(value)
    assert not value or value not in str(refused.value)


def test_the_platforms_own_queues_are_refused_and_queues_of_that_name_elsewhere_are_not():
    with pytest.raises(EndpointError, match="belongs to the platform"):
        parse(QUEUE, own_queues={"partner"})
    other = QUEUE.replace("123456789012", "999999999999")
    assert parse(other, own_queues={"partner"}).value == other


@pytest.mark.parametrize("value", ["http://127.0.0.1:8080/", "http://localhost/", "https://10.0.0.1/"])
def test_where_sns_is_on_this_machine_it_reaches_this_machine(value):
    assert parse(value, local=True).value == value


def test_what_is_shown_has_no_query():
    assert parse("https://example.com/hook?token=s3cret").shown == "https://example.com/hook?…"
    assert parse("https://example.com/hook").shown == "https://example.com/hook"
