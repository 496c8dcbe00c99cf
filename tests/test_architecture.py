"""Imports point only downward, sizes stay small: the architecture, checked over the syntax trees.

Each rule is one test over all modules, which tells every breach at once.
"""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import nndiag

ROOT = Path(nndiag.__file__).parent

ROWS = (
    {"cli"},
    {"loop", "testing"},
    {"verbs"},
    {"pages"},
    {"report", "plots"},
    {"pytorch"},
    {"fixing", "checkup", "own_program"},
    {"diagnosis", "remedies"},
    {"detectors", "bugs"},
    {"program", "training"},
    {"analysis"},
    {"gradients"},
    {"experiment"},
    {"nn", "trace"},
    {"tables"},
    {
        "archive",
        "bounds",
        "errors",
        "finding",
        "kept",
        "pytree",
        "formatting",
        "cluster",
        "parallel",
        "plain",
        "registry",
        "subject",
        "worker",
    },
    {"arrays"},
)
"""The packages from top to bottom: each may import what stands in a lower row."""

FORBIDDEN = {
    "detectors": {"nn", "training", "program", "experiment"},
    "trace": {"registry"},
}
"""What lies below and still may not be imported."""

ALLOWED_BESIDE = {
    ("registry", "errors"),
    ("pytree", "errors"),
    ("worker", "errors"),
    ("cluster", "errors"),
    ("cluster", "worker"),
    ("parallel", "errors"),
    ("parallel", "worker"),
    ("parallel", "cluster"),
    ("own_program", "checkup"),
}
"""Imports within a row."""

FLOORS = {
    "program": (
        {"asking", "check", "fixed_file", "rates", "running"},
        {"judging"},
        {"result"},
        {"location", "network", "training"},
        {"roles"},
        {"loop"},
        {"child"},
        {"execution"},
        {"graph"},
        {"text"},
    ),
}
"""The folders of a package from top to bottom: each may import what stands in a lower row."""

OWNERS = {
    "rich": {"report", "cli", "verbs"},
    "click": {"cli"},
    "matplotlib": {"plots"},
    "scipy": set(),
    "torch": {"pytorch"},
    "numba": {"nn"},
    "pydantic": {"experiment", "nndiag/report/schema.py"},
    "yaml": {"experiment"},
    "csv": {"tables", "nndiag/report/grade.py"},
    "zipfile": {"archive"},
    "multiprocessing": {"program"},
    "concurrent": {"parallel", "worker", "cluster", "training", "fixing", "nn", "program"},
    "subprocess": {"worker", "program"},
}
"""Libraries, and who may import them: packages, or single modules."""

HEAVY = ("scipy", "matplotlib")
"""Packages that are imported inside functions only, except where everything needs them."""

ENTRANCES = {"nndiag", "__main__"}
"""The package itself and its command: they may import anything."""

LONGEST_MODULE, LONGEST_FUNCTION = 400, 60
MEDIAN_MODULE, USUAL_FUNCTION = 110, 24
"""Lines: of a module and a function at most, of half the modules, of nine functions in ten."""

STILL_LONGER = {
    "nndiag/program/graph/derivatives.py": 674,
    "nndiag/program/graph/tracer.py": 490,
    "nndiag/program/execution/host.py": 420,
}
"""Modules above the limit, with their lines: they may only become shorter."""

MODULES = {path.relative_to(ROOT.parent).as_posix(): path for path in sorted(ROOT.rglob("*.py"))}
"""Place → file."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def package_of(place: str) -> str:
    """The package below nndiag that a module belongs to; "nndiag" for the package itself."""
    first = place.split("/")[1]
    return "nndiag" if first == "__init__.py" else first.removesuffix(".py")


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def found_in(node: ast.AST, *, inside_functions: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield child.module or ""
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        function = isinstance(child, Function | ast.Lambda)
        if (inside_functions or not function) and not is_type_checking(child):
            yield from found_in(child, inside_functions=inside_functions)


@cache
def tree_of(place: str) -> ast.Module:
    return ast.parse(MODULES[place].read_text(encoding="utf-8"))


@cache
def imports_in(place: str, *, inside_functions: bool = True) -> tuple[str, ...]:
    """The modules that are imported when the code runs, absolute."""
    return tuple(dict.fromkeys(found_in(tree_of(place), inside_functions=inside_functions)))


def row_of(package: str) -> int:
    return next(index for index, row in enumerate(ROWS) if package in row)


def test_imports_point_downward():
    breaches = []
    for place in MODULES:
        package = package_of(place)
        for name in () if package in ENTRANCES else imports_in(place):
            top, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if top != "nndiag" or other in {"", package, "__version__"}:
                continue
            assert other in set().union(*ROWS), f"{name}: no row for {other!r}"
            beside = (package, other) in ALLOWED_BESIDE
            lower = beside or row_of(other) > row_of(package)
            if not lower or other in FORBIDDEN.get(package, set()):
                breaches.append(f"{place} imports {name}")
    assert not breaches


def floor_of(package: str, name: str) -> int | None:
    """The row of the folder that a module's full name lies in; None for the package itself."""
    parts = name.removeprefix(f"nndiag.{package}").strip(".").split(".")
    rows = (index for index, row in enumerate(FLOORS[package]) if parts[0] in row)
    return next(rows, None)


