"""Indexes of releases: the settings of pip count if uv has none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.builders import Cli
from support.private_index import PASSWORD, USER, private_index
from support.wheels import Venv, wheel

from contexta.findings import Lock, Rebuild
from contexta.reproduce.uv.commands import find_uv
from contexta.reproduce.uv.indexes import index_variables, pip_settings
from contexta.reproduce.uv.newest_release import newest_between

Trained = Callable[..., Venv]


@pytest.fixture
def uv_knows_nothing(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any settings; pip's own file in it, which is not there yet."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_INDEX", "UV_CONFIG", "XDG_CONFIG"))]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    (home / ".config" / "pip").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "nowhere"))
    return home / ".config" / "pip" / "pip.conf"


def test_a_rebuild_queries_the_indexes_of_pip(uv_knows_nothing: Path, trained: Trained, cli: Cli, index: Path) -> None:
    trained()
    uv_knows_nothing.write_text(f"[global]\nno-index = yes\nfind-links =\n    /not/there\n    {index}\n")
    done = cli("rebuild", "first", "--into", "again", "--json")
    assert Rebuild.model_validate_json(done.stdout).verdict == "match", done.stderr


def test_a_range_without_releases_is_empty_even_if_the_extra_index_has_the_project(
    uv_knows_nothing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_FIND_LINKS", "UV_NO_INDEX", "UV_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for index, versions in (("main", ("1.0", "2.0")), ("extra", ("9.0",))):
        page = tmp_path / index / "alpha" / "index.html"
        page.parent.mkdir(parents=True)
        files = [wheel(page.parent, "alpha", version) for version in versions]
        page.write_text("".join(f'<a href="{file.name}">{file.name}</a>' for file in files))
    uv_knows_nothing.write_text(
        f"[global]\nindex-url = {(tmp_path / 'main').as_uri()}\nextra-index-url = {(tmp_path / 'extra').as_uri()}\n"
    )
    assert newest_between(find_uv(), sys.executable, "alpha", "1.0", "2.0") is None
    assert newest_between(find_uv(), sys.executable, "alpha", "1.0", "9.5") == "9.0"


def test_credentials_reach_the_index_and_nothing_else(
    uv_knows_nothing: Path, trained: Trained, cli: Cli, index: Path, tmp_path: Path
) -> None:
    trained()
    with private_index(index) as host:
        monkey = {"PIP_INDEX_URL": f"http://{USER}:{PASSWORD}@{host}/simple"}
        built = cli("rebuild", "first", "--into", "again", "--json", env=monkey)
        locked = cli("lock", "first", "--json", env=monkey)
        lacking = cli("rebuild", "first", "--into", "other", env={"PIP_INDEX_URL": f"http://a:b@{host}/simple"})
    assert Rebuild.model_validate_json(built.stdout).verdict == "match", built.stderr
    assert set(Lock.model_validate_json(locked.stdout).open) == {"alpha", "beta", "gamma"}
    assert lacking.returncode == 0, "the second one comes from the cache"
    output = "".join(part for done in (built, locked, lacking) for part in (done.stdout, done.stderr))
    assert PASSWORD not in output
    for folder in ("again", ".contexta", "cache"):
        for path in (tmp_path / folder).rglob("*"):
            assert not (path.is_file() and PASSWORD.encode() in path.read_bytes()), path


@pytest.mark.parametrize("settings", ["", "[global]\nextra-index-url = EMPTY\n"], ids=["alone", "beside another"])
def test_an_index_that_needs_credentials_is_not_one_without_the_release(
    uv_knows_nothing: Path, trained: Trained, cli: Cli, index: Path, tmp_path: Path, settings: str
) -> None:
    (tmp_path / "empty").mkdir()
    settings = settings.replace("EMPTY", (tmp_path / "empty").as_uri())
    trained(install=["gamma"], code="import gamma")
    uv_knows_nothing.write_text(settings)
    with private_index(index) as host:
        done = cli("rebuild", "first", "--into", "again", "--json", env={"PIP_INDEX_URL": f"http://{host}/simple"})
    assert done.returncode == 2
    (missing,) = Rebuild.model_validate_json(done.stdout).missing
    assert (missing.name, missing.reason) == ("gamma", "index unreachable")
    assert "credentials" in missing.detail


def test_an_index_that_is_not_queried_is_not_one_without_the_release(
    uv_knows_nothing: Path, trained: Trained, cli: Cli, index: Path, tmp_path: Path
) -> None:
    trained(install=["gamma"], code="import gamma")
    other = wheel(tmp_path / "other" / "gamma", "gamma", "9.0")
    (other.parent / "index.html").write_text(f'<a href="{other.name}">{other.name}</a>')
    uv_knows_nothing.write_text(f"[global]\nextra-index-url = {(tmp_path / 'other').as_uri()}\n")
    done = cli("rebuild", "first", "--into", "again", "--offline", "--json")
    assert [package.reason for package in Rebuild.model_validate_json(done.stdout).missing] == ["index unreachable"]


def test_a_named_index_does_not_appear_in_arguments(
    uv_knows_nothing: Path, trained: Trained, cli: Cli, index: Path
) -> None:
    wheel(index, "delta", "1.0+cpu")
    trained(install=["delta"], code="import delta")
    uv_knows_nothing.write_text("[global]\nno-index = yes\n")
    lacking = cli("rebuild", "first", "--into", "again", "--json")
    assert [package.reason for package in Rebuild.model_validate_json(lacking.stdout).missing] == ["local tag"]
    uv_knows_nothing.unlink()
    with private_index(index) as host:
        named = f"own=http://{USER}:{PASSWORD}@{host}/simple"
        done = cli("rebuild", "first", "--into", "again", "--index", named, "--json")
    assert Rebuild.model_validate_json(done.stdout).verdict == "match", done.stdout
    assert PASSWORD not in done.stdout + done.stderr


def test_variables_override_files_and_the_install_section_overrides_the_global_one(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://one/simple\nextra-index-url = https://two/simple\ntimeout = 5\n"
        "[install]\nextra-index-url =\n  https://three/simple\n  https://four/simple\n"
    )
    environ = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_DIRS": str(tmp_path),
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_INDEX_URL": "https://five/simple",
        "PIP_FIND_LINKS": "https://six/links",
    }
    assert index_variables([], environ, tmp_path) == {
        "UV_DEFAULT_INDEX": "https://five/simple",
        "UV_EXTRA_INDEX_URL": "https://three/simple https://four/simple",
        "UV_FIND_LINKS": "https://six/links",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    assert pip_settings({**environ, "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}) == {
        "index-url": "https://five/simple"
    }


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("uv.toml", 'index-url = "https://own/simple"\n'),
        ("uv.toml", '[pip]\nfind-links = ["/wheels"]\n'),
        ("pyproject.toml", '[[tool.uv.index]]\nname = "own"\nurl = "https://own/simple"\n'),
    ],
)
def test_settings_of_uv_replace_those_of_pip(tmp_path: Path, file: str, content: str) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path), "PIP_INDEX_URL": "https://pips/simple"}
    (tmp_path / "in").mkdir()
    assert "UV_DEFAULT_INDEX" in index_variables([], environ, tmp_path / "in")
    assert index_variables([], {**environ, "UV_EXTRA_INDEX_URL": "https://x/simple"}, tmp_path / "in") == {}
    (tmp_path / file).write_text(content)
    assert index_variables([], environ, tmp_path / "in") == {}
    assert index_variables(["a=https://a/simple"], environ, tmp_path / "in") == {"UV_INDEX": "a=https://a/simple"}
