from __future__ import annotations

import shlex
from typing import Any

import pytest

from contexta.bisect.execution.parameter_changes import (
    ChangedParameters,
    RunParameters,
    Setting,
    changed_parameters,
    contradiction,
    not_in,
    parameters_of,
    same,
    with_settings,
)
from contexta.recorder.redaction.redact import HIDDEN


def differing(
    old: str, new: str, before: dict[str, Any] | None = None, after: dict[str, Any] | None = None, template: str = ""
) -> ChangedParameters:
    """Two runs by their command lines and what they recorded."""
    return changed_parameters(
        RunParameters(before or {}, tuple(shlex.split(old))),
        RunParameters(after or {}, tuple(shlex.split(new))),
        template or None,
    )


def commands(result: ChangedParameters, command: str) -> tuple[str, str]:
    """A command as OLD and as NEW."""
    old, new = (shlex.join(with_settings(shlex.split(command), side)) for side in (result.old, result.new))
    return old, new


@pytest.mark.parametrize(
    ("old", "new", "before", "after", "command", "as_old", "as_new"),
    [
        ("--lr 0.1", "--lr 0.2", {"lr": 0.1}, {"lr": 0.2}, "t.py --lr 5 -v", "t.py --lr 0.1 -v", "t.py --lr 0.2 -v"),
        ("--lr=0.1", "--lr=2e-1", {"lr": 0.1}, {"lr": 0.2}, "t.py", "t.py --lr=0.1", "t.py --lr=2e-1"),
        ("lr=0.1", "lr=0.2", {"lr": 0.1}, {"lr": 0.2}, "t.py lr=1 x=2", "t.py lr=0.1 x=2", "t.py lr=0.2 x=2"),
        ("", "--lr 0.2", {"lr": 0.1}, {"lr": 0.2}, "t.py", "t.py --lr 0.1", "t.py --lr 0.2"),
        ("-lr -0.1", "-lr 0.2", {"lr": -0.1}, {"lr": 0.2}, "t.py", "t.py -lr -0.1", "t.py -lr 0.2"),
        ("--max-depth 3", "", {"max_depth": 3}, {"max_depth": 5}, "t.py", "t.py --max-depth 3", "t.py --max-depth 5"),
        ("x.csv", "--aug x.csv", {"aug": False}, {"aug": True}, "t.py x.csv", "t.py x.csv", "t.py x.csv --aug"),
        ("--no-aug", "--aug", {"aug": False}, {"aug": True}, "t.py --aug x", "t.py --no-aug x", "t.py --aug x"),
        ("--aug true", "", {"aug": True}, {"aug": False}, "t.py", "t.py --aug true", "t.py --aug false"),
        ("--n 1 2", "", {"n": [1, 2]}, {"n": [3]}, "t.py --n 9 9 -v", "t.py --n 1 2 -v", "t.py --n 3 -v"),
        ("", "--drop 0.1", {}, {"drop": 0.1}, "t.py --drop 0.3", "t.py", "t.py --drop 0.1"),
        # derived from the option, and so compared word for word
        ("--lr 1", "--lr 2", {"lr": 0.01}, {"lr": 0.02}, "t.py", "t.py --lr 1", "t.py --lr 2"),
        # recorded by no run: the command line is all there is
        ("--lr 0.1 --v", "--lr=0.2 --v", {}, {}, "t.py --lr 5", "t.py --lr 0.1", "t.py --lr=0.2"),
        ("--t a b --v", "--t c --v", {}, {}, "t.py --t 1 2 3 --v", "t.py --t a b --v", "t.py --t c --v"),
        ("x.csv", "--fast x.csv", {}, {}, "t.py x.csv", "t.py x.csv", "t.py x.csv --fast"),
        ("m.lr=1", "m.lr=2", {"m": {"lr": 1}}, {"m": {"lr": 1}}, "t.py", "t.py m.lr=1", "t.py m.lr=2"),
    ],
)  # fmt: skip
def test_command_gets_the_parameters_of_each_side(
    old: str, new: str, before: dict[str, Any], after: dict[str, Any], command: str, as_old: str, as_new: str
) -> None:
    comparison = differing(old, new, before, after)
    assert len(comparison.old) == 1
    assert commands(comparison, command) == (as_old, as_new)
    assert comparison.notes == ()


