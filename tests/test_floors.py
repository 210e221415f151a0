"""The rooms and their floors: a room imports only rooms on lower floors, or its own; the ground floor is one room."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import contexta
from contexta.libraries import NEEDED

ROOT = Path(contexta.__file__).parent
FLOORS = [
    {
        "errors",
        "refs",
        "scalars",
        "values",
        "process",
        "pipes",
        "keeper",
        "config",
        "addresses",
        "locks",
        "libraries",
        "asking",
    },
    {"contract", "recorder"},
    {"findings"},
    {"store", "analysis", "reports"},
    {"reproduce"},
    {"bisect"},
    {"workspace"},
    {"questions", "upkeep"},
    {"client"},
    {"cli", "web", "importers", "integrations"},
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
INSIDE_TRAINING = {"errors", "refs", "scalars", "process", "pipes", "addresses", "libraries", "recorder"}
ASKED_OF_OTHERS = {
    "client",
    "questions",
    "upkeep",
    "workspace",
    "cli",
}  # import what asks when asked; the gate of cli is cli/app.py
FORBIDDEN_TO_ANALYSIS = {"sqlalchemy", "time", "socket", "urllib", "http", "subprocess", "datetime", "random"}


def sources() -> Iterator[tuple[str, Path]]:
    """(room, file)"""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts != ("__init__",):
            yield parts[0], path


def imported(path: Path) -> Iterator[str]:
    """Dotted names of every import in a file, at any depth."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "contexta":
                yield from (f"contexta.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def test_every_room_has_a_floor() -> None:
    assert {room for room, _ in sources()} <= set(FLOOR_OF)


def test_a_room_imports_only_from_below() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} (floor {FLOOR_OF[room]}) imports {name}"
        for room, path in sources()
        for name in imported(path)
        if name.startswith("contexta.")
        and (other := name.split(".")[1]) in FLOOR_OF
        and other != room
        and not (FLOOR_OF[other] < FLOOR_OF[room] or FLOOR_OF[other] == FLOOR_OF[room] == 0)
    ]
    assert wrong == []


def test_what_runs_inside_training_imports_only_the_standard_library() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, path in sources()
        if room in INSIDE_TRAINING
        for name in imported(path)
        if not (name == "contexta.__version__" or name.split(".")[0] in sys.stdlib_module_names)
        and not (name.startswith("contexta.") and name.split(".")[1] in INSIDE_TRAINING)
    ]
    assert wrong == []


def test_a_room_passes_the_gate_before_it_imports_what_asking_needs() -> None:
    gated = {"contract", "findings", "store", "analysis", "reports", "reproduce", "bisect", "values", "config"}
    need = {room for room, path in sources() for name in imported(path) if name.split(".")[0] in NEEDED}
    assert need - ASKED_OF_OTHERS == gated
    for room in gated:
        path = ROOT / room / "__init__.py" if (ROOT / room).is_dir() else ROOT / f"{room}.py"
        met = [name for name in imported(path) if name.split(".")[0] not in sys.stdlib_module_names]
        assert met[0] == "contexta.asking", path


def test_what_runs_inside_training_parses_as_python_3_8() -> None:
    files = [path for room, path in sources() if room in INSIDE_TRAINING]
    assert len(files) > 5
    for path in [ROOT / "__init__.py", *files]:
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 8))


def test_analysis_knows_no_store_no_clock_and_no_network() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, path in sources()
        if room == "analysis"
        for name in imported(path)
        if name.split(".")[0] in FORBIDDEN_TO_ANALYSIS or name.startswith("contexta.store")
    ]
    assert wrong == []
