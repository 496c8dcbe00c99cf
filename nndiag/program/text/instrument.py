"""The program's syntax tree with calls of nndiag's own put in: loop heads, values, updates.

The hooks are looked up among the builtins that `sandbox.program_builtins` gives the program. Each
node of the original tree carries a node id, which all hooks report.
"""

from __future__ import annotations

import ast
import copy
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nndiag.program.text.scopes import LOOPS, SCOPES, Loop, LoopNode, loops_in, nested_functions
from nndiag.program.text.tracing import TRACE, TracingTransformer

HEAD, ENTER, EXIT, TICK = "__nnd_head__", "__nnd_enter__", "__nnd_exit__", "__nnd_tick__"
PROBE, AFTER, RESET = "__nnd_probe__", "__nnd_after__", "__nnd_reset__"
HOLD = "__nnd_hold__"
_STEP = "__nnd_step__"
HOOK_LINE = 9_000_000  # where hook lambdas pretend to stand, so that they can be told apart

CodeKey = tuple[Any, ...]
"""Identifies a function of the program: its top-level statement and the way down from there."""


def number_nodes(tree: ast.Module) -> dict[int, ast.AST]:
    """Gives each node a node id, and returns the nodes by it."""
    nodes = dict(enumerate(ast.walk(tree)))
    for node_id, node in nodes.items():
        node.node_id = node_id  # type: ignore[attr-defined]
    return nodes


def node_id_of(node: ast.AST) -> int:
    """The node id of a node of the original tree; -1 where it has none."""
    return int(getattr(node, "node_id", -1))