@pytest.mark.parametrize(
    ("old", "new", "before", "after", "reason"),
    [
        ("", "", {"lr": 0.1}, {"lr": 0.2}, "it is on neither command line, so the code sets it"),
        ("--lr 1", "--lr 1", {"lr": 0.1}, {"lr": 0.2}, "both were given --lr 1, so the code sets it"),
        ("--lr 1", "", {"lr": 0.1}, {"lr": 0.2}, "it was recorded as 0.1 where the command says --lr 1"),
        ("", "--key x", {"key": HIDDEN + "0"}, {"key": HIDDEN + "1"}, "it holds a secret that was not stored"),
    ],
)
def test_parameter_that_cannot_be_set_is_no_change_with_a_reason(
    old: str, new: str, before: dict[str, Any], after: dict[str, Any], reason: str
) -> None:
    comparison = differing(old, new, before, after)
    assert (comparison.old, comparison.new) == ({}, {})
    (note,) = comparison.notes
    assert reason in note


def test_template_sets_only_parameters_without_a_command_line_option() -> None:
    before, after = {"lr": 0.1, "depth": 3, "name": None}, {"lr": 0.2, "depth": 4, "name": "a b"}
    comparison = differing("--lr=0.1", "--lr=0.2", before, after, template="--set {name}={value}")
    assert commands(comparison, "t.py") == (
        "t.py --set depth=3 --lr=0.1",
        "t.py --set depth=4 --lr=0.2 --set 'name=a b'",
    )


def test_equal_values_in_other_notation_and_seeds_are_no_changes() -> None:
    before, after = {"lr": 0.1, "n": 1, "seed": 1}, {"lr": "1e-1", "n": 1.0, "seed": 2}
    comparison = differing("--lr 0.1 --seed 1 --m 5", "--lr=.1 --seed 2 --m=5.0", before, after)
    assert (comparison.old, comparison.notes) == ({}, ())
    assert not same(True, 1)
    assert same("TRUE", True)
    assert not same(None, 0)


def test_parameter_on_both_command_lines_is_no_change() -> None:
    assert differing("--lr 0.1", "--lr 0.1", {}, {"lr": 0.1}) == ChangedParameters({}, {}, ())


def test_different_positional_words_are_noted() -> None:
    comparison = differing("a.yaml --lr 1", "b.yaml --lr 1")
    assert comparison.old == {}
    assert comparison.notes == (
        "other words of the command differ (OLD: a.yaml, NEW: b.yaml); the given command is used",
    )


def test_options_of_the_interpreter_are_left_alone() -> None:
    comparison = differing("-m 1", "-m 2", {"m": 1}, {"m": 2})
    for command in ("python -u -m train", "env X=1 python3.11 -W error -m train"):
        assert commands(comparison, command) == (f"{command} -m 1", f"{command} -m 2")
        assert not_in(shlex.split(command), comparison.old) == ["m"]


def test_arguments_of_the_program_precede_those_of_its_wrapper() -> None:
    command = ["torchrun", "--nproc", "2", "train.py", "--lr", "1"]
    invocation = {"argv": ["train.py", "--lr", "1"], "entry_point": "train.py"}
    assert parameters_of({}, {"command": command, "invocation": invocation}).line == ("--lr", "1")
    assert parameters_of({}, {"command": ["python", "-u", "train.py", "--lr", "1"]}).line == ("--lr", "1")
    notebook = {"argv": ["ipykernel", "-f", "x.json"], "entry_point": "notebook"}
    assert parameters_of({}, {"invocation": notebook}).line == ()


def test_run_with_another_recorded_value_contradicts_its_command_line() -> None:
    settings = {"lr": Setting(("--lr", "0.1"), 0.1), "drop": Setting(), "depth": Setting(("--depth", "3"), 3)}
    assert contradiction(settings, {"lr": "0.1", "drop": 0.5}) is None
    assert contradiction(settings, {"lr": 0.2, "depth": 3.0}) == "it ran with lr=0.2, not with 0.1 as requested"


def test_a_parameter_of_a_configuration_file_is_a_change_of_that_file() -> None:
    sources = {"param_sources": {"scale": "config.yaml", "lr": "argparse"}}
    old, new = (parameters_of({"scale": value, "lr": value}, sources) for value in (1, 2))
    notes = changed_parameters(old, new).notes
    assert notes[1] == (
        "parameter scale differs and is no change: config.yaml sets it, and that file comes with the source; "
        "--param-arg says how to set it"
    )
    assert "it is on neither command line, so the code sets it" in notes[0]
