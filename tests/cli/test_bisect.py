from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, put_run
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta
from contexta.reproduce.uv.commands import find_uv


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    only_index(monkeypatch, tmp_path.parent / f"{tmp_path.name}-index", tmp_path.parent / f"{tmp_path.name}-cache")
    index = tmp_path.parent / f"{tmp_path.name}-index"
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
        make_wheel(index, "innocent", version)
        make_wheel(index, "bystander", version)
    (tmp_path / "old.txt").write_text("culprit==1.0\ninnocent==1.0\nbystander==1.0\n")
    (tmp_path / "new.txt").write_text("culprit==2.0\ninnocent==2.0\nbystander==2.0\n")
    (tmp_path / "train.py").write_text("import culprit\nprint('accuracy=%g' % (0.9 - culprit.worse))\n")
    return tmp_path


def arguments(*options: str) -> tuple[str, ...]:
    return ("bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, *options)


COMMAND = ("--", "python", "train.py")


def test_two_files_of_pins_a_command_and_a_metric_suffice(cli: Cli, project: Path) -> None:
    done = cli(*arguments("--json"), *COMMAND)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["verdict"] == "proved"
    assert (report["culprits"], report["companions"]) == (["culprit"], [])
    assert report["old"]["mean"] == 0.9
    assert report["new"]["mean"] == 0.4
    assert all(fact["holds"] for fact in report["proof"])
    assert report["runs"] == len(report["trials"])
    assert report["next"] == ["python -m pip install culprit==1.0"]
    assert report["first_bad_version"] == "2.0"
    assert {"additive", "interaction", "probes", "seconds", "first_bad_version"} <= set(report)


def as_environments(project: Path) -> None:
    """Both sides as the directories of virtual environments."""
    uv = find_uv()
    for end, version in (("old", "1.0"), ("new", "2.0")):
        uv.create(PYTHON, project / f"{end}-env")
        uv.install(
            project / f"{end}-env",
            dict.fromkeys(("culprit", "innocent", "bystander"), version),
            compile_bytecode=False,
        )


UV_LOCK = """
version = 1
requires-python = ">=3.8"
[manifest]
requirements = [{ name = "bystander" }, { name = "culprit" }, { name = "innocent" }]
""" + "".join(
    f'[[package]]\nname = "{name}"\nversion = "2.0"\nsource = {{ registry = "x" }}\n'
    for name in ("bystander", "culprit", "innocent")
)


@pytest.mark.slow
def test_an_environment_and_a_lock_are_sides_like_any_other(cli: Cli, project: Path) -> None:
    as_environments(project)
    (project / "uv.lock").write_text(UV_LOCK)
    done = cli("bisect", "old-env", "uv.lock", "--metric", "accuracy", "--no-versions", "--json", *COMMAND)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"]) == ("proved", ["culprit"])
    assert [change["key"] for change in report["changes"]] == ["bystander", "culprit", "innocent"]
    assert report["notes"][0].startswith("OLD is the environment old-env, on Python 3.")


def test_locks_of_poetry_pdm_and_pipenv_are_sides_like_any_other(cli: Cli, project: Path) -> None:
    names = ("bystander", "culprit", "innocent")
    entry = '[[package]]\nname = "{}"\nversion = "{}"\n{}'
    poetry = 'optional = false\npython-versions = "*"\ngroups = ["main"]\nfiles = []\n'
    (project / "poetry.lock").write_text(
        "".join(entry.format(name, "1.0", poetry) for name in names)
        + '[metadata]\nlock-version = "2.1"\npython-versions = ">=3.8"\ncontent-hash = "0"\n'
    )
    pdm = '[metadata]\ngroups = ["default"]\nlock_version = "4.5.0"\ncontent_hash = "sha256:0"\n'
    (project / "pdm.lock").write_text(
        pdm + "".join(entry.format(name, "2.0", 'groups = ["default"]\nfiles = []\n') for name in names)
    )
    pins = {name: {"version": "==2.0"} for name in names}
    (project / "Pipfile.lock").write_text(json.dumps({"_meta": {"sources": []}, "default": pins}))
    for new in ("pdm.lock", "Pipfile.lock"):
        done = cli("bisect", "poetry.lock", new, "--python", PYTHON, "--plan", "--json", *COMMAND)
        assert done.returncode == 0, done.stderr
        assert [change["key"] for change in json.loads(done.stdout)["changes"]] == list(names)


def test_recorded_run_and_file_differ_in_what_both_specify(cli: Cli, project: Path) -> None:
    with Contexta(workspace=project / ".contexta") as ctx:
        packages = dict.fromkeys(("culprit", "innocent", "bystander"), "1.0")
        version = find_uv().interpreter(PYTHON).version
        about = {"packages": packages, "python_version": version, "environment_variables": {"MODE": "exact"}}
        put_run(ctx, "march", environment=about, ended_at="2025-02-15T08:01:40Z")
    done = cli("bisect", "march", "new.txt", "--python", PYTHON, "--plan", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [change["key"] for change in report["changes"]] == ["bystander", "culprit", "innocent"]
    assert report["expected_seconds"] == 100 * report["expected_runs"]


def test_a_run_comes_before_a_directory_of_the_same_name(cli: Cli, project: Path) -> None:
    as_environments(project)
    with Contexta(workspace=project / ".contexta") as ctx:
        put_run(ctx, "old-env", environment={"packages": {"culprit": "1.0"}, "python_version": "3.11"})
    done = cli("bisect", "old-env", "./old-env", "--python", PYTHON, "--plan")
    assert "OLD is run p.old-env" in done.stderr
    assert "NEW is the environment ./old-env" in done.stderr.replace("environment old-env", "environment ./old-env")


@pytest.mark.slow
def test_equal_values_are_no_regression_and_a_yes(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("print('accuracy=0.9')")
    done = cli(*arguments(), *COMMAND)
    assert done.returncode == 0
    assert done.stdout.startswith("Bisect of accuracy\nno regression")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["files", "runs"])
def test_ends_that_differ_in_nothing_are_no_regression_and_nothing_runs(cli: Cli, project: Path, kind: str) -> None:
    sides = ("old.txt", "old.txt")
    if kind == "runs":
        sides = ("one", "other")
        with Contexta(workspace=project / ".contexta") as ctx:
            for name in sides:
                put_run(ctx, name, environment={"packages": {"culprit": "1.0"}, "python_version": "3.11"})
    requests = ("bisect", *sides, "--metric", "accuracy", "--python", PYTHON)
    done = cli(*requests, *COMMAND)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert "\nno regression: OLD and NEW differ in nothing that is compared" in done.stdout
    report = json.loads(cli(*requests, "--json", *COMMAND).stdout)
    assert (report["verdict"], report["runs"], report["culprits"]) == ("no_regression", 0, [])
    planned = cli(*requests, "--plan", *COMMAND)
    assert "differ in nothing that is compared: nothing would run" in planned.stdout
    assert "\nno regression" in cli("bisect", "--show").stdout


def test_an_end_that_does_not_run_is_a_no_with_its_reason(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("raise SystemExit('boom')")
    done = cli(*arguments(), *COMMAND)
    assert done.returncode == 1
    assert "OLD itself gives no value: exit code 1: boom" in done.stdout


def test_a_plan_runs_nothing(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("open('ran', 'w')")
    done = cli(*arguments("--plan", "--json", "--in-place"), *COMMAND)
    assert done.returncode == 0, done.stderr
    assert [change["key"] for change in json.loads(done.stdout)["changes"]] == ["bystander", "culprit", "innocent"]
    assert not (project / "ran").exists()


@pytest.mark.slow
def test_a_finished_study_resumes_without_a_further_run(cli: Cli, project: Path) -> None:
    first = json.loads(cli(*arguments("--json"), *COMMAND).stdout)
    again = cli("bisect", "--resume", "--json")
    assert json.loads(again.stdout) == first
    assert again.stderr.count("  reused") == first["runs"]


@pytest.mark.slow
def test_a_study_of_changed_source_does_not_resume(cli: Cli, project: Path) -> None:
    cli(*arguments("--max-runs", "8"), *COMMAND)
    (project / "train.py").write_text("print('accuracy=1')")
    done = cli("bisect", "--resume")
    assert done.returncode == 2
    assert "were changed since this study began" in done.stderr


@pytest.mark.slow
def test_incomplete_files_are_refused_before_anything_is_built_and_completed_on_request(
    cli: Cli, project: Path
) -> None:
    index = project.parent / f"{project.name}-index"
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(index, "needy", version, f"worse = {worse}\nimport helper", requires=["helper"])
        (project / f"needy{version}.txt").write_text(f"needy=={version}\n")
    make_wheel(index, "helper", "1.0")
    (project / "train.py").write_text("import needy\nprint('accuracy=%g' % (0.9 - needy.worse))\n")
    command_line = (
        "bisect",
        "needy1.0.txt",
        "needy2.0.txt",
        "--metric",
        "accuracy",
        "--python",
        PYTHON,
        "--no-versions",
    )
    done = cli(*command_line, *COMMAND)
    assert (done.returncode, done.stdout) == (2, "")
    assert "building the environments" not in done.stderr
    assert (
        "needy1.0.txt lacks helper, which needy 1.0 requires; needy2.0.txt lacks helper, which needy 2.0 requires"
        in done.stderr
    )
    done = cli(*command_line, "--resolve", "--json", *COMMAND)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"]) == ("proved", ["needy"])
    assert "needy2.0.txt, completed with uv (--resolve): helper==1.0" in report["notes"]
    assert report["proof"][0]["pins"]["helper"] == "1.0"
    as_they_are = cli(*command_line, "--as-pinned", "--plan", *COMMAND)
    assert as_they_are.returncode == 0, as_they_are.stderr


@pytest.mark.slow
def test_exit_code_decides_without_a_metric(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("import culprit\nraise SystemExit(3 if culprit.worse else 0)\n")
    command_line = ("bisect", "old.txt", "new.txt", "--python", PYTHON, "--json", *COMMAND)
    report = json.loads(cli(*command_line).stdout)
    assert (report["verdict"], report["culprits"], report["metric"]) == (
        "proved",
        ["culprit"],
        "passes (exit code is 0)",
    )
    assert (report["old"]["mean"], report["new"]["mean"]) == (1.0, 0.0)


@pytest.mark.slow
def test_direction_follows_from_the_name_of_the_metric(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("import culprit\nprint('loss=%g' % (0.1 + culprit.worse))\n")
    command_line = ("bisect", "old.txt", "new.txt", "--metric", "loss", "--python", PYTHON)
    done = cli(*command_line, "--json", *COMMAND)
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"]) == ("proved", ["culprit"])
    assert report["higher_is_better"] is False
    assert "note: lower is taken for better, by loss's name; --higher-is-better says otherwise" in done.stderr
    done = cli(*command_line, "--higher-is-better", *COMMAND)
    assert "no regression: NEW is better than OLD" in done.stdout
    assert "give OLD first; or say --lower-is-better" in done.stdout


@pytest.mark.slow
def test_threshold_decides_and_values_are_unchanged(cli: Cli, project: Path) -> None:
    command_line = (
        "bisect",
        "old.txt",
        "new.txt",
        "--python",
        PYTHON,
        "--good-if",
        "accuracy >= 0.6",
        "--json",
        *COMMAND,
    )
    report = json.loads(cli(*command_line).stdout)
    assert (report["verdict"], report["culprits"], report["metric"]) == ("proved", ["culprit"], "accuracy")
    assert (report["old"]["mean"], report["new"]["mean"]) == (0.9, 0.4)
    assert {(trial["value"], trial["verdict"]) for trial in report["trials"]} == {(0.9, "good"), (0.4, "bad")}


@pytest.mark.slow
def test_a_judge_command_decides_after_the_training(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("import culprit\nopen('model', 'w').write(str(culprit.worse))\n")
    (project / "judge.py").write_text("raise SystemExit(float(open('model').read()) > 0.1)\n")
    command_line = (
        "bisect",
        "old.txt",
        "new.txt",
        "--python",
        PYTHON,
        "--judge",
        "python judge.py",
        "--json",
        *COMMAND,
    )
    report = json.loads(cli(*command_line).stdout)
    assert (report["verdict"], report["culprits"]) == ("proved", ["culprit"])


@pytest.mark.slow
def test_first_bad_release_of_the_culprit_is_named(cli: Cli, project: Path) -> None:
    index = project.parent / f"{project.name}-index"
    for version, worse in (("1.1", 0.0), ("1.2", 0.0), ("1.3", 0.5), ("1.4", 0.5)):
        requires = ["nowhere"] if version == "1.2" else []
        make_wheel(index, "culprit", version, f"worse = {worse}", requires=requires)
    make_wheel(index, "culprit", "1.5", "worse = 0", tag="cp27-none-win32")
    done = cli(*arguments("--json", "--html", "page.html"), *COMMAND)
    report = json.loads(done.stdout)
    releases = report["releases"]
    assert (releases["last_good"], releases["observed_bad"], releases["between"]) == ("1.1", "1.3", ["1.2"])
    assert report["first_bad_version"] is None, "1.2 was not tried"
    assert releases["released"] == 4
    assert [item["state"] for item in releases["tried"]] == ["good", "not tried", "bad"]
    assert report["next"][1].startswith("python -m pip install culprit==1.1 ")
    _require_trials_of_releases(
        report, (project / "page.html").read_text(), cli("bisect", "--show", "--markdown").stdout
    )
    assert "  release  culprit 1.3 in NEW  seed 0  accuracy=0.4" in done.stderr
    assert json.loads(cli(*arguments("--json", "--no-versions"), *COMMAND).stdout)["first_bad_version"] is None


def _require_trials_of_releases(message: dict[str, Any], html: str, markdown: str) -> None:
    inside = [trial for trial in message["trials"] if trial["purpose"] == "release"]
    assert {(trial["release"], trial["value"]) for trial in inside} == {("1.1", 0.9), ("1.3", 0.4)}
    assert all(trial["at_new"] == ["bystander", "culprit", "innocent"] for trial in inside)
    assert {trial["release"] for trial in message["trials"] if trial not in inside} == {None}
    assert message["runs"] == len(message["trials"])
    assert message["seconds"] == pytest.approx(sum(trial["seconds"] for trial in message["trials"]), abs=0.1)
    for page in (html, markdown):
        assert page.count("NEW with culprit 1.3") >= 2


@pytest.mark.slow
def test_json_stream_has_each_trial_and_the_report(cli: Cli, project: Path) -> None:
    done = cli(*arguments("--json-stream", "--no-versions", "--html", "page.html"), *COMMAND)
    assert done.returncode == 0, done.stderr
    *trials, answer = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["trial"] for line in trials] == answer["trials"]
    assert "end     OLD  seed 0  accuracy=0.9" in done.stderr
    assert answer["digest"].startswith("sha256:")
    assert (answer["command"], set(answer["tools"])) == (
        ["python", "train.py"],
        {"contexta", "uv", "python of OLD", "python of NEW", "platform"},
    )
    assert answer["digest"] in (project / "page.html").read_text(encoding="utf-8")
    (project / "train.py").unlink()  # nothing is run any more
    again = cli("bisect", "--show", "--json")
    assert (again.returncode, json.loads(again.stdout)) == (0, answer)
    assert "proved: culprit" in cli("bisect", "--show", "--markdown").stdout
    screen = cli("bisect", "--show").stdout
    assert "\nproved: culprit, at this fixed seed\n" in screen
    assert re.search("yes +OLD with culprit at 2.0 is bad +0.4, 0.4", screen)
    assert re.search("yes +NEW with culprit at 1.0 is good +0.9, 0.9", screen)
    assert "\n    python -m pip install culprit==1.0\n" in screen


def test_failed_endpoint_is_reported_with_the_command_for_its_log(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("print('loading'); raise SystemExit('boom')")
    (command,) = json.loads(cli(*arguments("--json"), *COMMAND).stdout)["next"]
    assert command.startswith("contexta log bisect.")
    assert cli(*shlex.split(command, comments=True)[1:]).stdout.split() == ["loading", "boom"]


@pytest.mark.slow
def test_resumed_study_ignores_its_own_output_files(cli: Cli, project: Path) -> None:
    noise = "[0, 0.05, -0.05][int(os.environ['SEED']) % 3]"  # a drop of 1.6 standard deviations: eight runs cannot tell
    (project / "train.py").write_text(
        f"import culprit, os\nprint('accuracy=%g' % (0.9 - 0.16 * culprit.worse + {noise}))\n"
    )
    values = arguments("--json", "--max-runs", "8", "--html", "page.html")
    with (project / "out.json").open("w") as out:
        first = subprocess.run(
            [sys.executable, "-m", "contexta.cli", *values, *COMMAND], cwd=project, stdout=out, timeout=60, check=False
        )
    assert (first.returncode, json.loads((project / "out.json").read_text())["verdict"]) == (1, "undecided")
    assert (project / "page.html").is_file()
    again = cli("bisect", "--resume")
    assert again.returncode == 1, again.stderr
    assert "\nundecided: " in again.stdout
    assert again.stderr.count("  reused") == 8  # and not 60 runs


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are asked for as Unix has them")
def test_ctrl_c_leaves_the_terminal_clean_and_names_the_command_to_resume(project: Path) -> None:
    (project / "train.py").write_text("import time; time.sleep(0.5); print('accuracy=1')")
    ours, theirs = os.openpty()
    values = [sys.executable, "-m", "contexta.cli", *arguments(), *COMMAND]
    with subprocess.Popen(
        values, cwd=project, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        printed = b""
        while b"  2  end     NEW" not in printed:
            printed += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        printed += b"".join(iter(lambda: _rest_of(ours), b""))
        assert process.wait() == 130
    os.close(ours)
    assert b"reason" in printed  # the running trial, below the finished ones
    last = printed.rpartition(b"\x1b")[2].decode()  # nothing is drawn any more
    assert re.search(r"stopped after \d trials, which are stored", last)
    assert "`contexta bisect --resume` continues" in last
    assert "Traceback" not in last
    assert b"\x1b[?25h" in printed.rpartition(b"reason")[2]  # the cursor is back


def _rest_of(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the error of Linux for a terminal whose other end is closed
        return b""


@pytest.mark.parametrize(
    ("passed_values", "message"),
    [
        (("bisect",), "OLD and NEW missing"),
        (("bisect", "--show"), "there is no study here"),
        (("bisect", "old.txt", "new.txt", "--json", "--markdown", "--", "x"), "--json and --markdown were both given"),
        (
            ("bisect", "old.txt", "new.txt", "--metric-from", "stdout:(x)", "--", "x"),
            "needs a metric",
        ),
        (("bisect", "old.txt", "new.txt", "--metric", " ", "--", "x"), "--metric is empty"),
        (("bisect", "old.txt", "new.txt", "--judge", "'", "--", "x"), "--judge cannot be"),
        (("bisect", "old.txt", "new.txt", "--max-runs", "5", "--", "x"), "--max-runs"),
        (
            ("bisect", "old.txt", "new.txt", "--good-if", "loss < 1", "--lower-is-better", "--", "x"),
            "already gives the direction",
        ),
        (("bisect", "old.txt", "new.txt", "--lower-is-better", "--", "x"), "needs a metric"),
        (("bisect", ".", "new.txt", "--", "x"), "is a directory without"),
        (("bisect", "old.txt", "new.txt", "--good-if", "accuracy", "--", "python"), "--good-if cannot be"),
        (("bisect", "old.txt", "new.txt", "--metric", "a", "--judge", "x", "--", "python"), "--judge decides"),
        (("bisect", "old.txt", "new.txt", "--metric", "accuracy"), "there is no command"),
        (("bisect", "old.txt", "nowhere.txt", "--metric", "a", "--", "x"), "nowhere.txt"),
        (("bisect", "old.txt", "new.txt", "--metric", "a", "--old-env", "X", "--", "x"), "is not a variable"),
        (("bisect", "old.txt", "new.txt", "--metric", "a", "--python", "nope", "--", "x"), "is no Python"),
        (("bisect", "--resume"), "there is no study here"),
        (("bisect", "--plan"), "OLD and NEW missing\nhint: contexta bisect OLD NEW"),
        (("bisect", "--plan", "--study", "there", "old.txt"), "NEW missing\nhint: contexta bisect OLD NEW"),
        (
            ("bisect", "--plan", "--resume"),
            "--plan and --resume were both given\nhint: leave out one of them; --plan needs OLD and NEW",
        ),
        (("bisect", "--plan", "--show", "old.txt", "new.txt"), "--plan and --show were both given"),
        (("bisect", "--resume", "--show"), "--resume and --show were both given\nhint: leave out one of them"),
    ],
)
def test_wrong_use_gives_one_line_and_exit_code_2(
    cli: Cli, project: Path, passed_values: tuple[str, ...], message: str
) -> None:
    done = cli(*passed_values)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
