"""Prepare rendered templates for deployment: relative TemplateURLs become S3 URLs with the content's hash. Pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from deployer.errors import Exit, Failure
from deployer.plan import cfn_yaml

_RELATIVE = re.compile(r"""(\bTemplateURL:\s*)(["']?)\./([\w-]+)\.yaml\2(?=\s|$)""")


@dataclass(frozen=True)
class Bundle:
    """The templates to be uploaded.

    `bodies`: S3 key -> text, root and children. `child_keys`: logical id in the root -> key of the child.
    """

    root_key: str
    root_body: str
    root: dict
    root_url: str
    bodies: Mapping[str, str]
    child_keys: Mapping[str, str]

    @cached_property
    def children(self) -> Mapping[str, dict[str, Any]]:
        """Logical id in the root -> parsed child; parsed only if needed, since it takes a while."""
        return {logical_id: cfn_yaml.load(self.bodies[key]) for logical_id, key in self.child_keys.items()}


def key_of(text: str) -> str:
    return f"templates/{hashlib.sha256(text.encode()).hexdigest()}.yaml"


def bundle(rendered: Mapping[str, str], host: str, bucket: str) -> Bundle:
    """Rewrite the root's TemplateURLs (`./data.yaml`) to `host/bucket/templates/<sha256>.yaml`.

    Raises Failure(USAGE) if the root refers to a template that was not rendered.
    """
    keys = {name: key_of(text) for name, text in rendered.items() if name != "root"}
    used: dict[str, str] = {}

    def absolute(match: re.Match) -> str:
        name = match[3]
        if name not in keys:
            raise Failure(Exit.USAGE, f"root.yaml refers to ./{name}.yaml, which the generator does not render")
        url = f"{host}/{bucket}/{keys[name]}"
        used[url] = name
        return match[1] + url

    root_body = _RELATIVE.sub(absolute, rendered["root"])
    root = cfn_yaml.load(root_body)
    urls = child_urls(root)
    for logical_id, url in urls.items():
        if url not in used:
            raise Failure(Exit.USAGE, f"root.yaml: {logical_id}: TemplateURL {url!r} is not of the form ./name.yaml")
    children = {logical_id: keys[used[url]] for logical_id, url in urls.items()}
    bodies = {keys[name]: rendered[name] for name in used.values()}
    root_key = key_of(root_body)
    return Bundle(root_key, root_body, root, f"{host}/{bucket}/{root_key}", {**bodies, root_key: root_body}, children)


def child_urls(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return logical id -> TemplateURL of each nested stack."""
    return {
        logical_id: resource.get("Properties", {}).get("TemplateURL")
        for logical_id, resource in template.get("Resources", {}).items()
        if isinstance(resource, dict) and resource.get("Type") == "AWS::CloudFormation::Stack"
    }


def same(deployed: str | dict, new: dict) -> bool:
    """Return True if the deployed template equals `new`, except for the hosts of TemplateURLs.

    TemplateURLs contain hashes, so equal paths are equal templates, whatever the endpoint.
    """
    try:
        old = cfn_yaml.load(deployed) if isinstance(deployed, str) else deployed
    except Exception:
        return False  # not a template that this program deployed
    return without_hosts(old) == without_hosts(new)


def without_hosts(node: Any) -> Any:
    """Remove the hosts from the TemplateURLs of a template."""
    if isinstance(node, dict):
        return {
            key: urlsplit(value).path if key == "TemplateURL" and isinstance(value, str) else without_hosts(value)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [without_hosts(item) for item in node]
    return node


def parameter_values(template: dict, given: Mapping[str, str]) -> dict[str, str]:
    """Return every parameter of the template with its value: the given one, else the default.

    Raises Failure(USAGE) if a given parameter is not declared, or a declared one has no value.
    """
    declared = template.get("Parameters", {})
    unknown = sorted(given.keys() - declared.keys())
    missing = sorted(name for name, spec in declared.items() if name not in given and "Default" not in spec)
    if unknown or missing:
        parts = [f"does not declare {', '.join(unknown)}"] if unknown else []
        parts += [f"requires {', '.join(missing)}"] if missing else []
        raise Failure(
            Exit.USAGE,
            f"root.yaml {' and '.join(parts)}",
            "declare parameters in config/environment.py or generator/parameters.py",
        )
    return {name: str(given.get(name, spec.get("Default", ""))) for name, spec in declared.items()}
