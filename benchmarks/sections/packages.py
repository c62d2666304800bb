"""Sizes of what is uploaded to Lambda."""

from benchmarks.measure import ROOT, Effort
from deployer.artifacts import packaging, wheels
from deployer.aws import local


def measure(effort: Effort) -> list[dict]:
    code = packaging.functions(ROOT)
    layer = wheels.layer(ROOT / "requirements" / "layer.txt", local.cache_directory(ROOT) / "wheels")
    return [
        {"what": "our code, zipped", "median": f"{len(code.content) / 1000:.0f} kB", "ratio": "", "target": "< 100 kB"},
        {"what": "layer, zipped", "median": f"{len(layer.content) / 1e6:.1f} MB", "ratio": "", "target": "< 5 MB"},
    ]
