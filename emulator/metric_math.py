"""The arithmetic of metrics, for alarms and for graphs: ``100 * errors / MAX([errors, invocations])``."""

import ast
from collections.abc import Callable, Iterator, Mapping


class MathError(ValueError):
    """The expression uses something that this module does not implement."""


def evaluate(expression: str, values: Mapping[str, float | None]) -> float | None:
    """Return the expression's value for one period, None if a metric that it needs is missing."""
    return _value(_parsed(expression), values)


def in_order(expressions: Mapping[str, str], metrics: set[str]) -> Iterator[tuple[str, str, set[str]]]:
    """Yield id, expression and the ids that it refers to, each expression after those.

    Raises MathError, naming the expression, for one that no metrics can make valid.
    """
    used = {key: names(expression) for key, expression in expressions.items()}
    known = set(metrics)
    while len(known) < len(metrics) + len(expressions):
        ready = [key for key in expressions if key not in known and used[key] <= known]
        if not ready:
            key = next(key for key in expressions if key not in known)
            raise MathError(f"Error in expression '{key}': {', '.join(sorted(used[key] - known))} is not known")
        for key in ready:
            try:
                evaluate(expressions[key], dict.fromkeys(known, 1.0))
            except MathError as error:
                raise MathError(f"Error in expression '{key}': {error}") from error
            yield key, expressions[key], used[key]
        known |= set(ready)


def names(expression: str) -> set[str]:
    """Return the ids that an expression refers to."""
    tree = _parsed(expression)
    functions = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node not in functions}


def _parsed(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as error:
        raise MathError(f"cannot read {expression!r}") from error


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
    if name == "FILL" and len(arguments) == 2:
        return arguments[1] if arguments[0] is None else arguments[0]
    if name == "IF" and len(arguments) in (2, 3):
        condition, then, otherwise = [*arguments, None][:3]
        return None if condition is None else then if condition else otherwise
    if name in MANY and arguments:
        given = arguments[0] if isinstance(arguments[0], list) else arguments
        present = [value for value in given if value is not None]
        return MANY[name](present) if present else None
    raise MathError(f"unknown function {name} of {len(arguments)}")


BINARY = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b if b else None,  # CloudWatch has no data point then
}
COMPARE = {
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}
MANY: dict[str, Callable[[list[float]], float]] = {
    "MAX": max,
    "MIN": min,
    "SUM": sum,
    "AVG": lambda values: sum(values) / len(values),
}
