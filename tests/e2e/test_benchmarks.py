"""Every section of the benchmarks can be measured, with the seeds' code to compare with and without."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.rows import Row, from_json
from benchmarks.sections import BY_DEFAULT
from tests.e2e.support import ROOT

pytestmark = pytest.mark.e2e

COMPARED = ("imports", "pipeline")
# Documents like the seeds', as far as benchmarks/seeds.py looks into them, with the least that stores an order.
WORKER = """
### File: lib/lambda/order_processor.py

```python
import json, os, boto3

def handler(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["ORDERS_TABLE"])
    for record in event["Records"]:
        order = json.loads(record["body"])
        table.put_item(Item={"orderId": order["orderId"], "customerId": order["customerId"], "timestamp": "1"})
    return {"batchItemFailures": []}
```
"""
IMPORTER = """
      Code:
        ZipFile: |
          import json, os, boto3

          def handler(event, context):
              place = event["detail"]
              file = boto3.client("s3").get_object(Bucket=place["bucket"]["name"], Key=place["object"]["key"])
              table = boto3.resource("dynamodb").Table(os.environ["DYNAMODB_TABLE"])
              for order in json.load(file["Body"]):
                  table.put_item(Item={"orderId": order["orderId"], "processedTimestamp": 1})
"""


def measured(section: str, seeds: Path) -> list[Row]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", section, "--smallest", "--json"],
        cwd=ROOT,
        env={"FOOD_DELIVERY_CACHE_DIR": str(ROOT / ".local"), **os.environ, "SEEDS": str(seeds)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [result] = json.loads(done.stdout)
    assert result["rows"]
    return [from_json(row) for row in result["rows"]]


@pytest.mark.parametrize("section", BY_DEFAULT)
def test_a_section_is_measured_without_the_seeds(section: str, tmp_path: Path) -> None:
    rows = measured(section, tmp_path / "nowhere")
    assert len([row for row in rows if row.taken is None]) == (section in COMPARED)


@pytest.mark.load
@pytest.mark.parametrize("section", COMPARED)
def test_a_section_is_compared_with_the_seeds(section: str, tmp_path: Path) -> None:
    (tmp_path / "003_seed.txt").write_text(WORKER)
    (tmp_path / "004_seed.txt").write_text(IMPORTER)
    rows = measured(section, tmp_path)
    assert all(row.taken for row in rows)
    assert any(row.ratio for row in rows)
