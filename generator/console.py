"""Links into the AWS console, whose domain depends on the partition."""

from troposphere import FindInMap, Ref, Sub, Template

MAPPING = "Console"

# AWS general reference, "AWS Management Console endpoints", for the first; the others are where botocore's rules for
# the service signin say that one signs in, but for the first word.
DOMAINS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "console.amazonaws-eusc.eu",
    "aws-iso": "console.c2shome.ic.gov",
    "aws-iso-b": "console.sc2shome.sgov.gov",
    "aws-iso-e": "console.csphome.adc-e.uk",
    "aws-iso-f": "console.csphome.hci.ic.gov",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def declare(template: Template) -> None:
    template.add_mapping(MAPPING, {partition: {"Domain": domain} for partition, domain in DOMAINS.items()})


def cloudwatch() -> Sub:
    """Return the URL of CloudWatch in the stack's region; append a page, such as `#logsV2:logs-insights`."""
    url = "https://${AWS::Region}.${Domain}/cloudwatch/home?region=${AWS::Region}"
    return Sub(url, Domain=FindInMap(MAPPING, Ref("AWS::Partition"), "Domain"))