def parents_of(tree: ast.AST) -> dict[int, ast.AST]:
    """The parent of each node, by the node's node_id."""
    return {
        node_id_of(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
    }


@dataclass(frozen=True)
class Instruments:
    """What is put into a copy of the program.

    Attributes:
        probes: Serials of the expressions to report; None for all.
        after: Serials of the statements after which `AFTER` reports; None for all.
        resets: Serials of the statements after which `RESET` is called.
        forced: Serials of the `if` statements whose body always runs.
        traced: Whether every operation is handed to the tracer, instead of probes.
    """

    probes: frozenset[int] | None = frozenset()
    after: frozenset[int] | None = frozenset()
    resets: frozenset[int] = frozenset()
    forced: frozenset[int] = frozenset()
    traced: bool = False

    @property
    def transformer(self) -> ast.NodeTransformer:
        """What puts them into a tree."""
        if self.traced:
            return TracingTransformer(resets=self.resets, forced=self.forced)
        return Instrumenter(self)


def hooked(
    tree: ast.Module, loops: Iterable[Loop], instruments: Instruments | None = None
) -> ast.Module:
    """The whole program with a hook at the head of each iteration of each loop.

    Args:
        tree: The program.
        loops: Its loops.
        instruments: What else is put in.
    """
    tree = copy.deepcopy(tree)
    if instruments is not None:
        Instrumenter(instruments).generic_visit(tree)
    _close_over_all(tree)
    by_key = {loop.key: loop for loop in loops}
    for top, statement in enumerate(tree.body):
        for loop in loops_in(statement, top):
            known = by_key[loop.key]
            names = known.variables if known.in_function else None
            loop.node.body.insert(0, _head(loop, names))
    body: list[ast.stmt] = [
        _Bracketed(top).visit(statement) for top, statement in enumerate(tree.body)
    ]
    tree.body = body
    return ast.fix_missing_locations(tree)


def _head(loop: Loop, names: tuple[str, ...] | None) -> ast.stmt:
    """A call that hands over which loop this is and the cells of its function's variables."""
    cells = "None" if names is None else f"lambda: ({', '.join([*names, ''])})"
    call = ast.parse(f"{HEAD}({loop.key}, {cells})").body[0]
    for node in ast.walk(call):
        if isinstance(node, (ast.expr, ast.stmt)):
            node.lineno = node.end_lineno = HOOK_LINE
    return call


def _close_over_all(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Lets each function in a function close over all that it can read there; gives those changed.

    A function keeps its cells when its code is replaced, so that the code of all variants has to
    have the same free variables, whatever hooks and edits read. A read that is never made, which
    the compiler drops, is enough for that.
    """
    changed = []
    for function, names in nested_functions(tree):
        read = ast.parse(f"if 0: ({', '.join(names)},)").body[0]
        for node in ast.walk(read):
            ast.copy_location(node, function.body[-1])
        changed.append(function)
        function.body.append(read)
    return changed


class _Bracketed(ast.NodeTransformer):
    """Puts a hook before and behind each loop."""

    def __init__(self, top: int) -> None:
        self.top = top
        self.ordinal = -1

    def _visit_loop(self, node: ast.AST) -> ast.AST:
        self.ordinal += 1
        key = (self.top, self.ordinal)
        node = self.generic_visit(node)
        enter = ast.parse(f"{ENTER}({key})").body
        leave = ast.parse(f"{EXIT}({key})").body
        block = ast.Try(body=enter, handlers=[], orelse=[], finalbody=leave)
        block.body.append(node)  # type: ignore[arg-type]
        return ast.copy_location(block, node)

    visit_For = visit_While = _visit_loop  # noqa: N815 - names are given by ast


class Instrumenter(ast.NodeTransformer):
    """Puts probes and statement hooks into a tree, in place."""

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments

    def visit(self, node: ast.AST) -> Any:
        """The instrumented node; a list where a statement got a hook behind it."""
        node_id = node_id_of(node)
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        if isinstance(node, ast.arguments) or _is_pattern(node):
            return node
        if isinstance(node, ast.Call):
            self._visit_call(node)
        else:
            self.generic_visit(node)
        if isinstance(node, ast.If) and node_id in self.instruments.forced:
            node.test = ast.copy_location(ast.Constant(True), node.test)
        if isinstance(node, LOOPS):
            node.body.insert(0, _call(TICK, None, node))
        if isinstance(node, ast.expr):
            return self._probed(node, node_id)
        if isinstance(node, ast.stmt) and not isinstance(node, SCOPES):
            return self._followed(node, node_id)
        return node

    def _visit_call(self, node: ast.Call) -> None:
        """Visits a call's arguments, and what its method is called on, but not its function."""
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        elif not isinstance(node.func, ast.Name):
            self.generic_visit(node.func)
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)

    def _probed(self, node: ast.expr, node_id: int) -> ast.expr:
        wanted = self.instruments.probes is None or node_id in self.instruments.probes
        if not wanted or not _is_probeable(node):
            return node
        call = ast.Call(
            func=ast.Name(PROBE, ast.Load()), args=[ast.Constant(node_id), node], keywords=[]
        )
        return ast.copy_location(call, node)

    def _followed(self, node: ast.stmt, node_id: int) -> Any:
        hooks: list[ast.stmt] = []
        simple = isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Delete))
        if simple and (self.instruments.after is None or node_id in self.instruments.after):
            hooks.append(_call(AFTER, node_id, node))
        if node_id in self.instruments.resets:
            hooks.append(_call(RESET, node_id, node))
        return [node, *hooks] if hooks else node


def _is_pattern(node: ast.AST) -> bool:
    return isinstance(node, getattr(ast, "pattern", ()))  # Python 3.9 has none


def _is_probeable(node: ast.expr) -> bool:
    kinds = (ast.BinOp, ast.UnaryOp, ast.Call, ast.IfExp)
    if isinstance(node, kinds):
        return True
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(
        node.ctx, ast.Load
    )


def _call(name: str, argument: int | None, node: ast.stmt) -> ast.stmt:
    return _called(f"{name}()" if argument is None else f"{name}({argument})", node)


def _called(text: str, node: ast.AST) -> ast.stmt:
    call = ast.parse(text).body[0]
    for item in ast.walk(call):
        ast.copy_location(item, node)
    return call


