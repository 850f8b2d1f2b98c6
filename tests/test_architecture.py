"""Who may import whom, who may see the truth, how long things may get: read from the source, never run."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from overread.verbs.list import KINDS
from overread.verbs.list import list as list_kinds

SOURCE = Path(__file__).parents[1] / "src" / "overread"
FILES = sorted(SOURCE.rglob("*.py"))
TREES = {file.relative_to(SOURCE).as_posix(): ast.parse(file.read_text(encoding="utf-8")) for file in FILES}
TORCH = {"torch", "lightning", "monai", "torchmetrics", "safetensors.torch"}
NEVER_TORCH = (
    "benches/",
    "detect/",
    "reporting/",
    "cleaning/",
    "readers/",
    "store/",
    "exporting/",
    "reviewing/",
    "data/",
    "cli/",
    "errors.py",
    "registry.py",
)
LAZY_TORCH = ("noise/", "verbs/", *NEVER_TORCH)
SEES_TRUTH = (
    "data/",
    "noise/",
    "verbs/corrupt.py",
    "exporting/",  # writes the column of an experiment into the table again, as corrupt does
    "measure.py",
    "measure_masks.py",
    "measure_doubt.py",
    "cleaning/experts.py",  # the simulated expert: every answer is charged
)
ANSWERS = ("_answer", "_better")  # what the simulated expert knows, not yet charged
FUNCTION, FILE = 50, 350  # the house style asks for 30 and 200; beyond these no reason counts


def imports(tree: ast.AST, lazy: bool = True) -> Iterator[str]:
    """Modules that a file imports; without `lazy` only those that importing it imports."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        elif lazy or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imports(node, lazy)


def reached(name: str) -> set[str]:
    """Everything that importing the file imports, through our own files too."""
    seen: set[str] = set()
    found: set[str] = set()
    todo = [name]
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        for module in imports(TREES[current], lazy=False):
            found.add(module)
            todo += own_files(module)
    return found


def own_files(module: str) -> list[str]:
    """The files of ours that importing `module` runs."""
    parts = module.split(".")
    if parts[0] != "overread":
        return []
    names = [*("/".join((*parts[1:end], "__init__.py")) for end in range(1, len(parts) + 1))]
    return [name for name in (*names, "/".join(parts[1:]) + ".py") if name in TREES]


def is_torch(module: str) -> bool:
    return module.split(".")[0] in TORCH or module in TORCH


@pytest.mark.parametrize("name", [name for name in TREES if name.startswith(NEVER_TORCH)])
def test_only_what_trains_names_torch(name):
    assert not list(filter(is_torch, imports(TREES[name])))


@pytest.mark.parametrize("name", [name for name in TREES if name.startswith(LAZY_TORCH) or "/" not in name])
def test_torch_is_loaded_when_it_is_needed_and_not_before(name):
    assert not list(filter(is_torch, reached(name)))


@pytest.mark.parametrize("name", [name for name in TREES if name.startswith("engine/")])
def test_the_engine_knows_no_method(name):
    floors = ("overread.methods", "overread.verbs", "overread.cli", "overread.detect", "overread.reporting")
    assert not [module for module in imports(TREES[name]) if module.startswith(floors)]


@pytest.mark.parametrize("name", [name for name in TREES if name.startswith("methods/")])
def test_methods_do_not_know_each_other(name):
    assert not [module for module in imports(TREES[name]) if module.startswith("overread.methods")]


@pytest.mark.parametrize("name", [name for name in TREES if not name.startswith(("cli/", "__main__"))])
def test_nothing_but_the_command_line_knows_the_command_line(name):
    assert not [module for module in imports(TREES[name]) if module.split(".")[0] in ("click",)]
    assert not [module for module in imports(TREES[name]) if module.startswith("overread.cli")]


@pytest.mark.parametrize("name", [name for name in TREES if name.startswith("cli/")])
def test_the_command_line_loads_nothing_heavy(name):
    heavy = {"numpy", "pandas", "matplotlib", "sklearn", "scipy", "PIL", "cleanlab", "jinja2", *TORCH}
    assert not [module for module in reached(name) if module.split(".")[0] in heavy]


