from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import Cli, put_run
from tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta
from contexta.reproduce.uv import find_uv


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
    told = json.loads(done.stdout)
    assert told["verdict"] == "proved"
    assert (told["culprits"], told["companions"]) == (["culprit"], [])
    assert told["old"]["mean"] == 0.9
    assert told["new"]["mean"] == 0.4
    assert all(fact["holds"] for fact in told["proof"])
    assert told["runs"] == len(told["trials"])
    assert told["next"] == [
        "pip install culprit==1.0",
        "pip install 'culprit<2.0'  # the first bad release and all after it kept out",
    ]
    assert told["first_bad_version"] == "2.0"
    assert {"additive", "interaction", "probes", "seconds", "first_bad_version"} <= set(told)


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


def test_an_environment_and_a_lock_are_sides_like_any_other(cli: Cli, project: Path) -> None:
    as_environments(project)
    (project / "uv.lock").write_text(UV_LOCK)
    done = cli("bisect", "old-env", "uv.lock", "--metric", "accuracy", "--no-versions", "--json", *COMMAND)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["verdict"], told["culprits"]) == ("proved", ["culprit"])
    assert [change["key"] for change in told["changes"]] == ["bystander", "culprit", "innocent"]
    assert told["notes"][0].startswith("OLD is the environment old-env, on Python 3.")


def test_a_recorded_run_beside_a_file_differs_in_what_both_tell(cli: Cli, project: Path) -> None:
    with Contexta(workspace=project / ".contexta") as ctx:
        packages = dict.fromkeys(("culprit", "innocent", "bystander"), "1.0")
        version = find_uv().interpreter(PYTHON).version
        about = {"packages": packages, "python_version": version, "environment_variables": {"MODE": "exact"}}
        put_run(ctx, "march", environment=about, ended_at="2025-02-15T08:01:40Z")
    done = cli("bisect", "march", "new.txt", "--python", PYTHON, "--plan", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [change["key"] for change in told["changes"]] == ["bystander", "culprit", "innocent"]
    assert told["expected_seconds"] == 100 * told["expected_runs"]


def test_a_run_comes_before_a_directory_of_the_same_name(cli: Cli, project: Path) -> None:
    as_environments(project)
    with Contexta(workspace=project / ".contexta") as ctx:
        put_run(ctx, "old-env", environment={"packages": {"culprit": "1.0"}, "python_version": "3.11"})
    done = cli("bisect", "old-env", "./old-env", "--python", PYTHON, "--plan")
    assert "OLD is run p.old-env" in done.stderr
    assert "NEW is the environment ./old-env" in done.stderr.replace("environment old-env", "environment ./old-env")


def test_the_screen_tells_the_culprit_its_proof_and_its_cost(cli: Cli, project: Path) -> None:
    done = cli(*arguments(), *COMMAND)
    assert done.stdout.startswith("proved: culprit\n")
    assert "OLD with culprit is bad: 0.4, 0.4" in done.stdout
    assert "NEW without culprit is good: 0.9, 0.9" in done.stdout
    assert "next: pip install culprit==1.0" in done.stdout
    assert "end     OLD  seed 0  accuracy=0.9" in done.stderr


def test_equal_values_are_no_regression_and_a_yes(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("print('accuracy=0.9')")
    done = cli(*arguments(), *COMMAND)
    assert done.returncode == 0
    assert done.stdout.startswith("no regression")


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


def test_a_finished_study_resumes_without_a_further_run(cli: Cli, project: Path) -> None:
    first = json.loads(cli(*arguments("--json"), *COMMAND).stdout)
    again = cli("bisect", "--resume", "--json")
    assert json.loads(again.stdout) == first
    assert again.stderr.count("known") == first["runs"]


def test_a_study_of_changed_source_does_not_resume(cli: Cli, project: Path) -> None:
    cli(*arguments("--max-runs", "8"), *COMMAND)
    (project / "train.py").write_text("print('accuracy=1')")
    done = cli("bisect", "--resume")
    assert done.returncode == 2
    assert "were changed since this study began" in done.stderr


def test_exit_codes_judge_where_no_metric_is_named(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("import culprit\nraise SystemExit(3 if culprit.worse else 0)\n")
    given = ("bisect", "old.txt", "new.txt", "--python", PYTHON, "--json", *COMMAND)
    told = json.loads(cli(*given).stdout)
    assert (told["verdict"], told["culprits"], told["metric"]) == ("proved", ["culprit"], "exit code")


def test_a_threshold_judges_and_the_values_stay_what_they_are(cli: Cli, project: Path) -> None:
    given = ("bisect", "old.txt", "new.txt", "--python", PYTHON, "--good-if", "accuracy >= 0.6", "--json", *COMMAND)
    told = json.loads(cli(*given).stdout)
    assert (told["verdict"], told["culprits"], told["metric"]) == ("proved", ["culprit"], "accuracy")
    assert (told["old"]["mean"], told["new"]["mean"]) == (0.9, 0.4)
    assert {(trial["value"], trial["verdict"]) for trial in told["trials"]} == {(0.9, "good"), (0.4, "bad")}


def test_a_judge_command_decides_after_the_training(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("import culprit\nopen('model', 'w').write(str(culprit.worse))\n")
    (project / "judge.py").write_text("raise SystemExit(float(open('model').read()) > 0.1)\n")
    given = ("bisect", "old.txt", "new.txt", "--python", PYTHON, "--judge", "python judge.py", "--json", *COMMAND)
    told = json.loads(cli(*given).stdout)
    assert (told["verdict"], told["culprits"]) == ("proved", ["culprit"])


def test_the_first_bad_release_is_found_inside_the_culprit(cli: Cli, project: Path) -> None:
    index = project.parent / f"{project.name}-index"
    for version, worse in (("1.1", 0.0), ("1.2", 0.0), ("1.3", 0.5), ("1.4", 0.5)):
        requires = ["nowhere"] if version == "1.2" else []
        make_wheel(index, "culprit", version, f"worse = {worse}", requires=requires)
    make_wheel(index, "culprit", "1.5", "worse = 0", tag="cp27-none-win32")
    told = json.loads(cli(*arguments("--json"), *COMMAND).stdout)
    releases = told["releases"]
    assert (releases["last_good"], told["first_bad_version"], releases["between"]) == ("1.1", "1.3", ["1.2"])
    assert releases["released"] == 4
    assert [each["state"] for each in releases["tried"]] == ["good", "not tried", "bad"]
    assert told["next"][1].startswith("pip install 'culprit<1.2'")
    assert json.loads(cli(*arguments("--json", "--no-versions"), *COMMAND).stdout)["first_bad_version"] is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("bisect",), "OLD and NEW missing"),
        (("bisect", "old.txt", "new.txt", "--good-if", "accuracy", "--", "python"), "--good-if cannot be"),
        (("bisect", "old.txt", "new.txt", "--metric", "a", "--judge", "x", "--", "python"), "--judge decides"),
        (("bisect", "old.txt", "new.txt", "--metric", "accuracy"), "there is no command"),
        (("bisect", "old.txt", "nowhere.txt", "--metric", "a", "--", "x"), "nowhere.txt"),
        (("bisect", "old.txt", "new.txt", "--metric", "a", "--old-env", "X", "--", "x"), "is no variable"),
        (("bisect", "old.txt", "new.txt", "--metric", "a", "--python", "nope", "--", "x"), "is no Python"),
        (("bisect", "--resume"), "there is no study here"),
    ],
)
def test_wrong_use_is_told_in_one_line_and_exits_with_2(
    cli: Cli, project: Path, given: tuple[str, ...], message: str
) -> None:
    done = cli(*given)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
