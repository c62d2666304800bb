"""Read the provider schemas of resource types that cfn-lint ships: its files, since importing it takes a second."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def read(resource_type: str, region: str) -> Mapping[str, Any]:
    """Return the provider schema of a resource type; {} for an unknown type or region."""
    try:
        return _read(f"resources/{_file_names(region)[resource_type]}.json")
    except (OSError, KeyError):
        return {}


@cache
def _file_names(region: str) -> Mapping[str, str]:
    return _read(f"providers/{region}.json")


def _read(name: str) -> Any:
    spec = find_spec("cfnlint")  # resources.files("cfnlint") would import it
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed", name="cfnlint")
    return json.loads((Path(spec.origin).parent / "data" / "schemas" / name).read_text("utf-8"))