@pytest.mark.parametrize("name", [name for name in TREES if not name.startswith(SEES_TRUTH)])
def test_the_truth_is_seen_by_few(name):
    """Detectors and training must not learn what only an experiment knows."""
    places = reads(TREES[name], ("truth", "true_masks"))
    assert not places, f".truth is read on lines {places}"


@pytest.mark.parametrize("name", [name for name in TREES if name != "cleaning/experts.py"])
def test_the_simulated_expert_is_only_asked(name):
    """Nobody reaches past `ask`, which charges every answer."""
    places = reads(TREES[name], (*ANSWERS, "__closure__"))
    assert not places, f"the expert's knowledge is read on lines {places}"


def test_the_simulated_expert_keeps_its_knowledge_where_it_is_looked_for():
    """Else the test above would look for names that are gone."""
    tree = TREES["cleaning/experts.py"]
    assert all(reads(tree, (name,)) for name in (*ANSWERS, "truth", "true_masks"))


def test_nothing_but_the_simulated_expert_in_cleaning_sees_the_truth():
    files = [
        name for name in SEES_TRUTH if name.startswith(("cleaning/", "store/", "readers/", "reviewing/"))
    ]
    assert files == ["cleaning/experts.py"]


def reads(tree: ast.AST, names: tuple[str, ...]) -> list[int]:
    """The lines on which an attribute of one of `names` is read, be it by getattr or attrgetter."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.Call) and asks_for(node, names))
    ]


def asks_for(call: ast.Call, names: tuple[str, ...]) -> bool:
    by_name = ast.unparse(call.func).split(".")[-1] in ("getattr", "attrgetter", "__getattribute__")
    return by_name and any(isinstance(part, ast.Constant) and part.value in names for part in call.args)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("m.truth", True),
        ("getattr(m, 'truth')", True),
        ("operator.attrgetter('truth')(m)", True),
        ("truth = 1; print('truth')", False),
    ],
)
def test_reading_by_whatever_way_is_seen(source, found):
    assert bool(reads(ast.parse(source), ("truth",))) == found


def test_packages_import_each_other_in_one_direction():
    def package(module: str) -> str:
        return module.split(".")[1] if module.count(".") else ""

    edges: dict[str, set[str]] = {}
    for name, tree in TREES.items():
        if "/" not in name:
            continue
        home = name.split("/")[0]
        ours = {package(module) for module in imports(tree) if module.startswith("overread.")}
        folders = {other for other in ours if (SOURCE / other).is_dir()}
        edges.setdefault(home, set()).update(folders - {home})
    assert not circle(edges)


def circle(edges: dict[str, set[str]]) -> list[str]:
    """A way from a package back to itself, or nothing."""

    def walk(path: list[str]) -> list[str]:
        for following in sorted(edges.get(path[-1], ())):
            if following in path:
                return [*path[path.index(following) :], following]
            if found := walk([*path, following]):
                return found
        return []

    return next((found for start in sorted(edges) if (found := walk([start]))), [])


def test_circle_finds_circles():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


@pytest.mark.parametrize("name", TREES)
def test_functions_and_files_stay_short(name):
    lines = len((SOURCE / name).read_text(encoding="utf-8").splitlines())
    assert lines <= FILE, f"{lines} lines"
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.FunctionDef):
            assert own_length(node) <= FUNCTION, f"{node.name} has {own_length(node)} lines"


def own_length(function: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


@pytest.mark.parametrize("kind", KINDS)
def test_registries_name_real_things(kind):
    for name, entry in list_kinds(kind)[kind].items():
        assert callable(entry.load()), name
        assert entry.what, name
        assert entry.source, name


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list"], ["audit", "--help"], ["corrupt", "--help"], ["bench", "--help"]]
)
def test_help_and_list_load_nothing_heavy(arguments):
    heavy = ["torch", "lightning", "monai", "pandas", "numpy", "sklearn", "matplotlib", "PIL"]
    script = (
        "import sys; from overread.cli.main import main; code = main(sys.argv[1:]); "
        f"sys.exit(code or ' '.join(name for name in {heavy} if name in sys.modules) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
