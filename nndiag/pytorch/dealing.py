"""Where data of a script are complete and not yet dealt out: before what reaches the training.

A variable belongs to a function or to the module; there, the training is reached by its loop, by
the call of a function that has the loop in it, or of one that calls such a function.
"""

import ast
from collections.abc import Iterator

Scope = ast.Module | ast.FunctionDef
Loop = ast.For | ast.While

_DATASETS = frozenset({"TensorDataset", "DataLoader", "random_split"})
_TENSORS = frozenset({"tensor", "from_numpy", "as_tensor", "Tensor", "FloatTensor", "DoubleTensor"})
_LOOKED_AT = frozenset({"len", "print", "isinstance"})


def before_use(tree: ast.Module, loop: Loop, name: str, *, is_array: bool) -> ast.stmt | None:
    """The statement before which to change some data; None where nothing proves one right.

    Args:
        tree: The script.
        loop: The outermost loop of the training in its function.
        name: The variable.
        is_array: Whether it is an array, that tensors are made of.
    """
    reaching = _reaching(tree, loop)
    dealers = _DATASETS | (_TENSORS if is_array else set())
    for scope in reaching:
        start = _bound_at(scope, name)
        if start:
            found = _users(scope, loop, reaching, name=name, dealers=dealers)
            places = sorted((x for x in found if x.lineno > start), key=lambda x: x.lineno)
            computed = places and _computes(scope, name, places, dealers=dealers)
            return None if computed or not places else places[0]
    return None


def is_bound_before(tree: ast.Module, place: ast.stmt, name: str) -> bool:
    """Whether a variable is set in the scope of a statement, and before it only."""
    scope = next(x for x in reversed(_around(tree, place)) if isinstance(x, Scope))
    lines = _setting(scope, name)
    return bool(lines) and max(lines) < place.lineno


def own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions and classes in it."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from own(node)


def _around(tree: ast.Module, place: ast.AST) -> list[ast.AST]:
    """The nodes that a statement lies in, the module first."""
    line = getattr(place, "lineno", 0)
    found = [
        node
        for node in ast.walk(tree)
        if getattr(node, "lineno", line + 1) < line <= (getattr(node, "end_lineno", 0) or 0)
    ]
    return [tree, *sorted(found, key=lambda node: getattr(node, "lineno", 0))]


def _reaching(tree: ast.Module, loop: Loop) -> list[Scope]:
    """The scopes that the training is reached from: the module, functions from the outside in."""
    functions = [x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef)]
    found: list[Scope] = [x for x in _around(tree, loop) if isinstance(x, ast.FunctionDef)]
    del found[:-1]
    grown = True
    while grown:
        more = [x for x in functions if x not in found and any(_calls(x, found))]
        found, grown = [*more, *found], bool(more)
    return [tree, *found]


def _calls(scope: Scope, functions: list[Scope]) -> Iterator[ast.Call]:
    """The calls in a scope of some functions, methods by the name of the method."""
    names = {x.name for x in functions if isinstance(x, ast.FunctionDef)}
    for node in own(scope):
        if isinstance(node, ast.Call) and _called(node) in names:
            yield node


def _called(call: ast.Call) -> str:
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def _users(
    scope: Scope, loop: Loop, reaching: list[Scope], *, name: str, dealers: frozenset[str]
) -> Iterator[ast.stmt]:
    """The statements of a scope that deal a variable out or reach the training."""
    calls = set(_calls(scope, reaching))
    for node in own(scope):
        dealt = isinstance(node, ast.Call) and _called(node) in dealers and _uses(node, name)
        if node is loop or node in calls or dealt:
            statement = _outermost(scope, node)
            if statement is not None:
                yield statement


def _computes(scope: Scope, name: str, places: list[ast.stmt], *, dealers: frozenset[str]) -> bool:
    """Whether something is computed of a variable between its first use and the training."""
    for node in own(scope):
        if not isinstance(node, ast.Assign):
            continue
        if not places[0].lineno <= node.lineno < places[-1].lineno:
            continue
        for part in ast.walk(node.value):
            taken = [part.left, part.right] if isinstance(part, ast.BinOp) else []
            if isinstance(part, ast.Call) and _called(part) not in dealers | _LOOKED_AT:
                taken = part.args
            if any(isinstance(x, ast.Name) and x.id == name for x in taken):
                return True
    return False


def _outermost(scope: Scope, node: ast.AST) -> ast.stmt | None:
    """The statement of a scope that a node lies in, a loop around it where there is one."""
    line = getattr(node, "lineno", 0)
    around = [
        x for x in own(scope) if isinstance(x, ast.stmt) and x.lineno <= line <= (x.end_lineno or 0)
    ]
    loops = [x for x in around if isinstance(x, Loop)]
    chosen = min(loops, key=lambda x: x.lineno, default=None)
    return chosen or max(around, key=lambda x: (x.lineno, -(x.end_lineno or 0)), default=None)


def _bound_at(scope: Scope, name: str) -> int:
    """The first line that sets a variable in a scope; 0 where none does."""
    lines = _setting(scope, name)
    if isinstance(scope, ast.FunctionDef) and any(x.arg == name for x in scope.args.args):
        lines.append(scope.lineno)
    return min(lines, default=0)


def _setting(scope: ast.AST, name: str) -> list[int]:
    """The lines of a scope that set a variable."""
    names = (x for x in own(scope) if isinstance(x, ast.Name) and x.id == name)
    return [x.lineno for x in names if isinstance(x.ctx, ast.Store)]


def _uses(call: ast.Call, name: str) -> bool:
    return any(isinstance(x, ast.Name) and x.id == name for x in ast.walk(call))
