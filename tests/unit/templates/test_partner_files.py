"""What a role of a partner can do in the upload bucket: its own policy and the bucket's, by the rules of IAM.

A request of the same account is allowed if a policy allows it and none denies it (IAM user guide, "Policy evaluation
logic"). Variables in resources have the principal's tags.
"""

import json
import re
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path

import pytest

from contract.imports import partner_of, rejected_key, report_key
from tests.unit.templates.support import evaluate

BUCKET = "arn:aws:s3:::uploads"
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}]}
UPLOADING = {"s3:PutObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"}
ACTIONS = UPLOADING | {
    *("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:DeleteObject", "s3:DeleteObjectVersion"),
    *("s3:PutObjectTagging", "s3:PutObjectAcl", "s3:RestoreObject"),
}
OF_BUCKET = {"s3:ListBucket", "s3:ListBucketVersions", "s3:PutBucketPolicy", "s3:DeleteBucket", "s3:GetBucketLocation"}
PARTNERS = ("acme", "acme-2", "bistro")


def keys_of(partner: str) -> dict[str, str]:
    """A file of a partner, and what the importer writes about it."""
    file = f"orders/{partner}/2026/orders.csv"
    return {"file": file, "report": report_key(file, "v1"), "rejected": rejected_key(file, "v1", 1, 9, "digest")}


# The operator's, also where their names are those of a partner's folder.
OPERATORS_FILES = ("orders/acme", "orders/acme.csv", "orders/acm", "orders//x.csv")
ELSEWHERE = (
    *OPERATORS_FILES,
    *(report_key(file, "v1") for file in OPERATORS_FILES),
    *(rejected_key(file, "v1", 1, 9, "digest") for file in OPERATORS_FILES),
    *("orders/orders.csv", "reports/x/v1.json", "smoke/1", "x"),
)


@pytest.fixture(scope="module")
def bucket_policy(data) -> dict:
    given = {"UploadBucket.Arn": BUCKET}
    return evaluate(data, data["Resources"]["UploadBucketPolicy"]["Properties"]["PolicyDocument"], given)


@pytest.fixture(scope="module")
def documented() -> dict:
    text = Path("docs/importing.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    return json.loads(block.replace("BUCKET", "uploads"))


def several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def filled(pattern: str, tags: dict[str, str]) -> str | None:
    """Return the pattern with the principal's tags; None if it has no such tag: then a statement does not match."""
    names = re.findall(r"\$\{aws:PrincipalTag/([^}]+)\}", pattern)
    if not set(names) <= tags.keys():
        return None
    return re.sub(r"\$\{aws:PrincipalTag/([^}]+)\}", lambda found: tags[found[1]], pattern)


def applies(statement: dict, action: str, resource: str, tags: dict[str, str]) -> bool:
    for operator, keys in statement.get("Condition", {}).items():
        for key, expected in keys.items():
            if operator == "Null":
                tag = key.removeprefix("aws:PrincipalTag/")
                if (tag not in tags) != (expected == "true"):
                    return False
            else:
                assert (operator, key, expected) == ("Bool", "aws:SecureTransport", "false")
                return False  # requests here use TLS
    for name, asked in (("Action", action), ("Resource", resource)):
        negated = f"Not{name}" in statement
        patterns = [filled(each, tags) for each in several(statement.get(name) or statement[f"Not{name}"])]
        if any(each is not None and fnmatchcase(asked, each) for each in patterns) is negated:
            return False
    return True


def allowed(action: str, resource: str, tags: dict[str, str], *policies: dict) -> bool:
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in policy["Statement"]
        if applies(statement, action, resource, tags)
    }
    return effects == {"Allow"}


def reach(partner: str, own: dict, bucket: dict) -> set[tuple[str, str]]:
    """Return what a partner's role can do: actions on keys."""
    keys = [*(key for each in PARTNERS for key in keys_of(each).values()), *ELSEWHERE]
    asked = [*product(ACTIONS, keys), *product(OF_BUCKET, [""])]
    return {
        (action, key)
        for action, key in asked
        if allowed(action, f"{BUCKET}/{key}" if key else BUCKET, {"partner": partner}, own, bucket)
    }


def due(partner: str) -> set[tuple[str, str]]:
    keys = keys_of(partner)
    reading = {("s3:GetObject", keys["report"]), ("s3:GetObject", keys["rejected"])}
    return {(action, keys["file"]) for action in UPLOADING} | reading


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_partners_role_uploads_own_files_and_reads_own_reports(partner, documented, bucket_policy):
    assert reach(partner, documented, bucket_policy) == due(partner)


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_partners_role_that_may_do_everything_still_reaches_only_its_own(partner, bucket_policy):
    assert reach(partner, EVERYTHING, bucket_policy) == due(partner)


@pytest.mark.parametrize("key", ["", "x.csv", "/x.csv", "2026/x.csv", "../x.csv", "x"])
def test_what_a_partners_role_uploads_is_imported_as_the_partners(key, bucket_policy):
    file = f"orders/acme/{key}"
    tags = {"partner": "acme"}
    assert allowed("s3:PutObject", f"{BUCKET}/{file}", tags, EVERYTHING, bucket_policy)
    assert allowed("s3:GetObject", f"{BUCKET}/{report_key(file, 'v1')}", tags, EVERYTHING, bucket_policy)
    assert partner_of(file) == "acme"


def test_who_is_no_partner_has_what_its_own_policy_allows(bucket_policy):
    for action, key in product(ACTIONS, ["orders/acme/x.csv", "reports/orders/acme/x.csv/v1.json", "orders/x.csv"]):
        assert allowed(action, f"{BUCKET}/{key}", {"team": "orders"}, EVERYTHING, bucket_policy)


@pytest.mark.parametrize("left_out", ["PartnersReachOwnFiles", "PartnersOnlyUpload", "PartnersOnlyReadReports"])
def test_no_statement_is_there_for_nothing(left_out, bucket_policy):
    fewer = {"Statement": [each for each in bucket_policy["Statement"] if each["Sid"] != left_out]}
    assert reach("acme", EVERYTHING, fewer) > due("acme")


def test_without_the_tag_in_its_resource_a_policy_would_open_the_files_of_others(bucket_policy):
    careless = json.loads(json.dumps(bucket_policy).replace("${aws:PrincipalTag/partner}/", ""))
    assert ("s3:PutObject", keys_of("bistro")["file"]) in reach("acme", EVERYTHING, careless)
