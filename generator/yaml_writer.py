"""Templates as YAML for review.

Keys are in a fixed order, intrinsics in short form, text of several lines in literal blocks, long text folded.
"""

import yaml
from yaml.emitter import ScalarAnalysis

SECTIONS = (
    *("AWSTemplateFormatVersion", "Description", "Transform", "Metadata"),
    *("Parameters", "Mappings", "Conditions", "Resources", "Outputs"),
)
ATTRIBUTES = (
    *("Type", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"),
    *("Description", "Properties"),
)
WIDTH = 110


def write(template: dict) -> str:
    ordered = _ordered({"AWSTemplateFormatVersion": "2010-09-09", **template}, SECTIONS)
    for section in ("Parameters", "Resources", "Outputs"):
        ordered[section] = {name: _ordered(entry, ATTRIBUTES) for name, entry in ordered.get(section, {}).items()}
    return plain({key: value for key, value in ordered.items() if value})


def plain(document: dict) -> str:
    """Write a document in block style, without sorting its keys."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True)


def _ordered(mapping: dict, first: tuple[str, ...]) -> dict:
    rank = {key: index for index, key in enumerate(first)}
    return dict(sorted(mapping.items(), key=lambda entry: rank.get(entry[0], len(rank))))


_analyses: dict[str, ScalarAnalysis] = {}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data) -> bool:
        return True

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)

    def analyze_scalar(self, scalar):
        # A quarter of the time of a rendering, and names repeat.
        if scalar not in _analyses:
            _analyses[scalar] = super().analyze_scalar(scalar)
        return _analyses[scalar]

    def choose_scalar_style(self):
        # `!Ref Name`, not `!Ref 'Name'`.
        style = super().choose_scalar_style()
        assert isinstance(self.event, yaml.ScalarEvent) and self.analysis
        tagged = self.event.tag and self.event.tag.startswith("!")
        return "" if style == "'" and tagged and self.analysis.allow_block_plain else style


def _text(dumper: _Dumper, text: str):
    long = len(text) > WIDTH and " " in text
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else ">" if long else None)


def _mapping(dumper: _Dumper, mapping: dict):
    if len(mapping) == 1:
        (name, value), *_ = mapping.items()
        if name in ("Ref", "Condition") and isinstance(value, str):
            return dumper.represent_scalar(f"!{name}", value)
        if isinstance(name, str) and name.startswith("Fn::"):
            return _intrinsic(dumper, f"!{name[4:]}", value)
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping)


def _intrinsic(dumper: _Dumper, tag: str, value):
    if tag == "!GetAtt":
        return dumper.represent_scalar(tag, ".".join(value))
    if isinstance(value, list):
        return dumper.represent_sequence(tag, value)
    return dumper.represent_scalar(tag, value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _mapping)
