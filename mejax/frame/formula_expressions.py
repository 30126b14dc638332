"""Python expressions in formulas: the columns that they read."""

import ast
import re


def names_in_expression(expression: str) -> list[str]:
    """The columns of an expression: quoted by backticks, by `Q()`, or bare (but not names of functions)."""
    quoted = re.findall(r"`([^`]*)`", expression)
    nodes = list(ast.walk(parsed_expression(expression)))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    functions = {id(call.func) for call in calls}
    by_q = [str(call.args[0].value) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Q"
            and call.args and isinstance(call.args[0], ast.Constant)]  # fmt: skip
    bare = [node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in functions]
    return [*(name for name in bare if name != "_quoted"), *quoted, *by_q]


def coded_variable(expression: str) -> str:
    """The column whose levels a categorical expression has, `C(Q("grp a"), Treatment(2))` or a name; "" for others."""
    if expression.isidentifier() or not re.search(r"[()`'\"]", expression):
        return expression
    quoted = re.findall(r"`([^`]*)`", expression)
    try:
        node = parsed_expression(expression).body
    except SyntaxError:
        return expression
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("C", "factor"):
        node = node.args[0] if node.args else node.func
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Q":
        first = node.args[0] if node.args else None
        return str(first.value) if isinstance(first, ast.Constant) else ""
    if isinstance(node, ast.Name):
        return quoted[0] if node.id == "_quoted" else node.id
    return ""


def parsed_expression(expression: str) -> ast.Expression:
    return ast.parse(re.sub(r"`[^`]*`", "_quoted", expression), mode="eval")
