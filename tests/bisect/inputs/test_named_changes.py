"""Two values of an argument, a file or a variable are a change like any other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta.bisect.execution.parameter_changes import with_settings
from contexta.bisect.inputs.both_sides import BothSides
from contexta.bisect.inputs.named_changes import with_axes
from contexta.bisect.inputs.request import BisectRequest
from contexta.bisect.space.changes import End
from contexta.core.errors import InvalidInput

Cli = Callable[..., subprocess.CompletedProcess[str]]
NOTHING = BothSides(End({}), End({}), {}, (), None, ())


@pytest.mark.parametrize(
    ("axis", "command", "old", "new"),
    [
        ("lr=0.1::0.01", "python t.py --lr 0.5", "python t.py --lr 0.1", "python t.py --lr 0.01"),
        ("lr=0.1::0.01", "python t.py --lr=0.5 x", "python t.py --lr=0.1 x", "python t.py --lr=0.01 x"),
        ("model.lr=1::2", "python t.py model.lr=3", "python t.py model.lr=1", "python t.py model.lr=2"),
        ("data=a.csv::b.csv", "python t.py {data}", "python t.py a.csv", "python t.py b.csv"),
        ("day=01::02", "python t.py x/{day}/{day}.csv", "python t.py x/01/01.csv", "python t.py x/02/02.csv"),
        ("flag=::--fast", "python t.py {flag}", "python t.py ", "python t.py --fast"),
    ],
)
def test_value_takes_the_place_of_its_option_or_of_its_name_in_braces(
    axis: str, command: str, old: str, new: str
) -> None:
    words = command.split(" ")
    both = with_axes(NOTHING, [axis], words)
    given = [" ".join(with_settings(words, end.parameters)) for end in (both.old, both.new)]
    assert given == [old, new]
    assert both.notes == ()


def test_name_that_the_command_does_not_have_is_a_variable_with_a_note() -> None:
    both = with_axes(NOTHING, ["OMP_NUM_THREADS=1::8"], ["python", "t.py"])
    assert [end.variables for end in (both.old, both.new)] == [{"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "8"}]
    assert "OMP_NUM_THREADS is set as an environment variable" in both.notes[0]


@pytest.mark.parametrize("axis", ["lr", "lr=1", "=1::2", "lr=1::1", "a-b=1::2", "1=2::3"])
def test_axis_that_is_no_change_is_refused_with_the_way_to_write_it(axis: str) -> None:
    with pytest.raises(InvalidInput):
        with_axes(NOTHING, [axis], ["python", "t.py"])


def test_swapped_request_has_swapped_values() -> None:
    assert BisectRequest(old="a", new="b", axis=("lr=1::2",)).swapped().axis == ("lr=2::1",)


@pytest.mark.slow
def test_changed_data_file_is_proved_next_to_changed_packages(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    for version in ("1.0", "2.0"):
        make_wheel(index, "innocent", version)
    for end, version in (("old", "1.0"), ("new", "2.0")):
        (tmp_path / f"{end}.txt").write_text(f"innocent=={version}\n")
    (tmp_path / "good.csv").write_text("0.9\n")
    (tmp_path / "bad.csv").write_text("0.4\n")
    (tmp_path / "train.py").write_text("import innocent, sys\nprint('accuracy=' + open(sys.argv[1]).read())\n")
    options = ("--metric", "accuracy", "--python", PYTHON, "--axis", "data=good.csv::bad.csv", "--json")
    done = cli("bisect", "old.txt", "new.txt", *options, "--", "python", "train.py", "{data}")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"]) == ("proved", ["param:data"])
