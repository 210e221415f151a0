from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.core.errors import InvalidInput


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


@pytest.mark.online
def test_the_releases_of_pandas_and_scikit_learn_on_a_date_are_known(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "requirements.in").write_text("pandas\nscikit-learn\n")
    packages = {package.name: package for package in ctx.reconstruct("2025-02-15", python="3.11").packages}
    expected = {"pandas": "2.2.3", "numpy": "2.2.3", "scikit-learn": "1.6.1", "scipy": "1.15.1"}
    assert {name: packages[name].version for name in expected} == expected
    assert {package.confidence for package in packages.values()} == {"resolved"}
