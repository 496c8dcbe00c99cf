"""Imports point only downward: the architecture as data, checked over the syntax trees."""

import ast
import subprocess
import sys
from collections.abc import Iterator
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
        "nested",
        "numbers",
        "parallel",
        "plain",
        "registry",
        "subject",
    },
)
"""The packages from top to bottom: each may import what stands in a lower row."""

FORBIDDEN = {
    "detectors": {"nn", "training", "program", "experiment"},
    "trace": {"registry"},
}
"""What lies below and still may not be imported."""

ALLOWED_BESIDE = {
    ("registry", "errors"),
    ("nested", "errors"),
    ("parallel", "errors"),
}
"""Imports within a row."""

FLOORS = {
    "program": (
        {"asking", "by_graph", "check", "fixed_file", "rates", "result", "running"},
        {"findings", "judging"},
        {"location", "repair", "training"},
        {"roles"},
        {"gradients"},
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
    "typer": {"cli"},
    "matplotlib": {"plots"},
    "scipy": {"analysis"},
    "pydantic": {"experiment", "nndiag/report/schema.py"},
    "yaml": {"experiment"},
}
"""Third-party packages, and who may import them: packages, or single modules."""

HEAVY = ("scipy", "matplotlib")
"""Packages that are imported inside functions only, except where everything needs them."""

ENTRANCES = {"nndiag", "__main__"}
"""The package itself and its command: they may import anything."""

MODULES = sorted(path for path in ROOT.rglob("*.py"))
PLACES = {path: path.relative_to(ROOT.parent).as_posix() for path in MODULES}


def package_of(path: Path) -> str:
    """The package below nndiag that a module belongs to; "nndiag" for the package itself."""
    first = path.relative_to(ROOT).parts[0]
    return "nndiag" if first == "__init__.py" else first.removesuffix(".py")


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports_in(tree: ast.AST, *, inside_functions: bool = True) -> Iterator[str]:
    """The modules that are imported when the code runs, absolute."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if (inside_functions or not function) and not is_type_checking(node):
            yield from imports_in(node, inside_functions=inside_functions)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def row_of(package: str) -> int:
    return next(index for index, row in enumerate(ROWS) if package in row)


@pytest.mark.parametrize("path", MODULES, ids=PLACES.get)
def test_imports_point_downward(path):
    package = package_of(path)
    if package in ENTRANCES:
        return
    for name in imports_in(tree_of(path)):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if top != "nndiag" or other in {"", package, "__version__"}:
            continue
        assert other in set().union(*ROWS), f"{name}: no row for {other!r}"
        beside = (package, other) in ALLOWED_BESIDE
        assert beside or row_of(other) > row_of(package), f"{package} imports {name}"
        assert other not in FORBIDDEN.get(package, set()), f"{package} imports {name}"


def floor_of(package: str, name: str) -> int | None:
    """The row of the folder that a module's full name lies in; None for the package itself."""
    parts = name.removeprefix(f"nndiag.{package}").strip(".").split(".")
    rows = (index for index, row in enumerate(FLOORS[package]) if parts[0] in row)
    return next(rows, None)


@pytest.mark.parametrize(
    "path", [path for path in MODULES if package_of(path) in FLOORS], ids=PLACES.get
)
def test_imports_within_a_package_point_downward(path):
    package = package_of(path)
    own = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    row = floor_of(package, f"nndiag.{package}.{own}")
    assert row is not None, f"no floor for {own!r}"
    for name in imports_in(tree_of(path)):
        if not name.startswith(f"nndiag.{package}."):
            assert name != f"nndiag.{package}", "its modules are imported from where they stand"
            continue
        other = name.split(".")[2]
        floor = floor_of(package, name)
        assert floor is not None, f"no floor for {other!r}"
        beside = other == own or floor == row == 0
        assert beside or floor > row, f"{package}.{own} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=PLACES.get)
def test_each_library_stays_with_its_owners(path):
    package = package_of(path)
    for name in imports_in(tree_of(path)):
        top = name.partition(".")[0].removesuffix("_core")
        owners = OWNERS.get(top, {package})
        assert package in owners or PLACES[path] in owners, f"{package} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=PLACES.get)
def test_heavy_libraries_are_imported_where_they_are_used(path):
    if package_of(path) == "plots":  # imported as a whole only when something is drawn
        return
    for name in imports_in(tree_of(path), inside_functions=False):
        assert name.partition(".")[0] not in HEAVY, f"{PLACES[path]} imports {name} at its top"


def test_every_package_is_in_the_table():
    packages = {package_of(path) for path in MODULES} - ENTRANCES
    assert packages <= set().union(*ROWS), packages - set().union(*ROWS)


def test_no_module_imports_itself_by_way_of_others():
    names = {
        ".".join(path.relative_to(ROOT.parent).with_suffix("").parts): path for path in MODULES
    }
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}
    graph = {
        name: {
            found
            for found in imports_in(tree_of(path), inside_functions=False)
            if found in names and not name.startswith(f"{found}.") and found != name
        }
        for name, path in names.items()
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


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("nndiag", {"numpy", "pydantic", "scipy", "matplotlib", "rich", "typer"}),
        ("nndiag.cli.app", {"numpy", "pydantic.main", "scipy", "matplotlib"}),
        ("nndiag.report.catalogue", {"numpy", "pydantic", "scipy", "matplotlib", "rich", "typer"}),
        ("nndiag.report.page", {"numpy", "pydantic", "scipy", "matplotlib", "typer"}),
        ("nndiag.training", {"scipy", "matplotlib", "rich", "typer"}),
        ("nndiag.diagnosis", {"scipy", "matplotlib", "rich", "typer", "pydantic"}),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(module, unwanted):
    program = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not unwanted & set(run.stdout.split())