@pytest.mark.parametrize("package", FLOORS)
def test_imports_within_a_package_point_downward(package):
    breaches = []
    for place in MODULES:
        own = place.split("/")[2].removesuffix(".py") if package_of(place) == package else None
        if own in {None, "__init__"}:
            continue
        row = floor_of(package, f"nndiag.{package}.{own}")
        assert row is not None, f"no floor for {own!r}"
        for name in imports_in(place):
            if not name.startswith(f"nndiag.{package}."):
                assert name != f"nndiag.{package}", "its modules are imported from where they stand"
                continue
            floor = floor_of(package, name)
            assert floor is not None, f"no floor for {name!r}"
            beside = name.split(".")[2] == own or floor == row == 0
            if not beside and floor <= row:
                breaches.append(f"{place} imports {name}")
    assert not breaches


def test_each_library_stays_with_its_owners():
    breaches = []
    for place in MODULES:
        package = package_of(place)
        for name in imports_in(place):
            owners = OWNERS.get(name.partition(".")[0].removesuffix("_core"), {package})
            if package not in owners and place not in owners:
                breaches.append(f"{place} imports {name}")
    assert not breaches


def test_heavy_libraries_are_imported_where_they_are_used():
    breaches = [
        f"{place} imports {name} at its top"
        for place in MODULES
        if package_of(place) != "plots"  # imported as a whole only when something is drawn
        for name in imports_in(place, inside_functions=False)
        if name.partition(".")[0] in HEAVY
    ]
    assert not breaches


def test_every_package_is_in_the_table():
    packages = {package_of(place) for place in MODULES} - ENTRANCES
    assert packages <= set().union(*ROWS), packages - set().union(*ROWS)


def test_no_module_imports_itself_by_way_of_others():
    names = {
        place.removesuffix(".py").removesuffix("/__init__").replace("/", "."): place
        for place in MODULES
    }
    graph = {
        name: {
            found
            for found in imports_in(place, inside_functions=False)
            if found in names and not name.startswith(f"{found}.") and found != name
        }
        for name, place in names.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail[trail.index(name) :], name))
        if name in done:
            return
        for other in graph[name]:
            visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_each_job_is_done_in_one_place():
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    jobs = re.findall(r"\| `([\w/.]+\.py):(\w+)` \|", document)
    assert len(jobs) > 10
    for place, name in jobs:
        found = [
            module
            for module in MODULES
            for node in tree_of(module).body
            if isinstance(node, Function | ast.ClassDef) and node.name == name
        ]
        assert found == [f"nndiag/{place}"], name


def test_every_package_is_told_of_in_the_architecture():
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = document.partition("| folder |")[2].partition("\n\n")[0]
    assert set().union(*ROWS) - {"plain"} <= set(re.findall(r"`(\w+)`", table))


def lines_of(place: str) -> int:
    return len(MODULES[place].read_text(encoding="utf-8").splitlines())


def test_no_module_is_too_long():
    lines = {place: lines_of(place) for place in MODULES}
    longer = {place: count for place, count in lines.items() if count > LONGEST_MODULE}
    assert {p: n for p, n in longer.items() if n > STILL_LONGER.get(p, LONGEST_MODULE)} == {}
    assert set(STILL_LONGER) <= set(longer), "what has become short is no longer an exception"
    assert statistics.median(lines.values()) <= MEDIAN_MODULE


def test_no_function_is_too_long():
    lines = {
        f"{place} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for place in MODULES
        for node in ast.walk(tree_of(place))
        if isinstance(node, Function)
    }
    assert {name: count for name, count in lines.items() if count > LONGEST_FUNCTION} == {}
    assert sorted(lines.values())[len(lines) * 9 // 10] <= USUAL_FUNCTION


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("nndiag", {"numpy", "pydantic", "scipy", "matplotlib", "rich", "click"}),
        ("nndiag.cli.app", {"numpy", "pydantic.main", "scipy", "matplotlib"}),
        ("nndiag.report.catalogue", {"numpy", "pydantic", "scipy", "matplotlib", "rich", "click"}),
        ("nndiag.report.page", {"numpy", "pydantic", "scipy", "matplotlib", "click"}),
        ("nndiag.training", {"scipy", "matplotlib", "rich", "click"}),
        ("nndiag.diagnosis", {"scipy", "matplotlib", "rich", "click", "pydantic"}),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(module, unwanted):
    program = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not unwanted & set(run.stdout.split())
