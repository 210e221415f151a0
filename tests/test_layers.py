"""Packages import only from lower layers, and decision 0001 describes the packages that exist."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from support.paths import ROOT as CHECKOUT

import contexta
from contexta.core.requirements import NEEDED

ROOT = Path(contexta.__file__).parent
DECISION = CHECKOUT / "docs" / "decisions" / "0001-packages-and-layers.md"
SIZE_TOLERANCE = 0.25  # of the number of lines that the decision gives for a package, and of 100 lines at least
MOST_MODULES = 14  # in one directory, with its __init__
MANY_MODULES = {"integrations"}  # a reader looks for the name of a framework
INSIDE_TRAINING = ("core", "recorder")
DROP_IN_MODULES = ("wandb.py", "tensorboard.py", "integrations/support/unsupported.py")  # they run inside training too
NEEDS_LIBRARIES = {"core/model.py"}  # modules of core that no training process imports
PACKAGES_CHECKED = {"contract", "findings", "store", "analysis", "reports", "reproduce", "bisect", "reconstruct"}
FORBIDDEN_IN_ANALYSIS = {"sqlalchemy", "time", "socket", "urllib", "http", "subprocess", "datetime", "random"}
FORBIDDEN_IN_INFERENCE = {"bisect/execution", "bisect/inputs", "bisect/session", "reproduce", "store/backends"}


def modules() -> Iterator[tuple[str, Path]]:
    """(dotted name, file) of every module; an ``__init__`` has the name of its package."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = dict(modules())


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Dotted names of every import in a file, at any depth."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            for alias in node.names:
                names.append(f"{module}.{alias.name}" if f"{module}.{alias.name}" in MODULES else module)
    return tuple(names)


def package_of(module: str) -> str:
    """The package or sub-package that a module belongs to: ``bisect/search``; a module at the root is its own."""
    parts = module.split(".")[1:]
    if (
        len(parts) > 1
        and (ROOT / parts[0] / parts[1]).is_dir()
        and (ROOT / parts[0] / parts[1] / "__init__.py").exists()
    ):
        return "/".join(parts[:2])
    return parts[0] if parts else "contexta"


def imports_between_packages() -> dict[str, dict[str, list[str]]]:
    """package -> imported package -> the modules that import it."""
    edges: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for module, path in MODULES.items():
        for name in imported(path):
            if name.startswith("contexta.") and (other := package_of(name)) != package_of(module):
                edges[package_of(module)][other].append(module)
    return edges


def as_described(package: str, other: str) -> str:
    """An imported package as the decision names it: sub-packages by name inside their own package only."""
    return other if other.split("/")[0] == package.split("/")[0] else other.split("/")[0]


def described() -> dict[str, tuple[int, set[str], int]]:
    """package -> (layer, imports, lines), as the table of decision 0001 gives them."""
    rows = re.findall(r"^\| (\d+) \| `([\w/]+)` \| [^|]* \| ([^|]*) \| ([\d ]+) \|$", DECISION.read_text("utf-8"), re.M)
    return {
        package: (int(layer), set(re.findall(r"`([\w/]+)`", imports)), int(lines.replace(" ", "")))
        for layer, package, imports, lines in rows
    }


def test_decision_0001_lists_the_packages_and_their_imports() -> None:
    edges = imports_between_packages()
    packages = {package_of(module) for module in MODULES} - {"contexta"}
    actual = {
        package: {as_described(package, other) for other in edges[package] if other != "contexta"}
        for package in packages
    }
    table = {package: imports for package, (_, imports, _) in described().items()}
    assert table == actual


def test_decision_0001_gives_the_size_of_each_package() -> None:
    lines: dict[str, int] = defaultdict(int)
    for module, path in MODULES.items():
        lines[package_of(module)] += len(path.read_text(encoding="utf-8").splitlines())
    wrong = {
        package: f"{said} in the decision, {lines[package]} in the tree"
        for package, (_, _, said) in described().items()
        if abs(lines[package] - said) > max(SIZE_TOLERANCE * said, 100)
    }
    assert wrong == {}


def test_a_package_imports_only_from_lower_layers() -> None:
    layer = {package: number for package, (number, _, _) in described().items()}
    wrong = [
        f"{module} (layer {layer[package]}) imports {other} (layer {layer[other]})"
        for package, others in imports_between_packages().items()
        for other, importers in others.items()
        for module in importers
        if package in layer and other in layer and layer[other] >= layer[package]
    ]
    assert wrong == []


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    imports = {
        module: {name for name in imported(path) if name in MODULES and name != module}
        for module, path in MODULES.items()
        if module != "contexta"  # it imports the public names when they are first used
    }

    def reachable(module: str) -> set[str]:
        reached: set[str] = set()
        waiting = [module]
        while waiting:
            new = imports.get(waiting.pop(), set()) - reached
            reached |= new
            waiting += new
        return reached

    circular = {module.removeprefix("contexta.") for module in imports if module in reachable(module)}
    assert circular == set()


def test_no_directory_holds_more_modules_than_a_reader_can_scan() -> None:
    folders = {path.parent for path in MODULES.values()}
    sizes = {str(folder.relative_to(ROOT)): len(list(folder.glob("*.py"))) for folder in folders}
    assert {folder for folder, size in sizes.items() if size > MOST_MODULES} <= MANY_MODULES


def test_what_runs_inside_training_imports_only_the_standard_library() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for module, path in MODULES.items()
        if module.split(".")[1:2]
        and module.split(".")[1] in INSIDE_TRAINING
        and str(path.relative_to(ROOT)) not in NEEDS_LIBRARIES
        for name in imported(path)
        if name != "contexta"
        and not (name.startswith("contexta.") and name.split(".")[1] in INSIDE_TRAINING)
        and name.split(".")[0] not in sys.stdlib_module_names
    ]
    assert wrong == []


def test_a_package_checks_its_requirements_before_it_imports_them() -> None:
    need = {
        module.split(".")[1]
        for module, path in MODULES.items()
        for name in imported(path)
        if name.split(".")[0] in NEEDED
    }
    assert need - {"client", "cli", "core", "config"} == PACKAGES_CHECKED
    for path in [*(ROOT / package / "__init__.py" for package in PACKAGES_CHECKED), ROOT / "core" / "model.py"]:
        first = next(name for name in imported(path) if name.split(".")[0] not in sys.stdlib_module_names)
        assert first == "contexta.core.check_requirements", path


def test_what_runs_inside_training_parses_as_python_3_8() -> None:
    files = [
        path
        for package in (*INSIDE_TRAINING, "integrations")
        for path in (ROOT / package).rglob("*.py")
        if str(path.relative_to(ROOT)) not in NEEDS_LIBRARIES
    ]
    assert len(files) > 5
    for path in [ROOT / "__init__.py", *(ROOT / name for name in DROP_IN_MODULES), *files]:
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 8))


def test_analysis_is_pure() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for module, path in MODULES.items()
        if module.startswith("contexta.analysis")
        for name in imported(path)
        if name.split(".")[0] in FORBIDDEN_IN_ANALYSIS or name.startswith("contexta.store")
    ]
    assert wrong == []


def test_inference_and_search_run_nothing() -> None:
    edges = imports_between_packages()
    assert not FORBIDDEN_IN_INFERENCE & (edges["bisect/inference"].keys() | edges["bisect/search"].keys())
