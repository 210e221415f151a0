"""``contexta run`` tells apart the metrics that several ranks print to one output, or says that nothing does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.builders import Cli

from contexta import Contexta

# Writes each line with its end at once, also under PYTHONUNBUFFERED.
# Starts two ranks at the same time. Rank 0 ends first, so the last line is that of rank 1.
LAUNCHER = """
import os, subprocess, sys
ranks = [
    subprocess.Popen([sys.executable, "rank.py", str(rank)], env={{**os.environ, {variables}}})
    for rank in range(2)
]
sys.exit(max(process.wait() for process in ranks))
"""
RANK = """
import os, sys, time
rank = int(sys.argv[1])
for epoch in range(1, 4):
    print(f"{prefix}epoch {{epoch}} loss={{(1 + rank) / epoch:.3f}}\\n", end="", flush=True)
    time.sleep(0.15 * (rank + 1))
print(f"{prefix}test accuracy: {{0.9 - rank / 10}}\\n", end="", flush=True)
time.sleep(0.2)
"""
OF_TORCHRUN = '"RANK": str(rank), "WORLD_SIZE": "2"'

PREFIXES = {
    "torchrun": "[rank{rank}]: ",
    "torchelastic": "[default{rank}]:",
    "mpirun": "[1,{rank}]<stdout>:",
    "srun": "{rank}: ",
    "brackets": "[Rank {rank}] ",
    "parentheses": "(rank {rank}) ",
    "words": "rank {rank}: ",
    "GPU": "[GPU{rank}] ",
    "logging": "2026-01-01 10:00:00,123 INFO trainer [rank {rank}] ",
}


def recorded(cli: Cli, folder: Path, prefix: str, variables: str = "", name: str = "r") -> None:
    (folder / "rank.py").write_text(RANK.format(prefix=prefix))
    (folder / "launch.py").write_text(LAUNCHER.format(variables=variables))
    done = cli("run", "--quiet", "--project", "p", "--name", name, "--", sys.executable, "launch.py")
    assert done.returncode == 0, done.stderr


def metrics_of(cli: Cli, name: str = "r") -> dict[tuple[str, str | None], tuple[float, int | None, int]]:
    stages = json.loads(cli("show", name, "--json").stdout)["stages"]
    return {
        (metric["metric_key"], metric["slice_ref"]): (metric["value"], metric["step"], metric["points"])
        for stage in stages
        for metric in stage["metrics"]
    }


@pytest.mark.parametrize(
    "launcher",
    [pytest.param(name, marks=[pytest.mark.slow] if number else []) for number, name in enumerate(PREFIXES)],
)
def test_prefix_of_a_rank_gives_each_rank_its_own_series(cli: Cli, tmp_path: Path, launcher: str) -> None:
    recorded(cli, tmp_path, PREFIXES[launcher])
    assert metrics_of(cli) == {
        ("loss", None): (0.333, 3, 3),
        ("loss", "rank-1"): (0.667, 3, 3),
        ("test accuracy", None): (0.9, None, 1),
        ("test accuracy", "rank-1"): (0.8, None, 1),
    }
    assert json.loads(cli("show", "r", "--json").stdout)["metrics"] == {"loss": 0.333, "test accuracy": 0.9}
    again = cli("metrics", "r", "--from-output")
    assert (again.returncode, metrics_of(cli)[("loss", None)]) == (0, (0.333, 3, 3))
    assert metrics_of(cli)[("loss", "rank-1")] == (0.667, 3, 3)


@pytest.mark.slow
@pytest.mark.parametrize("variables", ["", OF_TORCHRUN])
def test_values_that_nothing_tells_apart_are_no_metric_and_the_run_has_a_note(
    cli: Cli, ctx: Contexta, tmp_path: Path, variables: str
) -> None:
    recorded(cli, tmp_path, "", variables)
    assert metrics_of(cli) == {}
    assert "(0 metrics, " in cli("run", "--name", "q", "--", sys.executable, "launch.py").stderr
    shown = " ".join(cli("show", "r").stdout.split())
    assert "several processes printed different values of loss for step 1 (" in shown
    assert "several processes printed different values of test accuracy" in shown
    recorded(cli, tmp_path, "", variables, name="s")
    assert "loss" not in cli("compare", "r", "s").stdout
    assert "loss" not in cli("why", "r", "s").stdout
    assert cli("metrics", "r", "--from-output").returncode == 0
    assert metrics_of(cli) == {}
    assert ctx.verify().sound


@pytest.mark.slow
def test_ranks_that_print_the_same_values_are_one_series(cli: Cli, tmp_path: Path) -> None:
    recorded(cli, tmp_path, "", OF_TORCHRUN)  # as in the test above, but with equal values
    (tmp_path / "rank.py").write_text(RANK.format(prefix="").replace("(1 + rank)", "1").replace("- rank / 10", ""))
    assert cli("run", "--quiet", "--name", "t", "--", sys.executable, "launch.py").returncode == 0
    values = metrics_of(cli, "t")
    assert (values[("loss", None)][:2], values[("test accuracy", None)][0]) == ((0.333, 3), 0.9)
    assert "several processes" not in cli("show", "t").stdout


@pytest.mark.parametrize(
    "program",
    [
        "for epoch in 1, 2:\n    for part in range(3): print(f'epoch {epoch} loss={1 / (epoch + part):.3f}')",
        "for fit in 1, 2:\n    for epoch in 1, 2: print(f'epoch {epoch} loss={1 / (epoch + fit + 1):.3f}')",
        "for n in 1, 2, 4: print(f'loss: {1 / n}')",
    ],
)
def test_one_program_that_prints_several_values_for_a_step_keeps_the_last(
    cli: Cli, tmp_path: Path, program: str
) -> None:
    (tmp_path / "train.py").write_text(program)
    assert cli("run", "--quiet", "--name", "r", "--", sys.executable, "train.py").returncode == 0
    assert metrics_of(cli)[("loss", None)][0] in (0.25, 0.2)
    assert "several processes" not in cli("show", "r").stdout


@pytest.mark.slow
def test_rank_zero_that_prints_alone_keeps_its_metrics(cli: Cli, tmp_path: Path) -> None:
    recorded(cli, tmp_path, "", OF_TORCHRUN)
    (tmp_path / "rank.py").write_text(RANK.format(prefix="").replace("for epoch", "if rank: sys.exit()\nfor epoch"))
    assert cli("run", "--quiet", "--name", "t", "--", sys.executable, "launch.py").returncode == 0
    assert metrics_of(cli, "t") == {("loss", None): (0.333, 3, 3), ("test accuracy", None): (0.9, None, 1)}


@pytest.mark.slow
def test_metric_that_the_program_logs_is_kept_where_its_printed_values_differ(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "rank.py").write_text(RANK.format(prefix="") + "import contexta\ncontexta.log({'loss': 0.125})\n")
    (tmp_path / "launch.py").write_text(LAUNCHER.format(variables=OF_TORCHRUN))
    assert cli("run", "--quiet", "--name", "r", "--", sys.executable, "launch.py").returncode == 0
    assert metrics_of(cli) == {("loss", None): (0.125, None, 1), ("loss", "rank-1"): (0.125, None, 1)}


@pytest.mark.parametrize(
    ("stepped", "final"),
    [
        ("for f in range(4): print(f'fold {f}: ari={0.3 - f / 100}')", "Final ari: 0.2956"),
        ("for e in range(3): print(f'epoch {e} acc=0.{e}')", "acc: 0.2956"),
        ("for s in 10, 20: print('step', s, 'loss', 1 / s)", "loss = 0.2956"),
    ],
)
def test_final_value_without_a_step_is_the_last_one(cli: Cli, tmp_path: Path, stepped: str, final: str) -> None:
    (tmp_path / "train.py").write_text(f"{stepped}\nprint('{final}')\n")
    cli("run", "--name", "r", "--quiet", "--", sys.executable, "train.py")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert list(ctx.get_run("r").metrics.values()) == [0.2956]


def test_numbers_before_lines_without_another_step_stay_steps(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("for n in range(3): print(f'{n}: loss 0.{5 - n}')")
    assert cli("run", "--quiet", "--name", "r", "--", sys.executable, "train.py").returncode == 0
    assert metrics_of(cli) == {("loss", None): (0.3, 2, 3)}
