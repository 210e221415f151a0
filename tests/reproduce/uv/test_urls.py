from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from support.builders import a_snapshot, put_run
from support.tiny_index import PYTHON

from contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.core.processes import process
from contexta.reproduce.plan.plan import plan_of
from contexta.reproduce.rebuild import RebuildOptions
from contexta.reproduce.uv.urls import archive_line, index_option, inner_path, vcs_line

COMMIT = "a" * 40


@pytest.mark.parametrize(
    "url",
    [
        "ssh://-oProxyCommand=touch sentinel/x",
        "ssh://-oProxyCommand=touch%20sentinel/x",
        "git+ssh://-oProxyCommand/x",
        "https://host/x\n--index-url https://evil/",
        "https://host/${HOME}/x",
        "https://host/x;touch sentinel",
        "ext::sh -c touch% sentinel",
        "--upload-pack=touch sentinel",
        "file://otherhost/x",
        "https://host:port/x",
        "javascript:alert(1)",
        "https:///nohost",
    ],
)
def test_a_url_that_is_more_than_an_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        vcs_line("a", url, COMMIT, None)
    with pytest.raises(InvalidInput):
        archive_line("a", url, None)


@pytest.mark.parametrize("commit", ["main", "--help", "a" * 39, "A" * 40, COMMIT + "\n", f"{COMMIT}#subdirectory=.."])
def test_an_abbreviated_commit_is_refused(commit: str) -> None:
    with pytest.raises(InvalidInput):
        vcs_line("a", "https://host/x", commit, None)


@pytest.mark.parametrize("path", ["../x", "/etc", "-x", "a/../../b", "c:/x", "a\nb"])
def test_a_subdirectory_outside_the_repository_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        inner_path(path)


@pytest.mark.parametrize("given_", ["https://host", "-x=https://host", "a b=https://host", "a=--x", "a=https://ho st/"])
def test_an_index_is_a_name_and_a_url(given_: str) -> None:
    with pytest.raises(InvalidInput):
        index_option(given_)


def test_common_addresses_are_accepted() -> None:
    assert vcs_line("a", "git@host.org:team/a.git", COMMIT, "sub dir") == (
        f"a @ git+ssh://git@host.org/team/a.git@{COMMIT}#subdirectory=sub%20dir"
    )
    assert vcs_line("a", "file:///repos/a", COMMIT, None) == f"a @ git+file:///repos/a@{COMMIT}"
    assert archive_line("a", "https://h/a-1.whl", "sha256:" + "0" * 64) == f"a @ https://h/a-1.whl#sha256={'0' * 64}"
    assert index_option("pt=https://user:pw@host/whl") == "pt=https://user:pw@host/whl"


@given(st.text(max_size=60), st.text(max_size=60))
def test_an_accepted_address_is_one_requirement_on_one_line(url: str, subdirectory: str) -> None:
    try:
        line = vcs_line("a", url, COMMIT, subdirectory)
    except InvalidInput:
        return
    assert len(line.splitlines()) == 1
    assert "$" not in line
    parsed = Requirement(line)
    assert (parsed.name, parsed.marker) == ("a", None)


@pytest.mark.parametrize(
    "distribution",
    [
        {"name": "a", "version": "1.0 --index-url https://evil"},
        {"name": "a", "version": "1.0; touch sentinel"},
        {"name": "a", "version": "$(touch sentinel)"},
        {"name": "a", "version": "1", "origin": {"kind": "vcs", "url": "ssh://-oProxyCommand=x/", "commit": COMMIT}},
        {"name": "a", "version": "1", "origin": {"kind": "archive", "url": "https://h/${HOME}"}},
        {"name": "a", "version": "1", "origin": {"kind": "editable", "url": "file:///x", "commit": "--exec=touch"}},
    ],
)
def test_a_hostile_recording_installs_nothing_and_runs_nothing(
    distribution: dict[str, object], index: Path, ctx: Contexta, tmp_path: Path
) -> None:
    version = process.run([PYTHON, "-V"], timeout=60).stdout.decode().split()[1]
    environment = {"python_version": version, "packages": {}, "distributions": [distribution]}
    put_run(ctx, "hostile", environment=environment)
    rebuilt = ctx.rebuild_environment("hostile", tmp_path / "again", options=RebuildOptions(python=PYTHON))
    assert [package.reason for package in rebuilt.missing] == ["not installable"]
    assert not (tmp_path / "again").exists()
    assert not list(tmp_path.rglob("sentinel"))


def test_packages_with_a_local_tag_or_of_conda_are_missing_with_a_hint() -> None:
    snapshot = a_snapshot(
        packages={},
        distributions=[
            {"name": "torch", "version": "2.1.0+cu118", "origin": {"kind": "index"}},
            {"name": "numpy", "version": "1.24.0", "origin": {"kind": "conda"}},
            {
                "name": "mine",
                "version": "1",
                "origin": {"kind": "editable", "url": "file:///x", "commit": COMMIT, "dirty": True},
            },
        ],
    )
    plan = plan_of(snapshot, {})
    assert [(package.name, package.reason) for package in plan.missing] == [
        ("torch", "local tag"),
        ("numpy", "conda"),
        ("mine", "uncommitted changes"),
    ]
    assert plan_of(snapshot, {}, indexes=True).pins == {"torch": "2.1.0+cu118"}
