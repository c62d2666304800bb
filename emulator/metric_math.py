"""The arithmetic of metric alarms: ``100 * errors / MAX([errors, invocations])``."""

import ast
from collections.abc import Mapping


class MathError(ValueError):
    """The expression uses something that this file does not know."""


def evaluate(expression: str, values: Mapping[str, float | None]) -> float | None:
    """The expression's value for one period; None where a metric that it needs is missing."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as error:
        raise MathError(f"cannot read {expression!r}") from error
    try:
        return _value(tree, values)
    except ZeroDivisionError:
        return None  # CloudWatch has no data point then


def _value(node: ast.AST, values: Mapping[str, float | None]):
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name):
        if node.id not in values:
            raise MathError(f"unknown metric {node.id}")
        return values[node.id]
    if isinstance(node, ast.List):
        return [_value(item, values) for item in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand, values)
        return None if value is None else -value
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        left, right = _value(node.left, values), _value(node.right, values)
        return None if left is None or right is None else BINARY[type(node.op)](left, right)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARE:
        left, right = _value(node.left, values), _value(node.comparators[0], values)
        return None if left is None or right is None else float(COMPARE[type(node.ops[0])](left, right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id.upper(), [_value(argument, values) for argument in node.args])
    raise MathError(f"cannot evaluate {ast.unparse(node)}")


def _call(name: str, arguments: list):
    if name == "FILL":
        return arguments[1] if arguments[0] is None else arguments[0]
    if name == "IF":
        condition, then, otherwise = [*arguments, None][:3]
        return None if condition is None else then if condition else otherwise
    if name in MANY:
        given = arguments[0] if isinstance(arguments[0], list) else arguments
        present = [value for value in given if value is not None]
        return MANY[name](present) if present else None
    raise MathError(f"unknown function {name}")


BINARY = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
COMPARE = {
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}
MANY = {"MAX": max, "MIN": min, "SUM": sum, "AVG": lambda values: sum(values) / len(values)}
