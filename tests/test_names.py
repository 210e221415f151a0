"""A name has one meaning in the whole tree."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import contexta

ROOT = Path(contexta.__file__).parent
# Topics: modules of several packages that deal with the same thing under its name.
SHARED_TOPICS = {
    "artifacts",
    "bisect",
    "checks",
    "comparisons",
    "context",
    "curves",
    "delivery",
    "digests",
    "distributions",
    "doctor",
    "environment",
    "environments",
    "explain",
    "formatting",
    "history",
    "interpreters",
    "lineage",
    "maintenance",
    "metrics",
    "progress",
    "query_index",
    "records",
    "reproduce",
    "reproduction",
    "run",
    "runs",
    "snapshots",
    "timeline",
    "urls",
    "workspace",
}
# Names with several meanings that still need distinct names; remove a line with its cause.
AMBIGUOUS = {
    "blocks",  # blocks of changes that fail together; blocks of a report
    "command",  # the click class of a command; the recorded command
    "commands",  # commands of a recorded run; commands of uv
    "files",  # commands that write files; files of a working tree
    "observations",  # values of trials; what a launcher printed
    "output",  # output of contexta; output of a recorded command
}
DROP_IN_MODULES = {ROOT / "wandb.py", ROOT / "tensorboard.py"}  # their names are those of another package
SAME_IN_ALL = "ContextaCallback"  # of each integration, as other trackers name theirs


def test_a_public_class_name_has_one_meaning() -> None:
    modules: dict[str, list[str]] = defaultdict(list)
    for path in {*ROOT.rglob("*.py")} - DROP_IN_MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name != SAME_IN_ALL:
                modules[node.name].append(path.relative_to(ROOT).as_posix())
    assert len(modules) > 200
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


def test_a_module_name_has_one_meaning() -> None:
    packages: dict[str, set[Path]] = defaultdict(set)
    for path in ROOT.rglob("*.py"):
        if not path.stem.startswith("__"):
            packages[path.stem].add(path.parent)
    assert {name for name, places in packages.items() if len(places) > 1} == SHARED_TOPICS | AMBIGUOUS
