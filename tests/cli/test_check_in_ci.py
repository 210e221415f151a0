"""Baselines of `contexta check` from elsewhere, and the steps of the workflows for GitHub and GitLab."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from support.builders import Cli, put_run
from support.paths import ROOT

from contexta import Contexta
from contexta.findings import Baseline, Gate

MARKER = "<!-- contexta check of p -->"
FAKE_GH = """\
import json, pathlib, re, sys
store = pathlib.Path(__file__).with_name("comments.json")
comments = json.loads(store.read_text()) if store.exists() else []
words = sys.argv[1:]
assert words[0] == "api"
path = next(word for word in words if word.startswith("repos/"))
if "--method" not in words:
    assert path == "repos/me/project/issues/7/comments"
    marker = re.search(r'startswith\\("(.*)"\\)', words[words.index("--jq") + 1])[1]
    print(*(number for number, body in enumerate(comments) if body.startswith(marker)), sep="\\n")
else:
    body = pathlib.Path(words[words.index("--field") + 1].removeprefix("body=@")).read_text()
    if "PATCH" in words:
        comments[int(path.removeprefix("repos/me/project/issues/comments/"))] = body
    else:
        comments.append(body)
    store.write_text(json.dumps(comments))
"""


@pytest.fixture
def story(ctx: Contexta) -> Contexta:
    for day, (name, accuracy, torch) in enumerate((("old", 0.91, "2.0.0"), ("new", 0.87, "2.1.0"))):
        environment = {"packages": {"torch": torch}}
        started = f"2025-02-0{day + 1}T08:00:00Z"
        put_run(ctx, name, metrics={"accuracy": accuracy}, environment=environment, started_at=started)
    return ctx


def rules_of(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    return [(rule.status, rule.detail) for rule in Gate.model_validate_json(done.stdout).rules]


def test_a_check_gives_the_same_result_against_a_file_a_backup_and_a_workspace(story: Contexta, cli: Cli) -> None:
    written = cli("export", "--baseline", "baseline.json", "old")
    assert written.stdout == "written to baseline.json: the metrics and packages of p.old\n"
    story.tag_run("old", {"baseline": ""})
    assert cli("backup", "b.zip").returncode == 0
    rules = ["--max-drop", "accuracy=0.01", "--env", "packages", "--json"]
    expected = rules_of(cli("check", "new", "--against", "old", *rules))
    assert [status for status, _ in expected] == ["pass", "fail", "fail"]
    places = (["baseline.json"], ["b.zip"], [".contexta"], ["old", "--from", "b.zip"], ["old", "--from", ".contexta"])
    for words in places:
        assert rules_of(cli("check", "new", "--against", *words, *rules)) == expected, words
    Path("old").write_text("a file with the name of the run")
    assert rules_of(cli("check", "new", "--against", "old", *rules)) == expected
    assert rules_of(cli("check", "new", "--from", "b.zip", *rules)) == expected
    # Without rules, the noise between repeats decides.
    assert cli("check", "old", "--against", "baseline.json").returncode == 0
    assert cli("check", "new", "--against", "baseline.json").returncode == 1


def test_a_baseline_file_is_small_and_is_read_back(story: Contexta, tmp_path: Path) -> None:
    baseline = story.export_baseline("old", tmp_path / "baseline.json")
    assert Baseline.model_validate_json((tmp_path / "baseline.json").read_bytes()) == baseline
    assert dict(baseline.packages) == {"torch": "2.0.0"}
    assert [(metric.metric_key, metric.value) for metric in baseline.metrics] == [("accuracy", 0.91)]
    assert baseline.environment_digest
    assert str(story.export_baseline("new", tmp_path / "baseline.json").run_ref) == "run:p.new"  # replaced


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "new", "--against", "missing.json"], "there is no file missing.json"),
        (["check", "new", "--against", "other.json"], "other.json is no baseline, backup or workspace"),
        (["check", "new", "--against", "damaged.json"], "the baseline damaged.json cannot be read"),
        (["check", "new", "--against", ".contexta"], "has the tag baseline"),
        (["check", "new", "--against", "good.json", "--env", "same"], "a baseline file holds the packages"),
        (["export", "--baseline", "other.json", "old"], "other.json already exists and is no baseline"),
        (["export", "--baseline", "good.json", "old", "new"], "--baseline writes one run"),
        (["export"], "no file was named"),
    ],
)
def test_a_wrong_baseline_is_an_error_with_a_hint(
    story: Contexta, cli: Cli, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "damaged.json").write_text('{"contexta_baseline": 1, "run_ref": 5}')
    story.export_baseline("old", tmp_path / "good.json")
    done = cli(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "\nhint: " in done.stderr
    assert (tmp_path / "other.json").read_text() == "{}"


def step_of(steps: list[dict[str, Any]], values: dict[str, str], name: str) -> tuple[str, dict[str, str]]:
    """(script, variables) of a step of the action."""
    (step,) = [step for step in steps if step["name"] == name]

    def filled(text: str) -> str:
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda match: values[match[1]], text)

    return step["run"], {key: filled(text) for key, text in step.get("env", {}).items()}


def bash(script: str, variables: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """A script as the runners start it."""
    return subprocess.run(
        ["bash", *options, "-c", script], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def shim(path: Path, *words: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n')
    path.chmod(0o755)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the steps are bash scripts")
@pytest.mark.parametrize("installs", [False, pytest.param(True, marks=pytest.mark.online)])
def test_the_steps_of_the_github_action_check_and_write_one_comment(
    story: Contexta, cli: Cli, tmp_path: Path, installs: bool
) -> None:
    cli("export", "--baseline", "baseline.json", "old")
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    steps = action["runs"]["steps"]
    inputs = {name: str(option["default"]) for name, option in action["inputs"].items()}
    inputs |= {"against": "baseline.json", "rules": "--max-drop accuracy=1%", "token": "t"}
    values = {f"inputs.{name}": value for name, value in inputs.items()}
    values |= {"github.action_path": str(ROOT), "github.event.pull_request.number": "7"}
    runner = tmp_path / "runner"
    (tmp_path / "gh.py").write_text(FAKE_GH)
    shim(tmp_path / "bin" / "gh", sys.executable, str(tmp_path / "gh.py"))
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    job = {
        "RUNNER_TEMP": str(runner),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_REPOSITORY": "me/project",
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }

    def do(name: str) -> subprocess.CompletedProcess[str]:
        script, variables = step_of(steps, values, name)
        return bash(script, {**job, **variables}, "--noprofile", "--norc", "-eo", "pipefail")

    if installs:
        runner.mkdir()
        installed = do("Install Contexta from this repository")
        assert installed.returncode == 0, installed.stderr
    else:
        shim(runner / "contexta" / "bin" / "contexta", sys.executable, "-m", "contexta.cli")
    results = []
    for run in ("new", "old"):
        values["inputs.run"] = run
        output.unlink(missing_ok=True)
        checked = do("Check")
        assert checked.returncode == 0, checked.stderr
        values["steps.check.outputs.passed"] = output.read_text().strip().removeprefix("passed=")
        commented = do("Comment")
        assert commented.returncode == 0, commented.stderr
        results.append((checked.stderr.splitlines()[-1].split("::")[1].split()[0], do("Result").returncode))
    assert results == [("error", 1), ("notice", 0)]
    (comment,) = json.loads((tmp_path / "comments.json").read_text())
    assert comment.startswith(f"{MARKER}\n\n## Check of p.old against p.old")
    assert summary.read_text().count("## Check of") == 2
    assert ElementTree.parse(tmp_path / "contexta-check.xml").getroot().get("failures") == "0"
    values["inputs.run"] = "nix"
    assert do("Check").returncode == 2


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the steps are bash scripts")
def test_the_gitlab_job_checks_and_writes_junit(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    cli("export", "--baseline", "baseline.json", "old")
    job = yaml.safe_load((ROOT / "contexta.gitlab-ci.yml").read_text(encoding="utf-8"))["contexta-check"]
    install, check = job["script"]
    unset = bash(install, {}, "-eo", "pipefail")
    assert unset.returncode != 0
    assert "CONTEXTA_SOURCE: set it to the address" in unset.stderr
    shim(tmp_path / "contexta-venv" / "bin" / "contexta", sys.executable, "-m", "contexta.cli")
    chosen = {"CONTEXTA_RUN": "new", "CONTEXTA_AGAINST": "baseline.json", "CONTEXTA_RULES": "--max-drop accuracy=1%"}
    assert bash(check, {**job["variables"], **chosen}, "-eo", "pipefail").returncode == 1
    report = tmp_path / job["artifacts"]["reports"]["junit"]
    assert ElementTree.parse(report).getroot().get("failures") == "1"
