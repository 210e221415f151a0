"""``contexta run`` records the metrics that a program prints, as the program logged them where it did."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.builders import Cli

from contexta import Contexta

TRAIN = """
import sys
for epoch in range(1, 4):
    print(f"epoch {epoch}/3 loss {1 / epoch:.2f} acc {epoch / 4}")
print("[0]\\tvalid-auc:0.75", file=sys.stderr)
print("num_workers: 8\\nTest F1: 0.81")
"""


def recorded(cli: Cli, *command: str, options: tuple[str, ...] = (), name: str = "r") -> None:
    done = cli("run", "--quiet", "--project", "p", "--name", name, *options, "--", sys.executable, *command)
    assert done.returncode == 0, done.stderr


def test_printed_metrics_are_recorded_with_their_steps_and_marked(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    recorded(cli, "train.py")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        details = ctx.get_run("r")
        series = ctx.metric_series("r", "loss")
    (stage,) = details.stages
    values = {metric.metric_key: (metric.value, metric.step, metric.origin) for metric in stage.metrics}
    assert values == {
        "loss": (0.33, 3, "output"),
        "acc": (0.75, 3, "output"),
        "valid-auc": (0.75, 0, "output"),
        "Test F1": (0.81, None, "output"),
    }
    assert [bucket.step for bucket in series.buckets] == [1, 2, 3]
    assert "last of 3 (step 3), from the output" in cli("show", "r").stdout
    (shown,) = json.loads(cli("show", "r", "--json").stdout)["stages"]
    assert {metric["origin"] for metric in shown["metrics"]} == {"output"}
    (tmp_path / "train.py").write_text(TRAIN.replace("0.81", "0.82"))
    recorded(cli, "train.py", name="s")
    assert "read from the output of the command: " in cli("diff", "r", "s").stdout


def test_metric_that_the_program_logs_is_not_read_from_its_output(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import contexta\n"
        "for epoch in range(1, 4):\n"
        "    print(f'epoch {epoch} loss=0.99 acc=0.5', flush=True)\n"
        "contexta.log({'loss': 0.123456}, step=3)\n"
        "print('epoch 4 loss=0.98 acc=0.6')\n"
    )
    recorded(cli, "train.py")
    details = json.loads(cli("show", "r", "--json").stdout)
    (stage,) = details["stages"]
    points = {
        metric["metric_key"]: (metric["value"], metric["points"], metric["origin"]) for metric in stage["metrics"]
    }
    assert points == {"loss": (0.123456, 1, None), "acc": (0.6, 4, "output")}


def test_logged_metric_replaces_printed_points_that_are_stored_already(ctx: Contexta) -> None:
    with ctx.run("r", project="p") as run:
        head = run._journal.metric_head("loss", None, is_printed=True)
        for step in range(3):
            run._journal.metric(head, 0.9, step)
        assert ctx.get_run("r").metadata["metrics_from_output"] == ("loss",)
        with run.stage("train") as stage:
            stage.metric("loss", 0.5, step=0)
        run._journal.metric(head, 0.8, 4)
    details = ctx.get_run("r")
    assert details.metrics == {"loss": 0.5}
    assert details.metadata["metrics_from_output"] == ()
    assert ctx.verify().sound


def test_output_is_left_alone_on_demand(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    recorded(cli, "train.py", options=("--no-metrics-from-output",))
    assert json.loads(cli("show", "r", "--json").stdout)["metrics"] == {}
    both = cli("run", "--no-metrics-from-output", "--metrics-from-stdout", "(?P<a>.)", "--", "true")
    assert (both.returncode, "were both given" in both.stderr) == (2, True)


def test_metrics_are_read_from_stored_output_again(cli: Cli, ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(f"import contexta\ncontexta.log({{'acc': 0.123}})\n{TRAIN}")
    recorded(cli, "train.py", options=("--no-metrics-from-output",))
    assert dict(ctx.get_run("r").metrics) == {"acc": 0.123}
    report = json.loads(cli("metrics", "r", "--from-output", "--json").stdout)
    assert report["metrics"] == {"loss": 0.33, "acc": 0.123, "valid-auc": 0.75, "Test F1": 0.81}
    again = cli("metrics", "r", "--from-output", r"epoch (?P<step>\d).*loss (?P<level>\S+)")
    assert (again.returncode, "from the output" in again.stdout) == (0, True)
    assert dict(ctx.get_run("r").metrics) == {"level": 0.33, "acc": 0.123}
    assert cli("metrics", "r").stdout == again.stdout
    assert ctx.verify().sound
    nothing, no_number = (
        cli("metrics", "r", "--from-output", "(?P<x>zzz)"),
        cli("metrics", "r", "--from-output", "(?P<x>acc)"),
    )
    assert (nothing.returncode, "matches nothing" in nothing.stderr) == (2, True)
    assert (no_number.returncode, "matches no number" in no_number.stderr) == (2, True)
    assert dict(ctx.get_run("r").metrics) == {"level": 0.33, "acc": 0.123}


@pytest.mark.parametrize(("pattern", "why"), [("lozz=(?P<loss>.*)", "matched nothing"), ("(?P<acc>acc)", "no number")])
def test_pattern_that_finds_no_number_is_reported(cli: Cli, tmp_path: Path, pattern: str, why: str) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    done = cli("run", "--name", "r", "--metrics-from-stdout", pattern, "--", sys.executable, "train.py")
    assert why in done.stderr
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert any(why in note.text for note in ctx.get_run("r").notes if note.topic == "metrics")


def test_secret_in_the_name_of_a_printed_metric_is_hidden(cli: Cli, tmp_path: Path) -> None:
    secret = "hf_" + "aB3dE6gH9jK2mN5pQ8" * 2
    (tmp_path / "train.py").write_text(f"for i in range(3): print('epoch', i, '{secret}_loss=0.5')")
    recorded(cli, "train.py")
    cli("show", "r")
    files = [path for path in (tmp_path / ".contexta").rglob("*") if path.is_file()]
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
