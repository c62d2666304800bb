"""Upload a sample file of orders, and read its import report."""

from pathlib import Path

from console.deployment import Deployment
from console.ordering import EXAMPLES
from deployer.errors import Exit, Failure
from operations.imports import file_import
from operations.imports.file_import import Outcome, Upload


def files() -> list[str]:
    return sorted(path.name for path in (EXAMPLES / "import").iterdir())


def upload(deployment: Deployment, name: str) -> dict:
    """Upload a sample; return the key and the version under which its report is found. Raises Failure(USAGE)."""
    if name not in files():
        raise Failure(Exit.USAGE, "there is no such sample", f"one of {', '.join(files())}")
    path = EXAMPLES / "import" / name
    size, key, bucket = file_import.check(path), file_import.key_of(Path(name)), deployment.outputs["UploadBucketName"]
    made = file_import.upload(deployment.aws.client("s3"), path, size, bucket, key, lambda done, of: None)
    return {"key": made.key, "version": made.version}


def report(deployment: Deployment, key: str, version: str) -> dict:
    """Return the current report, None if there is none, and of a final one the first rejected records."""
    s3, bucket = deployment.aws.client("s3"), deployment.outputs["UploadBucketName"]
    found = file_import.report_on(s3, Upload(bucket, key, version))
    final = Outcome(found).final
    rejected = file_import.first_rejected(s3, bucket, final["rejectedFiles"]) if final and final["rejected"] else []
    return {"report": found, "final": final is not None, "rejected": rejected}
