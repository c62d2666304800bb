"""Which function of the generator made a resource: the one that a reader would open."""

import ast
from pathlib import Path

import pytest
from troposphere import BaseAWSObject

from generator import origins
from generator.render import templates

ROOT = Path(__file__).resolve().parents[3]
ORIGINS = origins.origins()


@pytest.mark.parametrize(
    "template, logical_id, file, function",
    [
        ("root", "DataStack", "generator/root.py", "nested"),
        ("data", "OrdersTable", "generator/data.py", "orders_table"),
        ("data", "ApiConfigParameter", "generator/data.py", "settings"),
        ("data", "OrderQueue", "generator/queue_resources.py", "_queue"),
        ("compute", "OrdersCommandFunction", "generator/compute.py", "lambda_of"),
        ("api", "Stage", "generator/api.py", "stage"),
        ("monitoring", "ApiErrorsAlarm", "generator/alarm_resources.py", "alarm"),
    ],
)
def test_the_function_that_holds_the_properties_is_named(template, logical_id, file, function):
    origin = ORIGINS[template, logical_id]
    assert (origin.file, origin.function) == (file, function)


def test_every_resource_has_an_origin():
    assert ORIGINS.keys() == {(name, logical_id) for name, made in templates().items() for logical_id in made.resources}


def test_the_line_is_in_that_function():
    for origin in set(ORIGINS.values()):
        tree = ast.parse((ROOT / origin.file).read_text())
        lines = [
            range(node.lineno, node.end_lineno + 1)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == origin.function
        ]
        assert any(origin.line in span for span in lines), origin


def test_constructors_are_recorded_only_while_rendering_for_origins():
    before = BaseAWSObject.__init__
    origins.origins()
    assert BaseAWSObject.__init__ is before


def test_a_rendering_that_fails_restores_the_constructor(monkeypatch):
    before = BaseAWSObject.__init__
    monkeypatch.setattr("generator.data.build", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        origins.origins()
    assert BaseAWSObject.__init__ is before
