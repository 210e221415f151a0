"""The judgement of a study is chosen from recorded runs before a build, or checked in the first reruns."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, a_metric, a_stage, put_run
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta
from contexta.bisect.inputs.judgement import judgement
from contexta.bisect.inputs.request import BisectRequest
from contexta.bisect.inputs.sides.kinds import side_of
from contexta.core.errors import InvalidInput
from contexta.reproduce.uv.commands import find_uv

COMMAND = ("--", "python", "train.py")
Record = Callable[..., None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
        make_wheel(index, "innocent", version)
    (tmp_path / "old.txt").write_text("culprit==1.0\ninnocent==1.0\n")
    (tmp_path / "new.txt").write_text("culprit==2.0\ninnocent==2.0\n")
    (tmp_path / "train.py").write_text(
        "import culprit\nprint('accuracy=%g loss=%g' % (0.9 - culprit.worse, 0.1 + culprit.worse))\n"
    )
    return tmp_path


@pytest.fixture
def record(ctx: Contexta, project: Path) -> Record:
    """Store a run with OLD's or NEW's packages: ``record("old", accuracy=0.9)``."""

    def put(name: str, version: str = "", /, *, status: str = "completed", day: int = 1, **metrics: Any) -> None:
        packages = dict.fromkeys(("culprit", "innocent"), version or ("1.0" if name.startswith("old") else "2.0"))
        about = {"packages": packages, "python_version": find_uv().interpreter(PYTHON).version}
        moment = f"2025-02-{day:02}T08:00:00Z"
        put_run(ctx, name, metrics=metrics, environment=about, status=status, started_at=moment)

    return put


def notes(*sides: str, **options: Any) -> str:
    """Notes of the judgement, without a process for each of many cases."""
    resumes = options.pop("resume", False)
    request = BisectRequest(old=sides[0], new=sides[1], command=COMMAND[1:], **options)
    with Contexta() as ctx:
        old, new = (side_of(side, ctx) for side in sides)
        judged = judgement(request, {"old": old, "new": new}, ctx, "contexta bisect SWAPPED", resumes=resumes)
    return "\n".join(judged.notes)


def refusal(cli: Cli, *arguments: str) -> str:
    done = cli("bisect", *arguments, "--python", PYTHON, *COMMAND)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert "building the environments" not in done.stderr
    return done.stderr


# ------------------------------------------------------------------------------------------- without --metric


@pytest.mark.slow
def test_recorded_metrics_judge_where_none_is_named_and_the_report_says_so(
    cli: Cli, project: Path, record: Record
) -> None:
    record("old", accuracy=0.9, loss=0.1)
    record("new", accuracy=0.4, loss=0.6)
    done = cli("bisect", "old", "new", "--python", PYTHON, "--no-versions", "--json", *COMMAND)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"], report["metric"]) == ("proved", ["culprit"], "accuracy")
    printed = (
        "judged by accuracy, the metric that `contexta why` explains first (also recorded: loss); --metric NAME judges "
        "by another, --exit-code by the exit code"
    )
    assert printed in report["notes"]
    assert f"note: {printed}" in done.stderr
    with Contexta(workspace=project / ".contexta") as ctx:
        shift = ctx.explain_regression("old", "new").metric
    assert shift is not None
    assert shift.metric_key == "accuracy"
    record("new-2", accuracy=0.4, loss=99)
    again = cli("bisect", "--resume", "--json")
    assert json.loads(again.stdout) == report


@pytest.mark.slow
def test_the_exit_code_judges_recorded_runs_on_request(cli: Cli, project: Path, record: Record) -> None:
    record("old", accuracy=0.9)
    record("new", accuracy=0.4)
    (project / "train.py").write_text("import culprit\nraise SystemExit(3 if culprit.worse else 0)\n")
    done = cli("bisect", "old", "new", "--exit-code", "--python", PYTHON, "--no-versions", "--json", *COMMAND)
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"], report["metric"]) == (
        "proved",
        ["culprit"],
        "passes (exit code is 0)",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ({"accuracy": 0.9, "f1": 0.8}, {"accuracy": 0.9, "f1": 0.5}, "judged by f1, the metric that `contexta why`"),
        ({}, {"rmse": 3.0, "zeta": 1.0}, "judged by rmse, the best known metric of NEW, the only side with recorded"),
        ({}, {}, "judged by the exit code: no metric is named, and run p.old and run p.new recorded none"),
        (
            {"accuracy": 0.9},
            {"status": "failed", "accuracy": 0.4},
            "judged by the exit code: when recorded, OLD completed and NEW failed; --metric NAME",
        ),
        ({"status": "failed", "f1": 0.9}, {"status": "crashed", "f1": 0.5}, "judged by f1, the metric that"),
        ({"quux": 2.0}, {"quux": 3.0}, "lower is taken for better: quux rose from OLD's record to NEW's"),
        ({"quux": 3.0}, {"quux": 2.0}, "higher is taken for better: quux fell from OLD's record to NEW's"),
        ({"loss": 0.1}, {"loss": 0.6}, "lower is taken for better, by loss's name"),
    ],
)
def test_what_judges_follows_from_what_both_runs_recorded(
    record: Record, old: dict[str, Any], new: dict[str, Any], message: str
) -> None:
    record("old", **old)
    record("new", **new)
    assert message in notes("old", "new")


def test_a_run_compared_with_a_file_brings_its_metrics(record: Record) -> None:
    record("old", accuracy=0.9, loss=0.1)
    printed = notes("old", "new.txt")
    assert "judged by accuracy, the best known metric of OLD, the only side with recorded metrics" in printed
    assert "judged by the exit code: no metric is named; --metric NAME" in notes("old.txt", "new.txt")
    assert "exit code" not in notes("old", "new.txt", judge="python judge.py")
    assert "judged by" not in notes("old", "new.txt", good_if="accuracy >= 0.5")


def test_a_metric_of_several_stages_keeps_its_stage(cli: Cli, project: Path, record: Record) -> None:
    for name, value in (("old", 0.9), ("new", 0.4)):
        record(name)
        with Contexta(workspace=project / ".contexta") as ctx:
            for stage, better in (("train", 0.0), ("val", value)):
                ctx.metadata_store.stages.put_stage_execution(a_stage("p", name, stage))
                ctx.record_store.append(a_metric("accuracy", better, run=name, name=f"m-{stage}", stage=stage))
    assert "judged by val/accuracy, the metric that" in notes("old", "new")
    printed = refusal(cli, "old", "new", "--metric", "accuracy")
    assert 'metric "accuracy" is in several stages of run p.old' in printed
    assert "--metric train/accuracy or --metric val/accuracy" in printed


def test_runs_without_a_common_metric_need_a_named_metric(cli: Cli, record: Record) -> None:
    record("old", accuracy=0.9)
    record("new", f1=0.4)
    printed = refusal(cli, "old", "new")
    assert "the two runs have no metric in common: OLD has accuracy; NEW has f1" in printed
    assert "--metric NAME" in printed
    assert "--exit-code" in printed


def test_the_judgement_is_printed_once(cli: Cli, project: Path) -> None:
    printed = refusal(cli, "old.txt", "new.txt", "--exit-code", "--judge", "x")
    assert "--exit-code and --judge both decide" in printed


# ------------------------------------------------------------------------------------------- swapped


def pasted(cli: Cli, message: str, *more: str) -> Any:
    """The report of the command that a hint gives."""
    line = next(line for line in message.splitlines() if "contexta bisect" in line)
    words = shlex.split(line[line.index("contexta bisect") :])
    done = cli("bisect", "--json", *more, *words[2:])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_swapped_runs_are_refused_with_the_command_that_works(cli: Cli, project: Path, record: Record) -> None:
    record("old", accuracy=0.9)
    record("new", accuracy=0.4)
    (project / "my train.py").write_text((project / "train.py").read_text())
    done = cli("bisect", "new", "old", "--max-runs", "40", "--python", PYTHON, "--", "python", "my train.py")
    assert done.returncode == 2
    assert "NEW is better than OLD: recorded accuracy is 0.4 for OLD and 0.9 for NEW, and higher is better" in (
        done.stderr
    )
    assert f"contexta bisect old new --python {PYTHON} --max-runs 40 -- python 'my train.py'" in done.stderr
    answer = pasted(cli, done.stderr, "--no-versions")
    assert (answer["verdict"], answer["culprits"]) == ("proved", ["culprit"])


@pytest.mark.parametrize(
    ("old", "new", "options", "message"),
    [
        ({"loss": 0.6}, {"loss": 0.1}, {}, "recorded loss is 0.6 for OLD and 0.1 for NEW, and lower is better"),
        ({"quux": 2.0}, {"quux": 1.0}, {"lower_is_better": True}, "and lower is better"),
        ({"quux": 2.0}, {"quux": 3.0}, {"metric": "quux", "lower_is_better": False}, "and higher is better"),
        ({"f1": 0.4}, {"f1": 0.9}, {"good_if": "f1 > 0.5"}, "by good_if= OLD is bad and NEW is good: recorded f1"),
        ({"status": "failed"}, {}, {}, "when recorded, OLD failed and NEW completed"),
        ({"status": "crashed", "f1": 0.9}, {"f1": 0.9}, {"exit_code": True}, "OLD crashed and NEW completed"),
    ],
)
def test_swapped_recorded_runs_are_refused(
    record: Record, old: dict[str, Any], new: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    record("old", **old)
    record("new", **new)
    with pytest.raises(InvalidInput, match="contexta bisect SWAPPED") as raised:
        notes("old", "new", **options)
    assert message in raised.value.what
    assert "keep_order=True" in str(raised.value)
    notes("old", "new", keep_order=True, **options)


@pytest.mark.parametrize(
    ("old", "new", "options"),
    [
        ({"accuracy": 0.9}, {"accuracy": 0.9}, {}),
        ({"f1": 0.8}, {"f1": 0.9}, {"good_if": "f1 > 0.5"}),
        ({"f1": 0.8}, {"f1": 0.9}, {"judge": "x"}),
        ({"accuracy": float("nan")}, {"accuracy": 0.9}, {}),
        ({"accuracy": 10**400}, {"accuracy": 0.9}, {}),
        ({"status": "failed"}, {"status": "failed"}, {}),
    ],
)
def test_runs_that_are_not_shown_to_be_swapped_go_on(
    record: Record, old: dict[str, Any], new: dict[str, Any], options: dict[str, Any]
) -> None:
    record("old", **old)
    record("new", **new)
    notes("old", "new", **options)


def test_a_difference_within_the_scatter_of_repeats_is_a_note(record: Record) -> None:
    for number, value in enumerate((0.80, 0.90, 0.85, 0.75)):
        record(f"old{number}", accuracy=value, day=number + 1)
    record("new", accuracy=0.86, day=9)
    assert "so NEW does not look worse. The run-to-run noise is as large" in notes("old0", "new")


def test_a_metric_that_did_not_change_is_a_note_before_the_first_trial(record: Record) -> None:
    record("old", accuracy=0.9)
    record("new", accuracy=0.9)
    assert "accuracy is 0.9 in both recorded runs, so the study may find no regression" in notes("old", "new")
    for number, value in enumerate((0.81, 0.90, 0.85, 0.75)):
        record(f"old-{number}", accuracy=value, day=number + 1)
        record(f"new-{number}", accuracy=value - 0.01, day=number + 6)
    expected = (
        "`contexta why` sees no change of accuracy beyond the run-to-run noise (0.842 for OLD, 0.834 for NEW), so"
    )
    assert expected in notes("old-0", "new-0")
    record("dropped", "3.0", accuracy=0.4, day=14)
    assert "may find no regression" not in notes("old-0", "dropped")


@pytest.mark.slow
def test_swapped_files_are_reported_after_the_first_pair_and_end_early(cli: Cli, project: Path) -> None:
    done = cli("bisect", "new.txt", "old.txt", "--metric", "accuracy", "--python", PYTHON, "--json", *COMMAND)
    lines = done.stderr.splitlines()
    second = next(number for number, line in enumerate(lines) if line.startswith("  2  end"))
    assert lines[second + 1].startswith("note: NEW is better than OLD so far (0.9 against 0.4); if they are swapped")
    report = json.loads(done.stdout)
    assert (report["verdict"], report["why"]) == ("no_regression", "NEW is better than OLD")
    assert report["runs"] <= 5
    assert f"contexta bisect old.txt new.txt --metric accuracy --python {PYTHON} -- python train.py" in report["next"]
    resume = [sys.executable, "-m", "contexta.cli", "bisect", "--resume"]
    output, errors = subprocess.STDOUT, subprocess.PIPE
    for stderr, everything, times in ((output, [], 1), (output, ["--all"], 2), (errors, [], 1)):
        done = subprocess.run([*resume, *everything], stdout=subprocess.PIPE, stderr=stderr, text=True, check=False)
        assert done.stdout.count("OLD is the pins of new.txt") == times, done.stdout


# ------------------------------------------------------------------------------------------- misspelled


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Accuracy", "accuracy"),
        ("val-acc", "val_acc"),
        ("valacc", "val_acc"),
        ("test/val_acc", "val_acc"),
        ("precison@k", "precision@k"),
    ],
)
def test_the_nearest_recorded_name_is_suggested(record: Record, name: str, nearest: str) -> None:
    for run in ("old", "new"):
        record(run, **{"accuracy": 0.9, "val_acc": 0.8, "precision@k": 0.2})
    for sides in (("old", "new"), ("old", "new.txt"), ("old.txt", "new")):
        with pytest.raises(InvalidInput, match=f"did you mean metric='{nearest}'"):
            notes(*sides, metric=name)
    with pytest.raises(InvalidInput, match=f"did you mean metric='{nearest}'"):
        notes("old", "new", good_if=f"{name} > 0.5")


def test_a_misspelled_metric_is_refused_before_anything_is_built(cli: Cli, record: Record) -> None:
    for run in ("old", "new"):
        record(run, accuracy=0.9, loss=0.2)
    printed = refusal(cli, "old", "new", "--metric", "acuracy")
    assert 'run p.old and run p.new recorded no metric "acuracy"; recorded: accuracy, loss' in printed
    assert "did you mean --metric accuracy?" in printed
    assert "--metric-from" in printed


def test_a_metric_that_recorded_runs_only_printed_is_no_misspelling(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("import contexta\ncontexta.log({'loss': 0.1})\nprint('acc=0.9')\n")
    for name in ("old", "new"):
        done = cli("run", "--no-metrics-from-output", "--name", name, "--project", "p", "--", "python", "train.py")
        assert done.returncode == 0, done.stderr
    assert "recorded no metric" not in notes("old", "new", metric="acc")
    assert "recorded: loss" in refusal(cli, "old", "new", "--metric", "f1")


def test_a_metric_of_another_command_waits_for_the_first_rerun(record: Record) -> None:
    record("old", loss=0.1)
    printed = notes("old", "new.txt", metric="auc")
    assert 'run p.old recorded no metric "auc"; recorded: loss. The first rerun shows' in printed
    assert "recorded no metric" not in notes("old", "new.txt", metric="los", metric_from="stdout:(x)")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--metric", "acuracy"), "gives no acuracy; it gives accuracy, loss"),
        (("--metric", "a", "--metric-from", "json:out.json:a.b"), "out.json has no number at a.b; it has a.c, b.0"),
    ],
)
def test_a_metric_that_the_first_rerun_does_not_give_ends_the_study(
    cli: Cli, project: Path, options: tuple[str, ...], message: str
) -> None:
    with (project / "train.py").open("a") as script:
        script.write("open('out.json', 'w').write('{\"a\": {\"c\": 1}, \"b\": [2]}')\n")
    done = cli("bisect", "old.txt", "new.txt", *options, "--python", PYTHON, *COMMAND)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the first run of OLD completed and gives no " in done.stderr
    assert message in done.stderr
    assert "  2  end" not in done.stderr
    log = done.stderr[done.stderr.index("`contexta log") + 1 :].partition("`")[0]
    assert "accuracy=0.9" in cli(*shlex.split(log)[1:]).stdout
