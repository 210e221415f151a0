"""Baselines of `contexta check` from elsewhere, and the steps of the workflows for GitHub and GitLab."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
import yaml
from support.builders import Cli, put_run
from support.paths import ROOT

from contexta import Contexta
from contexta.findings import Baseline, Gate

MARKER = "<!-- contexta check of p -->"
FAKE_GH = """\
import json, pathlib, subprocess, sys
store = pathlib.Path(__file__).with_name("comments.json")
comments = json.loads(store.read_text()) if store.exists() else [None, *["another"] * 3000]
words = sys.argv[1:]
assert words[0] == "api"
path = next(word for word in words if word.startswith("repos/"))
if "--method" not in words:
    assert path == "repos/me/project/issues/7/comments"
    listed = [{"id": number, "body": body} for number, body in enumerate(comments)]
    for start in range(0, len(listed), 100):
        page = json.dumps(listed[start : start + 100])
        subprocess.run(["jq", "-r", words[words.index("--jq") + 1]], input=page, text=True, check=True)
else:
    body = pathlib.Path(words[words.index("--field") + 1].removeprefix("body=@")).read_text()
    if "PATCH" in words:
        comments[int(path.removeprefix("repos/me/project/issues/comments/"))] = body
    else:
        comments.append(body)
    store.write_text(json.dumps(comments))
"""
"""The `gh` of GitHub, with the real jq. One comment has no text, and there are many pages of them."""


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
@pytest.mark.skipif(shutil.which("jq") is None, reason="the program jq is not installed")
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
    (comment,) = [
        text for text in json.loads((tmp_path / "comments.json").read_text()) if text not in (None, "another")
    ]
    assert comment.startswith(f"{MARKER}\n\n## Check of p.old against p.old")
    assert summary.read_text().count("## Check of") == 2
    assert ElementTree.parse(tmp_path / "contexta-check.xml").getroot().get("failures") == "0"
    for marker in ('<!-- a "quoted" \\ marker -->', "<!-- $marker `id` -->"):
        for text in ("first", "second"):
            (runner / "contexta-check.md").write_text(f"{marker}\n\n{text}\n")
            assert do("Comment").returncode == 0
        comments = json.loads((tmp_path / "comments.json").read_text())
        assert [text for text in comments if text and text.startswith(marker)] == [f"{marker}\n\nsecond\n"]
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
    shim(tmp_path / "contexta-venv" / "bin" / "python", sys.executable)
    chosen = {"CONTEXTA_RUN": "new", "CONTEXTA_AGAINST": "baseline.json", "CONTEXTA_RULES": "--max-drop accuracy=1%"}

    def check_run(**variables: str) -> subprocess.CompletedProcess[str]:
        return bash(check, {**job["variables"], **chosen, **variables}, "-eo", "pipefail")

    assert check_run().returncode == 1
    report = tmp_path / job["artifacts"]["reports"]["junit"]
    assert ElementTree.parse(report).getroot().get("failures") == "1"
    assert check_run(CONTEXTA_RUN="nix").returncode == 2
    notes: list[dict[str, Any]] = [{"id": number, "body": "another"} for number in range(150)] + [{"body": None}]
    with gitlab(notes) as address:
        merge_request = {"CI_API_V4_URL": address, "CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "7"}
        assert check_run(**merge_request).returncode == 1  # no token, no comment
        assert len(notes) == 151
        for run, code, verdict in (("new", 1, "failed"), ("old", 0, "passed")):
            done = check_run(**merge_request, CONTEXTA_TOKEN="t", CONTEXTA_RUN=run)  # of the server here
            assert (done.returncode, done.stderr) == (code, "")
            (comment,) = [note["body"] for note in notes if (note["body"] or "").startswith(MARKER)]
            assert (f"p.{run}" in comment, verdict in comment.lower()) == (True, True)
        refused = check_run(**merge_request, CONTEXTA_TOKEN="wrong", CONTEXTA_RUN="old")  # as above
        assert (refused.returncode, refused.stderr.splitlines()[-1]) == (0, "the comment was not written")


@contextmanager
def gitlab(notes: list[dict[str, Any]]) -> Iterator[str]:
    """The address of a server that answers as GitLab does about the notes of the merge request 7 of the project 3."""
    path = "/projects/3/merge_requests/7/notes"

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def answer(self, value: Any, **headers: str) -> None:
            is_allowed = self.headers["PRIVATE-TOKEN"] == "t"
            self.send_response(200 if is_allowed else 401)
            for name, text in headers.items():
                self.send_header(name.replace("_", "-"), text)
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def body(self) -> str:
            text: str = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
            return text

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            assert address.path == path
            query = dict(parse_qsl(address.query))
            size, page = int(query["per_page"]), int(query["page"])
            following = str(page + 1) if page * size < len(notes) else ""
            self.answer(notes[(page - 1) * size : page * size], x_next_page=following)

        def do_POST(self) -> None:
            assert self.path == path
            notes.append({"id": len(notes), "body": self.body()})
            self.answer({})

        def do_PUT(self) -> None:
            notes[int(self.path.removeprefix(f"{path}/"))]["body"] = self.body()
            self.answer({})

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
