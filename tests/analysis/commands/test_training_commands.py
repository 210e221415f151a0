from __future__ import annotations

import re

import pytest

from contexta.analysis.commands.training_commands import metric_source, training_of, unused_seeds
from contexta.core.references import StableRef
from contexta.findings.past_runs import PastRun


def a_run(*command: str) -> PastRun:
    return PastRun(StableRef("run", "p.r"), "completed", "", None, metadata={"command": list(command)})


@pytest.mark.parametrize(
    ("command", "line", "option", "again"),
    [
        (
            ("python", "t.py", "--seed", "3", "a b"),
            "python t.py 'a b'",
            "--seed {seed}",
            "python t.py --seed \"$s\" 'a b'",
        ),
        (("t", "--random-state=3", "x"), "t x", "--random-state={seed}", 't --random-state="$s" x'),
        (("t", "--seed-everything"), "t --seed-everything", "", "t --seed-everything"),
        (("t", "--data.seed", "7"), "t", "--data.seed {seed}", 't --data.seed "$s"'),
        (("t", "seed"), "t seed", "", "t seed"),
    ],
)
def test_a_seed_is_replaced_where_it_stands(command: tuple[str, ...], line: str, option: str, again: str) -> None:
    training = training_of(a_run(*command), ("python", "TRAIN.PY"))
    assert (training.line, training.seed_option, training.at_seed('"$s"')) == (line, option, again)


@pytest.mark.parametrize(
    ("parameters", "options", "argument"),
    [
        ({"seed": 0}, {"seed": "--seed"}, "--seed {seed}"),
        ({"lr": 1, "random_state": 3}, {"random_state": "--random-state"}, "--random-state {seed}"),
        ({"seed": 0}, {}, ""),  # of a file, or of the program
        ({"seed": None}, {"seed": "--seed"}, ""),
        ({"seed": True}, {"seed": "--seed"}, ""),
        ({"lr": 1}, {"lr": "--lr"}, ""),
    ],
)
def test_a_seed_that_is_no_part_of_the_command_is_passed_by_its_option(
    parameters: dict[str, object], options: dict[str, str], argument: str
) -> None:
    metadata = {"command": ["python", "t.py"], "param_options": options}
    run = PastRun(StableRef("run", "p.r"), "completed", "", None, params=parameters, metadata=metadata)
    training = training_of(run, ("python", "TRAIN.PY"))
    assert (training.line, training.seed_option) == ("python t.py", argument)


def test_seeds_that_ran_are_not_repeated() -> None:
    assert unused_seeds([a_run("t", "--seed", "2"), a_run("t")], 3) == [1, 3, 4]


@pytest.mark.parametrize(
    ("pattern", "printed", "value"),
    [
        (r"loss=(?P<loss>\S+)", "loss=0.5", "0.5"),
        (r"(?P<step>\d+) (?P<loss>\S+) (a|b)", "3 0.5 a", "0.5"),
        (r"(?P<key>\w+): (?P<value>[\d.]+)", "acc: 0.1 loss: 0.5", "0.5"),
        (r"(?P<key>(a|loss))\((?P<value>[(\d.)\]]+)", "loss(0.5", "0.5"),
        (r"[)(]\((?P<loss>.*)\)", "((0.5)", "0.5"),
    ],
)
def test_the_pattern_of_a_recorded_run_reads_the_same_number_in_a_bisect(
    pattern: str, printed: str, value: str
) -> None:
    source = metric_source(pattern, "loss")
    assert source is not None
    (result,) = re.findall(source.removeprefix("stdout:"), printed)
    assert result == value


def test_a_pattern_that_refers_to_its_own_groups_is_not_rewritten() -> None:
    assert metric_source(r"(?P<q>['\"])(?P<loss>.*)(?P=q)", "loss") is None
    assert metric_source(r"(?P<acc>.*)", "loss") is None