def compile_step(
    node: LoopNode,
    loop: Loop,
    file: str,
    instruments: Instruments | None,
    *,
    behind: Sequence[ast.stmt] = (),
) -> types.CodeType:
    """The code of one iteration of a loop.

    At module level it runs in the program's globals. In a function it is the code of a closure over
    that function's variables.

    Args:
        node: The loop's syntax tree, in any variant of the program.
        loop: The loop.
        file: Name of the file, for tracebacks.
        instruments: What is put in; None for nothing.
        behind: What is traced behind the iteration; where it fails the iteration has run.
    """
    node = node if instruments is None else copy.deepcopy(node)
    once = ast.For(
        target=ast.Name("__nnd_once__", ast.Store()),
        iter=ast.Tuple([ast.Constant(0)], ast.Load()),
        body=node.body,
        orelse=[],
    )
    if instruments is not None:
        instruments.transformer.generic_visit(once)
    for item in (once, once.target, once.iter, once.iter.elts[0]):  # type: ignore[attr-defined]
        ast.copy_location(item, node)
    body: list[ast.stmt] = [once]
    if instruments is not None and instruments.traced and behind:
        body += _traced_behind(behind, instruments, node)
    if loop.in_function:
        body = _closure_over(loop, body)
    module = ast.Module(body=body, type_ignores=[])
    if instruments is not None:
        ast.fix_missing_locations(module)
    code = compile(module, file, "exec")
    if not loop.in_function:
        return code
    return next(item for item in _all_codes(code) if item.co_name == _STEP)


def _traced_behind(
    behind: Sequence[ast.stmt], instruments: Instruments, node: ast.AST
) -> list[ast.stmt]:
    """Statements that run behind an iteration, each as far as it goes."""
    whole = ast.Module(body=[copy.deepcopy(statement) for statement in behind], type_ignores=[])
    instruments.transformer.generic_visit(whole)
    begin = _called(f"{TRACE}.graph.begin_behind()", node)
    return [_as_far_as_it_goes(statement) for statement in (begin, *whole.body)]


def _as_far_as_it_goes(statement: ast.stmt) -> ast.stmt:
    block = ast.parse("try:\n pass\nexcept Exception:\n pass").body[0]
    assert isinstance(block, ast.Try)
    block.body = [statement]
    return ast.copy_location(block, statement)


def _closure_over(loop: Loop, body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements as a function inside a function that has the loop's variables."""
    names = [name for name in loop.variables if name.isidentifier()]
    text = f"def __nnd_factory__({', '.join(names)}):\n def {_STEP}():\n"
    text += f"  nonlocal {', '.join(names)}\n" if names else ""
    text += f"  global {', '.join(loop.global_names)}\n" if loop.global_names else ""
    factory = ast.parse(text + "  pass").body
    step = factory[0].body[0]  # type: ignore[attr-defined]
    step.body[-1:] = body
    for scope in reversed(loop.scopes):
        if isinstance(scope, ast.ClassDef):  # so that private names are spelled as in the class
            wrapper = ast.parse(f"class {scope.name}: pass").body[0]
            wrapper.body = factory  # type: ignore[attr-defined]
            return [wrapper]
    return factory


def compile_functions(
    statement: ast.stmt, top: int, file: str, instruments: Instruments | None
) -> dict[CodeKey, types.CodeType]:
    """The code of each function of one top-level statement."""
    if not any(isinstance(node, (*SCOPES, ast.Lambda)) for node in ast.walk(statement)):
        return {}
    module = ast.Module(body=[statement], type_ignores=[])
    if instruments is not None:
        found = instruments.transformer.visit(copy.deepcopy(statement))
        module.body = found if isinstance(found, list) else [found]
        ast.fix_missing_locations(module)
    closed = _close_over_all(module)
    try:
        return keyed_codes(compile(module, file, "exec"), top)
    finally:
        for function in closed:
            function.body.pop()


def keyed_codes(code: types.CodeType, top: int) -> dict[CodeKey, types.CodeType]:
    """The code objects below one top-level statement's, by their keys."""
    return dict(_keyed(code, (top,)))


def _keyed(code: types.CodeType, key: CodeKey) -> Iterator[tuple[CodeKey, types.CodeType]]:
    count = 0
    for item in code.co_consts:
        if isinstance(item, types.CodeType) and item.co_firstlineno < HOOK_LINE:
            child = (*key, count, item.co_name)
            count += 1
            yield child, item
            yield from _keyed(item, child)


def _all_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for item in code.co_consts:
        if isinstance(item, types.CodeType):
            yield item
            yield from _all_codes(item)
