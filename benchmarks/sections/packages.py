"""Sizes of what is uploaded to Lambda."""

from benchmarks.measure import ROOT, Effort
from benchmarks.rows import Row, at_most, row
from deployer.artifacts import packaging, wheels
from deployer.aws import local


def measure(effort: Effort) -> list[Row]:
    code = packaging.functions(ROOT)
    layer = wheels.layer(ROOT / "requirements" / "layer.txt", local.cache_directory(ROOT) / "wheels")
    return [
        row("our code, zipped", "kB", [len(code.content) / 1000], target=at_most(100)),
        row("layer, zipped", "MB", [len(layer.content) / 1e6], target=at_most(5)),
    ]
