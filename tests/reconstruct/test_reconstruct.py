from __future__ import annotations

import json
import os
import pickle
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.findings import Reconstruction


@pytest.mark.usefixtures("index")
def test_open_requirements_get_the_releases_of_that_date_on_every_face(ctx: Contexta, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("alpha\ngamma>=0.9  # any\n")
    shown = cli("reconstruct", "--at", "2025-02-15", "--python", "3.11", "--name", "old", "--json")
    finding = json.loads(shown.stdout)
    versions = {package["name"]: (package["version"], package["confidence"]) for package in finding["packages"]}
    assert versions == {
        "alpha": ("1.0", "resolved"),
        "beta": ("1.5", "resolved"),
        "gamma": ("1.0", "resolved"),  # published in the course of that day
    }
    assert finding["python_version"] == "3.11"
    assert finding["packages"][1]["evidence"][0]["where"] == "required by alpha"
    assert dict(ctx.get_environment("old").packages) == {"alpha": "1.0", "beta": "1.5", "gamma": "1.0"}

    screen = cli("reconstruct", "--at", "2025-02-15", "--python", "3.11", "--name", "old").stdout
    assert "beta 1.5 resolved required by alpha" in " ".join(screen.split())
    assert "contexta run --name this-month -- python train.py\n" in screen
    assert "@latest" not in screen
    assert "reconstructed" in cli("runs").stdout
    assert "reconstructed, as of 2025-02-15" in cli("show", "old").stdout
    assert "not observed: alpha 1.0, beta 1.5, gamma 1.0" in cli("audit", "old").stdout

    put_run(ctx, "new", project=tmp_path.name.replace("_", "-"), environment={"packages": {"alpha": "2.0"}})
    for command in ("diff", "why"):
        assert "not observed: alpha 1.0" in cli(command, "old", "new").stdout
    assert "| beta" in cli("reconstruct", "--at", "2025-02-15", "--python", "3.11", "--markdown").stdout
    cli("reconstruct", "--at", "2025-02-15", "--python", "3.11", "--html", "page.html")
    assert "required by alpha" in (tmp_path / "page.html").read_text()


@pytest.mark.usefixtures("index")
def test_the_suggested_commands_compare_with_a_run_that_was_recorded(ctx: Contexta, tmp_path: Path) -> None:
    def suggested(workspace: Contexta, name: str) -> tuple[str, ...]:
        return workspace.reconstruct("2025-02-15", python="3.11", name=name).next

    (tmp_path / "requirements.in").write_text("alpha\n")
    project = tmp_path.name.replace("_", "-")
    to_record = (
        "contexta run --name this-month -- python train.py",
        "contexta diff old this-month",
        "contexta bisect old this-month",
    )
    assert suggested(ctx, "old") == to_record
    suggested(ctx, "older")
    put_run(
        ctx, "by-hand", project=project, started_at="2026-02-01T00:00:00Z", ended_at="2026-02-01T00:00:00Z"
    )  # without an environment
    assert suggested(ctx, "old") == to_record  # another reconstruction has no command to rerun
    environment = {"packages": {"alpha": "2.0"}}
    put_run(
        ctx,
        "new",
        project="other",
        environment=environment,
        started_at="2026-03-01T00:00:00Z",
        ended_at="2026-03-01T00:00:00Z",
    )
    assert suggested(ctx, "old") == ("contexta diff old new", "contexta bisect old new")
    put_run(
        ctx,
        "earlier",
        project=project,
        environment=environment,
        started_at="2024-01-01T00:00:00Z",
        ended_at="2024-01-01T00:00:00Z",
    )
    assert suggested(ctx, "old") == ("contexta diff old earlier", "contexta bisect old earlier")
    put_run(
        ctx,
        "old",
        project="other",
        environment=environment,
        started_at="2023-01-01T00:00:00Z",
        ended_at="2023-01-01T00:00:00Z",
    )
    assert suggested(ctx, "old")[0] == f"contexta diff {project}.old earlier"
    option = f"--workspace '{tmp_path / 'my runs'}'"
    with Contexta(tmp_path / "my runs") as elsewhere:
        assert suggested(elsewhere, "old") == (
            f"contexta run --name this-month {option} -- python train.py",
            f"contexta diff old this-month {option}",
            f"contexta bisect old this-month {option}",
        )


@pytest.mark.usefixtures("index")
def test_the_newest_python_that_is_allowed_and_that_the_packages_support_is_taken(
    ctx: Contexta, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["alpha"]\nrequires-python = ">=3.9,<3.13"\n')
    finding = ctx.reconstruct("2025-02-15")
    assert (finding.python_version, finding.python_confidence) == ("3.12", "resolved")
    assert "pyproject.toml" in finding.python_evidence[0].where


@pytest.mark.usefixtures("index")
def test_what_had_no_release_then_is_unknown_and_the_rest_is_resolved(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("alpha>=2\nbeta\n")
    packages = {package.name: package for package in ctx.reconstruct("2025-02-15", python="3.11").packages}
    assert (packages["alpha"].version, packages["alpha"].confidence) == (None, "unknown")
    assert "would help" in str(packages["alpha"].help)
    assert packages["beta"].version == "1.5"


def test_wrong_use_is_refused_with_a_hint(ctx: Contexta, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no trace of an environment"):
        ctx.reconstruct("2025-02-15")
    (tmp_path / "requirements.in").write_text("alpha\n")
    for at, text in (
        ("yesterday", "no date, file, commit or tag"),
        ("2999-01-01", "in the future"),
        ("2025-02-31", "no date"),
    ):
        with pytest.raises(InvalidInput, match=text):
            ctx.reconstruct(at)
    with pytest.raises(InvalidInput, match="does not exist"):
        ctx.reconstruct("2025-02-15", "nowhere")
    with pytest.raises(InvalidInput, match="no version of Python"):
        ctx.reconstruct("2025-02-15", python="pypy")


@pytest.mark.usefixtures("index")
def test_a_recorded_run_is_never_replaced(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("beta\n")
    put_run(ctx, "last-month", project="shop")
    with pytest.raises(InvalidInput, match="is a recorded run"):
        ctx.reconstruct("2025-02-15", python="3.11", name="last-month", project="shop")
    ctx.reconstruct("2025-02-15", python="3.11", name="other", project="shop")
    again = ctx.reconstruct("2025-02-21", python="3.11", name="other", project="shop")
    assert dict(ctx.get_environment("other").packages) == {"beta": "2.0"} == {again.packages[0].name: "2.0"}


def confidences(finding: Reconstruction) -> dict[str, tuple[str | None, str]]:
    return {package.name: (package.version, package.confidence) for package in finding.packages}


def written(path: Path, content: str | bytes, day: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    time = datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()
    os.utime(path, (time, time))
    return path


@pytest.mark.usefixtures("index")
def test_traces_hold_their_packages_fixed_and_the_rest_is_resolved_around_them(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("alpha\n")
    written(tmp_path / "pip.log", "Successfully installed beta-1.0\n", "2025-02-01")
    model = written(tmp_path / "model.pkl", pickle.dumps({"_sklearn_version": "1.6.1"}), "2025-02-14")
    finding = ctx.reconstruct(model, python="3.11")
    assert confidences(finding) == {
        "alpha": ("1.0", "resolved"),
        "beta": ("1.0", "observed"),
        "scikit-learn": ("1.6.1", "observed"),
    }
    assert finding.packages[1].evidence[0].where == "pip.log:1"
    assert any("not in the index" in note and "scikit-learn" in note for note in finding.notes)
    assert finding.at == "2025-02-14T12:00:00Z"


@pytest.mark.usefixtures("index")
def test_traces_that_differ_are_listed_and_the_closest_one_counts(ctx: Contexta, tmp_path: Path) -> None:
    written(tmp_path / "old.log", "Successfully installed beta-1.0\n", "2025-01-10")
    written(tmp_path / "new.log", "Successfully installed beta-1.5\n", "2025-02-12")
    finding = ctx.reconstruct("2025-02-15", python="3.11")
    assert confidences(finding) == {"beta": ("1.5", "observed")}
    assert finding.packages[0].alternatives == ("1.0",)
    assert any(
        "beta differ: 1.5 by new.log:1 of 2025-02-12" in note and "1.0 by old.log:1" in note for note in finding.notes
    )


@pytest.mark.usefixtures("index")
def test_what_was_installed_or_published_later_is_no_observation(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("beta\n")
    log = written(tmp_path / "upgrade.log", "Successfully installed beta-1.5\n", "2025-04-01")
    finding = ctx.reconstruct("2025-02-15", python="3.11")
    assert confidences(finding) == {"beta": ("1.5", "resolved")}
    assert any("upgrade.log is dated 2025-04-01, after the moment" in note for note in finding.notes)
    assert confidences(ctx.reconstruct("2025-02-15", log, python="3.11")) == {"beta": ("1.5", "observed")}

    written(log, "Successfully installed beta-2.0\n", "2025-04-01")
    finding = ctx.reconstruct("2025-02-15", log, python="3.11")
    assert confidences(finding) == {"beta": ("1.5", "resolved")}
    assert any("beta 2.0 was published on 2025-02-20, after the moment" in note for note in finding.notes)


LATER_RUN = "wandb/run-20250401_120000-ab12cd34/files/requirements.txt"
LATER_LIST = "alpha==2.0\nbeta==1.0\ngamma==0.9\n"


@pytest.mark.usefixtures("index")
def test_a_later_list_keeps_old_versions_of_what_was_required_and_adds_no_packages(
    ctx: Contexta, tmp_path: Path
) -> None:
    (tmp_path / "requirements.in").write_text("beta\n")
    written(tmp_path / LATER_RUN, LATER_LIST, "2025-04-01")
    finding = ctx.reconstruct("2025-02-15", python="3.11")
    assert confidences(finding) == {"beta": ("1.0", "resolved")}
    assert finding.packages[0].evidence[0].where == f"requirements.in:1; still there in {LATER_RUN} of 2025-04-01"
    notes = [note for note in finding.notes if LATER_RUN in note]
    assert notes == [f"{LATER_RUN} is dated 2025-04-01, after the moment: what it says of 3 packages is no observation"]


@pytest.mark.usefixtures("index")
def test_a_later_list_gives_the_packages_where_no_trace_of_the_time_does(ctx: Contexta, tmp_path: Path) -> None:
    written(tmp_path / LATER_RUN, LATER_LIST, "2025-04-01")
    written(tmp_path / "wandb/run-20250601_120000-x1/files/requirements.txt", "beta==1.5\n", "2025-06-01")
    finding = ctx.reconstruct("2025-02-15", python="3.11")
    assert confidences(finding) == {name: (version, "resolved") for name, version in EXPECTED_OF_LATER.items()}
    assert f"no trace of that time lists the packages: those that {LATER_RUN} lists later were taken" in finding.notes


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(("listed", "is_taken"), [(6, False), (2, True)])
def test_a_list_of_the_time_says_that_later_packages_were_not_there(
    ctx: Contexta, tmp_path: Path, listed: int, is_taken: bool
) -> None:
    lines = ["beta==1.0", *(f"package{number}==1.0" for number in range(1, listed))]
    written(tmp_path / "pip-freeze.txt", "\n".join(lines), "2025-02-10")
    written(tmp_path / LATER_RUN, LATER_LIST, "2025-04-01")
    packages = confidences(ctx.reconstruct("2025-02-15", python="3.11"))
    assert packages["beta"] == ("1.0", "observed")
    assert ("gamma" in packages) == is_taken


EXPECTED_OF_LATER = {"alpha": "1.0", "beta": "1.0", "gamma": "0.9"}  # alpha 2.0 was published after the moment


@pytest.mark.usefixtures("index")
def test_pins_come_from_the_commit_that_was_current_then(ctx: Contexta, tmp_path: Path) -> None:
    repository = tmp_path / "project"
    repository.mkdir()

    def commit(day: str, pins: str) -> None:
        (repository / "requirements.txt").write_text(pins)
        dates = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
        who = ["-c", "user.name=x", "-c", "user.email=x@y"]
        subprocess.run(["git", "add", "."], cwd=repository, check=True)
        subprocess.run(["git", *who, "commit", "-qm", day], cwd=repository, check=True, env={**os.environ, **dates})

    subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    commit("2025-02-01", "beta==1.0\nalpha\n")
    subprocess.run(["git", "tag", "v1"], cwd=repository, check=True)
    commit("2025-03-01", "beta==2.0\nalpha\n")
    os.chdir(repository)
    for at in ("2025-02-15", "v1"):
        finding = ctx.reconstruct(at, python="3.11")
        assert confidences(finding) == {"alpha": ("1.0", "resolved"), "beta": ("1.0", "observed")}
        assert finding.packages[1].evidence[0].where.startswith("requirements.txt:1 at ")
    assert (repository / "requirements.txt").read_text() == "beta==2.0\nalpha\n"


@pytest.mark.usefixtures("index")
def test_distributions_whose_files_are_older_are_unchanged(ctx: Contexta, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    for name, day in (("beta-1.0", "2025-01-10"), ("gamma-1.0", "2025-03-10")):
        folder = environment / "lib/python3.11/site-packages"
        info = folder / f"{name}.dist-info"
        written(folder / f"{name[:5]}.py", "", day)
        written(info / "METADATA", "", day)
        record = written(info / "RECORD", f"{name[:5]}.py,,\n{info.name}/METADATA,,\n", day)
        time = record.stat().st_mtime
        os.utime(info, (time, time))
    written(environment / "pyvenv.cfg", "version = 3.11.7\n", "2025-01-10")
    finding = ctx.reconstruct("2025-02-15", env=environment)
    assert confidences(finding) == {"beta": ("1.0", "unchanged"), "gamma": ("1.0", "resolved")}
    assert (finding.python_version, finding.python_confidence) == ("3.11.7", "unchanged")


@pytest.mark.usefixtures("index")
def test_shell_history_is_read_only_if_the_user_asks(
    ctx: Contexta, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    (tmp_path / "requirements.in").write_text("beta\n")
    written(tmp_path / "home/.bash_history", "#1738800000\npip install beta==1.0\n", "2025-03-10")  # 2025-02-06
    assert confidences(ctx.reconstruct("2025-02-15", python="3.11")) == {"beta": ("1.5", "resolved")}
    finding = ctx.reconstruct("2025-02-15", python="3.11", shell_history=True)
    assert confidences(finding) == {"beta": ("1.0", "observed")}


@pytest.mark.online
def test_the_index_lists_releases_of_pandas_and_scikit_learn_on_a_date(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("pandas\nscikit-learn\n")
    packages = {package.name: package for package in ctx.reconstruct("2025-02-15", python="3.11").packages}
    expected = {"pandas": "2.2.3", "numpy": "2.2.3", "scikit-learn": "1.6.1", "scipy": "1.15.1"}
    assert {name: packages[name].version for name in expected} == expected
    assert {package.confidence for package in packages.values()} == {"resolved"}
