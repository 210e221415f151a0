"""Hints and rebuilt environments install this project from where it came."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import contexta
from contexta.contract import EnvironmentSnapshot
from contexta.core import own_source
from contexta.core.own_source import install_hint, tool_hint, upgrade_hint
from contexta.reproduce.plan.plan import plan_of
from contexta.reproduce.uv.urls import address_lines, releases_among

PLACE = Path(contexta.__file__).parents[1]
TREE = PLACE.parent
COMMIT = "a" * 40


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Describe the installation of the running package by a direct_url.json."""

    def describe(direct: object) -> None:
        info = tmp_path / "contexta-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: contexta\nVersion: 0.1.0\n")
        if direct is not None:
            text = direct if isinstance(direct, str) else json.dumps(direct)
            (info / "direct_url.json").write_text(text)
        (tmp_path / "contexta").symlink_to(PLACE / "contexta")
        result = metadata.Distribution.at(info)
        monkeypatch.setattr(metadata, "distribution", lambda _: result)

    return describe


@pytest.mark.parametrize(
    ("direct", "requirement"),
    [
        ({"url": "file:///src/x%20y", "dir_info": {}}, "contexta[dask] @ file:///src/x%20y"),
        (
            {"url": "file:///w/contexta-0.1.0-py3-none-any.whl", "archive_info": {}},
            "contexta[dask] @ file:///w/contexta-0.1.0-py3-none-any.whl",
        ),
        (
            {"url": "https://me:hush@host/c.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"contexta[dask] @ git+https://host/c.git@{COMMIT}",
        ),
        (
            {"url": "https://host/c.zip", "archive_info": {}, "subdirectory": "py"},
            "contexta[dask] @ https://host/c.zip#subdirectory=py",
        ),
    ],
)
def test_an_extra_is_installed_from_the_recorded_source(installed: Any, direct: object, requirement: str) -> None:
    installed(direct)
    assert install_hint("dask") == f'`pip install "{requirement}"`'
    plain = requirement.replace("[dask]", "")
    assert tool_hint("diff") == f'`uv tool run --from "{plain}" contexta diff`'
    assert plain.partition(" @ ")[2] in upgrade_hint()


@pytest.mark.parametrize(
    ("receipt", "extras", "command"),
    [
        ("uv-receipt.toml", "", 'uv tool install "contexta[ui] @ file:///src"'),
        (
            "uv-receipt.toml",
            'extras = ["reproduce", "ui"], ',
            'uv tool install "contexta[reproduce,ui] @ file:///src"',
        ),
        ("pipx_metadata.json", "", 'pipx install --force "contexta[ui] @ file:///src"'),
    ],
)
def test_the_environment_of_a_tool_is_extended_by_what_made_it(
    installed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receipt: str, extras: str, command: str
) -> None:
    installed({"url": "file:///src", "dir_info": {}})
    requirement = f'name = "contexta", {extras}directory = "/x"'
    (tmp_path / receipt).write_text(f"[tool]\nrequirements = [{{ {requirement} }}]\n")
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert install_hint("ui") == f"`{command}`"


def test_an_editable_installation_stays_editable(installed: Any) -> None:
    installed({"url": TREE.as_uri(), "dir_info": {"editable": True}})
    assert install_hint("dask", "postgres") == f'`pip install -e "{TREE}[dask,postgres]"`'


def test_a_hint_says_that_an_installation_from_an_index_recorded_no_source(installed: Any) -> None:
    installed(None)
    for hint in (install_hint("dask"), tool_hint("diff")):
        assert "its source was not recorded, and on the public index the name belongs to another project" in hint


@pytest.mark.parametrize("direct", ["[]", "{", '{"url": 1}', "{}"])
def test_a_broken_description_means_the_source_tree(installed: Any, direct: str) -> None:
    installed(direct)
    assert install_hint() == f'`pip install "contexta @ {TREE.as_uri()}"`'


def test_a_package_of_the_same_name_elsewhere_is_not_this_project(installed: Any, tmp_path: Path) -> None:
    installed({"url": "https://host/other.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}})
    (tmp_path / "contexta").unlink()
    assert own_source.find_own_source().address == TREE.as_uri()


def test_a_rebuilt_environment_takes_this_project_from_its_source_and_not_from_an_index() -> None:
    def planned(version: str, *, indexes: bool = False) -> tuple[dict[str, str], dict[str, str], list[str]]:
        snapshot = EnvironmentSnapshot(
            environment_snapshot_ref="environment:p.r.e",
            run_ref="run:p.r",
            captured_at="2025-01-01T00:00:00Z",
            python_version="3.11.0",
            platform="linux",
            packages={"contexta": version, "numpy": "1.0"},
        )
        plan = plan_of(snapshot, {}, indexes=indexes)
        return releases_among(plan.pins), address_lines(plan.pins), [package.detail for package in plan.missing]

    ours = {"contexta": f"contexta @ {TREE.as_uri()}"}
    assert planned(contexta.__version__) == ({"numpy": "1.0"}, ours, [])
    assert planned("9.9") == (
        {"numpy": "1.0"},
        {},
        [
            f"the running Contexta is {contexta.__version__}, "
            "and on the public index the name belongs to another project"
        ],
    )
    assert planned(contexta.__version__, indexes=True) == ({"contexta": contexta.__version__, "numpy": "1.0"}, {}, [])
