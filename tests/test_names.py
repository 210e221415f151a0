"""A name has one meaning in the whole tree, and a module says what it contains."""

from __future__ import annotations

import ast
import re
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


def test_a_module_says_what_it_does_and_asks_no_question() -> None:
    questions = re.compile(r"(What|How|Whether|Which|Where|When|Why|Who)\b")
    wrong = [
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if questions.match(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
    ]
    assert wrong == []


def test_an_ignored_finding_of_a_checker_has_a_reason() -> None:
    bare = re.compile(r"# (noqa: [A-Z0-9, ]+|type: ignore\[[\w, -]+\])\s*$")
    wrong = [
        f"{path.relative_to(ROOT).as_posix()}:{number}"
        for path in ROOT.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if bare.search(line)
    ]
    assert wrong == []
