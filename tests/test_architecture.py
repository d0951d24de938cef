"""Who may import whom, what must load without JAX, and what no file may say."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
PACKAGES = ("theory", "sim", "figures")

# A simulation may know the problem, never an answer: no bound, no predicted curve.
MAY_IMPORT = {
    "theory": ("theory",),
    "sim": (
        "sim",
        "theory.denoiser",
        "theory.divergence",
        "theory.geometry",
        "theory.mixing",
        "theory.mixtures",
        "theory.precision",
        "theory.processes",
        "theory.structured",
        "theory.validation",
    ),
    "figures": PACKAGES,
}

# What the command line needs for its help and lists; JAX alone takes a second to load.
WITHOUT_JAX = (
    "figures.autoencoder.presets",
    "theory",
    "theory.claims",
    "theory.validation",
    "figures.catalogue",
    "figures.cli",
    "figures.explore.folder",
    "figures.error_propagation.presets",
    "figures.self_consuming.presets",
    "figures.together.presets",
)

PRODUCT = (*PACKAGES, "notebooks", "tests", "benchmarks", "docs", "constraints", ".ci")

# Folders of the machine the code was written on, and hosts of package registries.
# The lookbehind and the lookahead let `a/work` and `/workbench` through.
PRIVATE = re.compile(
    r"(?<![\w.\-/])/(?:work|root|tmp/w|home/\w+)(?![\w.\-])"
    r"|\bpypi\.[a-z]+\b|pythonhosted|npmjs|index-url"
)


def imported_names(source: str, module: str, is_package: bool) -> Iterator[str]:
    """Dotted names that `source` imports anywhere; `from a import b` gives ``a.b``."""
    parts = module.split(".")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level + is_package] if node.level else []
            origin = ".".join([*base, node.module] if node.module else base)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def forbidden(source: str, module: str, is_package: bool = False) -> list[str]:
    """The names among `imported_names` that `module` may not import."""
    allowed = MAY_IMPORT[module.split(".")[0]]
    return [
        name
        for name in imported_names(source, module, is_package)
        if name.split(".")[0] in (*PACKAGES, "tests", "notebooks")
        and not any(name == root or name.startswith(f"{root}.") for root in allowed)
    ]


def modules() -> dict[str, Path]:
    """Every module of the three packages, by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((REPO / package).rglob("*.py")):
            parts = path.relative_to(REPO).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module):
    path = MODULES[module]
    source = path.read_text(encoding="utf-8")
    assert not forbidden(source, module, path.name == "__init__.py")


@pytest.mark.parametrize(
    ("source", "module", "caught"),
    [
        ("import sim.recursion", "theory.planning", ["sim.recursion"]),
        ("from figures import style", "theory.planning", ["figures.style"]),
        ("from theory.planning import n", "sim.recursion", ["theory.planning.n"]),
        ("from theory import planning", "sim.recursion", ["theory.planning"]),
        ("def f():\n    import theory", "sim.recursion", ["theory"]),
        ("from ..figures import style", "sim.recursion", ["figures.style"]),
        ("from theory.mixtures import Blend", "sim.recursion", []),
        ("from theory.divergence.tails import b", "sim.recursion", []),
        ("from . import store\nimport jax", "sim.recursion", []),
        ("import sim, theory.planning", "figures.cli", []),
    ],
)
def test_the_import_rule_sees_what_it_forbids(source, module, caught):
    assert forbidden(source, module) == caught


NOTEBOOKS = {path.stem: path for path in sorted((REPO / "notebooks").glob("*.py"))}
IN_NOTEBOOKS = (*PACKAGES, "marimo", "numpy", "jax.random")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_only_call_the_packages(name):
    source = NOTEBOOKS[name].read_text(encoding="utf-8")
    roots = tuple(f"{root}." for root in IN_NOTEBOOKS)
    names = imported_names(source, name, is_package=False)
    assert [n for n in names if not f"{n}.".startswith(roots)] == []
    # a cell is a decorated function; any other would compute something of its own
    tree = ast.parse(source)
    plain = [f for f in tree.body if isinstance(f, ast.FunctionDef)]
    assert all(f.decorator_list for f in plain)


@pytest.mark.parametrize("module", WITHOUT_JAX)
def test_module_loads_without_jax(module):
    if module not in MODULES:
        pytest.skip(f"{module} is not written yet")
    code = f"import {module}, sys; print(*{{'jax', 'jaxlib'}} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == ""


def product_files() -> Iterator[Path]:
    """Files that ship or are read by whoever clones the repository."""
    yield from (path for path in REPO.iterdir() if path.is_file())
    for folder in PRODUCT:
        for path in (REPO / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def test_no_file_names_a_private_folder_or_a_registry():
    found = []
    for path in product_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture
            continue
        if path != Path(__file__).resolve():
            found += [
                f"{path.relative_to(REPO)}: {m[0]}" for m in PRIVATE.finditer(text)
            ]
    assert not found


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("cd /work/main", True),
        ("open('/work')", True),
        ("/tmp/w/x.json", True),
        ("/home/ada/x", True),
        ("https://pypi.org/simple", True),
        ("figures/workbench.mplstyle and /workbench", False),
        ("../net/work/x", False),
        ("`/tmp/out`", False),
    ],
)
def test_the_private_pattern_sees_what_it_forbids(text, private):
    assert bool(PRIVATE.search(text)) is private
