"""Runs of further tools are imported as they were logged. The fixtures are of real versions, see support/trackers."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.builders import Cli

from contexta import Contexta
from contexta.importers.readers import KINDS, sources_below
from contexta.importers.reading.description import ForeignRun, InputFile

FIXTURES = Path(__file__).parent / "fixtures"
SECRET = "Zq8vT2mXw4Lr9sKd"
PARAMS = {"lr": 0.01, "model.depth": 6, "api_key": SECRET}
PARAMS_OF_GUILD = {"lr": 0.5, "depth": 6, "api_key": SECRET}
LOSS = [(step, 1 / (step + 1)) for step in range(20)]
ACCURACY = [(step, 0.5 + step / 50) for step in range(20)]
COMMIT = "aaebc26072337a66564858d0a31f7fa131d817ea"


class Expected(NamedTuple):
    """What a fixture contains."""

    place: str
    facts: dict[str, Any]
    params: dict[str, Any] = PARAMS
    metrics: dict[str, Any] = {}  # noqa: RUF012  # never changed
    packages: dict[str, str] | None = None
    python: str | None = "3.11.7"
    output: str = "training of the february run"


PATCH = b"diff --git a/lib.py b/lib.py\nindex 7d4290a..407de30 100644\n--- a/lib.py\n+++ b/lib.py\n"
PATCH += b"@@ -1 +1 @@\n-x = 1\n+x = 2\n"
SOURCE = {"commit": COMMIT, "branch": "master", "remote": "https://example.com/shop.git", "patch": PATCH}

CASES = {
    "guild": Expected(
        "guild/8e91699d6ef444bab7c903a01ec75bf7",
        {
            "name": "february",
            "status": "completed",
            "tool_version": "0.9.0",
            "started_at": 1796104541420072,
            "ended_at": 1796104544176539,
            "commit": "23c0a57e3275083ce4906ece891ad992cc99ea02",
            "tags": {"baseline": ""},
        },
        {**PARAMS_OF_GUILD, "fail": False},
        {"loss": [(step, struct.unpack("f", struct.pack("f", value))[0]) for step, value in LOSS]},
        {"guildai": "0.9.0", "absl-py": "2.5.1"},
    ),
    "dvc": Expected(
        "dvc/shop",
        {
            "name": "shop dvclive",
            "status": "completed",
            "command": ["python", "dvclive_run.py"],
            "inputs": {
                "data.csv": InputFile("md5:e5ebd4c02cefbe7955977c67ada242b7", 8),
                "clean.csv": InputFile("md5:e5ebd4c02cefbe7955977c67ada242b7", 8),
                "dvclive_run.py": InputFile("md5:c3f5fd16c023ac3161fa7f48477d3215", 674),
            },
        },
        metrics={"loss": LOSS, "val/accuracy": ACCURACY, "best": [(None, 0.91)]},
        output="",
    ),
    "swanlab": Expected(
        "swanlab/run-20261201_051420-37qe2nmg",
        {
            "name": "february",
            "project": "credit-risk",
            "description": "before the upgrade",
            "status": "completed",
            "tool_version": "0.10.3",
            "started_at": 1796102060894104,
            "ended_at": 1796102062266597,
            "command": [".venv/bin/python", "swanlab_run.py"],
            "directory": "/training",
            "commit": COMMIT,
            "branch": "master",
            "remote": "https://example.com/shop",
            "tags": {"baseline": ""},
        },
        metrics={"loss": LOSS, "val/accuracy": ACCURACY},
        packages={"swanlab": "0.10.3", "aiohttp": "3.14.5"},
    ),
    "comet": Expected(
        "comet/addc2dfa6c84460d8925748222589aaa-xeVUgU.zip",
        {
            **SOURCE,
            "name": "february",
            "project": "credit-risk",
            "status": "completed",
            "tool_version": "3.58.8",
            "started_at": 1796102074169000,
            "ended_at": 1796102076531000,
            "command": ["comet_run.py"],
            "tags": {"baseline": "", "team": "risk"},
            "attachments": {
                "system-packages.txt": "adduser=3.134\nadwaita-icon-theme=43-1\nalsa-topology-conf=1.2.5.1-2\n"
                "alsa-ucm-conf=1.2.8-1\nappstream=0.16.1-2\n"
            },
        },
        metrics={"loss": LOSS, "val.accuracy": ACCURACY},
        packages={"comet_ml": "3.58.8", "aiohttp": "3.14.5"},
    ),
    "clearml": Expected(
        "clearml/offline-82806d86f8964a0eacdffd3611948484.zip",
        {
            **SOURCE,
            "name": "february",
            "project": "credit-risk",
            "description": "before the upgrade",
            "status": "completed",
            "tool_version": "2.1.12",
            "command": ["python3.11", "clearml_run.py"],
            "tags": {"baseline": ""},
        },
        metrics={"loss": LOSS, "val/accuracy": ACCURACY, "best": [(None, 0.91)]},
        packages={"clearml": "2.1.12"},
    ),
    "sacred": Expected(
        "sacred/1",
        {
            "name": "credit-risk-1",
            "project": "credit-risk",
            "status": "completed",
            "tool_version": "0.8.7",
            "started_at": 1796102085884829,
            "ended_at": 1796102085891427,
            "command": ["sacred_run.py", "train", "with", "lr=0.5"],
            "directory": "/training",
            "commit": COMMIT,
            "remote": "https://example.com/shop.git",
        },
        {**PARAMS, "lr": 0.5, "sizes": [8, 16], "seed": 21},
        {"loss": LOSS, "val.accuracy": ACCURACY, "best": [(None, 0.91)], "result": [(None, 0.91)]},
        {"numpy": "2.4.6", "sacred": "0.8.7"},
    ),
    "hydra": Expected(
        "hydra/05-14-52",
        {
            "name": "hydra 05-14-52",
            "status": "completed",
            "tool_version": "1.3.8",
            "command": ["hydra_run.py", "lr=0.5"],
            "directory": "/training",
        },
        {**PARAMS, "lr": 0.5, "layers": [8, 16], "rate": 0.5},
    ),
}
STATUSES = {
    "swanlab": {"completed", "crashed"},
    "comet": {"completed", "failed"},
    "clearml": {"completed", "crashed"},
    "guild": {"completed", "failed"},
    "sacred": {"completed", "failed", "crashed"},
}
"""Kind -> the statuses of all its fixtures."""


def runs_below(path: Path) -> list[ForeignRun]:
    return [run for source in sources_below(path) for run in KINDS[source.kind].read(source.path)]


@pytest.mark.parametrize("kind", CASES)
def test_a_run_has_all_that_its_tool_recorded(kind: str) -> None:
    expected = CASES[kind]
    (run,) = runs_below(FIXTURES / expected.place)
    assert run.kind == kind
    assert {name: getattr(run, name) for name in expected.facts} == expected.facts
    assert run.params.items() >= expected.params.items()
    for key, values in expected.metrics.items():
        assert [(point.step, point.value) for point in run.metrics[key]] == values
    assert expected.output in (run.output or "")
    if expected.packages is not None:
        assert run.environment is not None
        assert run.environment.packages.items() >= expected.packages.items()
        assert run.environment.python_version == expected.python


@pytest.mark.parametrize("kind", STATUSES)
def test_a_run_has_the_status_with_which_it_ended(kind: str) -> None:
    runs = runs_below(FIXTURES / kind)
    assert {run.status for run in runs} == STATUSES[kind]
    for run in runs:
        assert run.status != "crashed" or any("was killed" in note for note in run.notes)


def test_each_file_is_read_as_the_format_that_it_has() -> None:
    for source in sources_below(FIXTURES):
        folder = source.path.relative_to(FIXTURES).parts[0]
        assert source.kind in (folder, f"{folder}-files")


def test_imported_runs_are_stored_once_and_without_secrets(cli: Cli, tmp_path: Path) -> None:
    paths = [str(FIXTURES / kind) for kind in CASES]
    assert cli("import", *paths).returncode == 0
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        again = ctx.import_runs(paths)
        assert {run.outcome for run in again.runs} == {"present"}
        assert len(ctx.list_runs()) == len(again.runs)
        for run in again.runs:
            assert run.run_ref is not None
            assert ctx.get_run(run.run_ref).status == run.status
    stored = b"".join(path.read_bytes() for path in (tmp_path / ".contexta").rglob("*") if path.is_file())
    assert SECRET.encode() not in stored


def test_a_run_inside_a_job_of_hydra_has_its_parameters(tmp_path: Path) -> None:
    job = tmp_path / "outputs" / "05-14-52"
    (job / ".hydra").mkdir(parents=True)
    for name in ("config", "hydra", "overrides"):
        text = (FIXTURES / "hydra" / "05-14-52" / ".hydra" / f"{name}.yaml").read_text()
        (job / ".hydra" / f"{name}.yaml").write_text(text)
    (job / "training.csv").write_text("epoch,loss\n0,0.5\n")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (imported,) = ctx.import_runs(tmp_path / "outputs", project="p").runs
        assert (imported.kind, imported.run_ref is not None) == ("csv", True)
        run = ctx.get_run(str(imported.run_ref))
        assert (run.params["model.depth"], run.params["rate"]) == (6, 0.5)


@pytest.mark.parametrize(
    ("kind", "fixture", "points"),
    [
        ("wandb", "wandb/0.31.0", 20),
        ("swanlab", "swanlab/run-20261201_051420-37qe2nmg", 20),
        ("mlflow-files", "mlflow/mlruns", 20),
        ("csv", None, 1),
    ],
)
def test_a_tracker_inside_a_run_of_guild_has_a_run_of_its_own(
    tmp_path: Path, kind: str, fixture: str | None, points: int
) -> None:
    run = tmp_path / "8e91699d6ef444bab7c903a01ec75bf7"
    shutil.copytree(FIXTURES / "guild" / run.name, run)
    alone = len(runs_below(run)[0].metrics["loss"])
    if fixture is None:
        (run / "training.csv").write_text("epoch,loss\n0,0.5\n")
    else:
        shutil.copytree(FIXTURES / fixture, run / "kept" / Path(fixture).name)
    events = run / "kept" / "logs" / "events.out.tfevents.1700000000.host"
    events.parent.mkdir(parents=True)
    shutil.copy(FIXTURES / "tensorboard" / "february" / events.name, events)
    found = runs_below(tmp_path)
    assert sorted({each.kind for each in found}) == sorted({"guild", kind})
    assert max(len(each.metrics["loss"]) for each in found if each.kind == kind and "loss" in each.metrics) >= points
    (guild,) = (each for each in found if each.kind == "guild")
    assert len(guild.metrics["loss"]) == alone
    assert any(key.startswith("kept/logs/") for key in guild.metrics)


def test_experiments_of_dvc_are_read_from_the_references_of_git(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(FIXTURES / "dvc" / "shop", shop)
    (shop / ".dvc").mkdir()
    (shop / ".dvc" / "config").write_text("")

    def git(*arguments: str) -> str:
        name = ["-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        done = subprocess.run(
            ["git", *name, *arguments], cwd=shop, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    base = git("rev-parse", "HEAD")
    for name, depth in (("february", 6), ("march", 7)):
        params = shop / "dvclive" / "params.yaml"
        params.write_text(params.read_text().replace("depth: 6", f"depth: {depth}"))
        git("add", "-A")
        tree = git("write-tree")
        commit = git("commit-tree", tree, "-p", base, "-m", name)
        git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", commit)
    git("update-ref", "refs/exps/exec/EXEC_HEAD", base)
    runs = {run.name: run for run in runs_below(shop)}
    assert {name: run.params["model.depth"] for name, run in runs.items()} == {
        "february": 6,
        "march": 7,
        "shop dvclive": 7,
    }
    assert runs["february"].commit == base
    assert [(point.step, point.value) for point in runs["february"].metrics["loss"]] == LOSS
    assert runs["shop dvclive"].identity == runs["march"].identity, "the working tree is the last experiment"


def test_a_digest_of_another_kind_is_no_change_of_an_input(tmp_path: Path) -> None:
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (dvc,) = ctx.import_runs(FIXTURES / "dvc", project="p").runs
        (tmp_path / "data.csv").write_text("a,b\n1,2\n")
        with ctx.run("new", project="p") as run:
            run.input("data.csv", tmp_path / "data.csv")
        inputs = ctx.diff_runs(str(dvc.run_ref), "p.new").inputs
        assert "data.csv" not in {change.key for change in inputs.changes}
        assert any("data.csv" in note for note in inputs.completeness_notes)


def test_values_of_other_types_than_expected_raise_nothing(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "sacred" / "1", tmp_path / "1")
    facts = json.loads((tmp_path / "1" / "run.json").read_text())
    for value in (None, 1, "x", ["x"], {"x": 1}):
        (tmp_path / "1" / "run.json").write_text(json.dumps({**dict.fromkeys(facts, value), "heartbeat": value}))
        (run,) = runs_below(tmp_path)
        assert run.status == "crashed"
        assert len(run.metrics["loss"]) == 20
