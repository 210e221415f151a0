from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wheels import Venv, wheel

from contexta.contract import Distribution, Note
from contexta.recorder.packages import distributions, places


def dist_info(folder: Path, name: str, version: str, *, installer: str | None = "pip", **files: str | bytes) -> Path:
    """A dist-info directory with METADATA and INSTALLER; more files by name, with . written as __ ."""
    path = folder / f"{name}-{version}.dist-info"
    path.mkdir(parents=True)
    contents = {"METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nbody\n", **files}
    if installer is not None:
        contents["INSTALLER"] = installer + "\n"
    for file, content in contents.items():
        data = content if isinstance(content, bytes) else content.encode()
        (path / file.replace("__", ".")).write_bytes(data)
    return path


def installed(*path: Path) -> tuple[dict[str, dict[str, Any]], str]:
    """Name -> distribution, each accepted by the contract; and all notes in one text."""
    result, notes = distributions.installed([str(entry) for entry in path])
    for item in result:
        Distribution(**item)
    for note in notes:
        Note(**note)
    return {item["name"]: item for item in result}, "\n".join(note["text"] for note in notes)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """An environment with wheels from a directory (as from an index), one from a file, and one it depends on."""
    folder = tmp_path_factory.mktemp("real")
    links = folder / "links"
    wheel(links, "Sample.Thing", "1.2", requires=["helper>=1", 'extra-thing; extra == "all"'])
    wheel(links, "helper", "1.0")
    direct = wheel(folder, "direct", "3.0")
    venv = Venv(folder / "venv")
    venv.install("--find-links", links, "sample-thing", direct)
    return venv


def test_a_real_environment_is_recorded_as_the_contract_requires(real: Venv) -> None:
    result, notes = installed(real.site)
    assert notes == ""
    assert set(result) == {"sample-thing", "helper", "direct"}
    thing = result["sample-thing"]
    assert thing["display_name"] == "Sample.Thing"
    assert thing["version"] == "1.2"
    assert thing["requires"] == ["helper>=1", 'extra-thing; extra == "all"']
    assert thing["installer"] == "uv"
    assert thing["origin"] == {"kind": "index"}
    assert "display_name" not in result["helper"]
    assert result["direct"]["origin"]["kind"] == "archive"
    assert result["direct"]["origin"]["url"].endswith("direct-3.0-py3-none-any.whl")


def test_the_list_agrees_with_importlib_metadata(real: Venv) -> None:
    code = (
        "import importlib.metadata as m; from contexta.recorder.packages import distributions as d\n"
        "theirs = sorted((x.metadata['Name'], x.version) for x in m.distributions())\n"
        "ours = sorted((x.get('display_name', x['name']), x['version']) for x in d.installed()[0])\n"
        "print(theirs == ours, len(ours))"
    )
    assert real.run(code).split() == ["True", "3"]


def test_an_editable_install_and_one_from_git_name_their_source(tmp_path: Path, git: Any) -> None:
    project = tmp_path / "proj"
    (project / "src" / "proj").mkdir(parents=True)
    (project / "src" / "proj" / "__init__.py").write_text("x = 1\n")
    (project / "pyproject.toml").write_text(
        '[project]\nname = "proj"\nversion = "0.1"\n'
        '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
    )
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    commit = git(project, "rev-parse", "HEAD").strip()
    venv = Venv(tmp_path / "venv")
    venv.install("-e", project)
    result, notes = installed(venv.site)
    assert notes == ""
    assert result["proj"]["origin"] == {"kind": "editable", "url": project.as_uri()}

    venv.install("--reinstall", f"proj @ git+{project.as_uri()}@{commit}")
    result, notes = installed(venv.site)
    assert result["proj"]["origin"] == {"kind": "vcs", "url": project.as_uri(), "commit": commit}

    venv.install("--reinstall", project)
    assert installed(venv.site)[0]["proj"]["origin"] == {"kind": "directory", "url": project.as_uri()}


DIRECT = {
    "archive with hashes": (
        {"url": "https://example.org/a.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
        {"kind": "archive", "url": "https://example.org/a.whl", "digest": "sha256:ab"},
    ),
    "archive with the old hash": (
        {"url": "https://example.org/a.whl", "archive_info": {"hash": "sha512=cd"}},
        {"kind": "archive", "url": "https://example.org/a.whl", "digest": "sha512:cd"},
    ),
    "git in a subdirectory with credentials": (
        {
            "url": "https://u:canary@example.org/r.git",
            "subdirectory": "py",
            "vcs_info": {"vcs": "git", "commit_id": "f00"},
        },
        {"kind": "vcs", "url": "https://example.org/r.git", "subdirectory": "py", "commit": "f00"},
    ),
    "mercurial": (
        {"url": "https://example.org/r", "vcs_info": {"vcs": "hg", "commit_id": "f00"}},
        {"kind": "vcs", "url": "hg+https://example.org/r", "commit": "f00"},
    ),
    "editable": (
        {"url": "file:///src/a", "dir_info": {"editable": True}},
        {"kind": "editable", "url": "file:///src/a"},
    ),
    "directory": ({"url": "file:///src/a", "dir_info": {}}, {"kind": "directory", "url": "file:///src/a"}),
}


@pytest.mark.parametrize("direct", DIRECT)
def test_direct_url_is_recorded_without_credentials(tmp_path: Path, direct: str) -> None:
    content, expected = DIRECT[direct]
    dist_info(tmp_path, "a", "1", direct_url__json=json.dumps(content))
    result, _ = installed(tmp_path)
    assert result["a"]["origin"] == expected
    assert "canary" not in json.dumps(result)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"url": 3}', '{"url": "x", "vcs_info": 3}', "\xff"])
def test_a_broken_direct_url_leaves_a_note_and_an_unknown_origin(tmp_path: Path, content: str) -> None:
    dist_info(tmp_path, "a", "1", direct_url__json=content.encode("latin-1"))
    result, notes = installed(tmp_path)
    assert result["a"]["origin"] == {"kind": "unknown"}
    assert "direct_url.json of a cannot be read" in notes


def test_installer_and_request_are_recorded_if_the_installer_writes_them(tmp_path: Path) -> None:
    dist_info(tmp_path, "asked", "1", REQUESTED="")
    dist_info(tmp_path, "pulled", "1")
    dist_info(tmp_path, "byuv", "1", installer="uv", REQUESTED="")
    dist_info(tmp_path, "system", "1", installer="debian")
    dist_info(tmp_path, "nobody", "1", installer=None)
    result, notes = installed(tmp_path)
    assert notes == ""
    assert (result["asked"]["requested"], result["pulled"]["requested"]) == (True, False)
    assert "requested" not in result["byuv"]  # uv marks dependencies too
    assert "requested" not in result["nobody"]
    kinds = {name: distribution["origin"]["kind"] for name, distribution in result.items()}
    assert kinds == {"asked": "index", "pulled": "index", "byuv": "index", "system": "unknown", "nobody": "unknown"}


def test_conda_packages_name_channel_and_build(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    dist_info(site, "numpy", "1.26.0", installer="conda")
    dist_info(site, "other", "1", installer="conda")
    (tmp_path / "conda-meta").mkdir()
    url = "https://conda.example.org/t/tk-1234-5678/main/linux-64/numpy-1.26.0-py311h0_0.conda"
    record = {"paths_data": {"paths": [{"_path": "a", "sha256": "00"}]}, "md5": "beef", "name": "numpy", "url": url}
    (tmp_path / "conda-meta" / "numpy-1.26.0-py311h0_0.json").write_text(json.dumps(record, indent=2))
    result, _ = installed(site)
    assert result["numpy"]["origin"] == {
        "kind": "conda",
        "url": "https://conda.example.org/t/[redacted]/main/linux-64/numpy-1.26.0-py311h0_0.conda",
        "digest": "md5:beef",
    }
    assert result["other"]["origin"] == {"kind": "conda"}


def test_the_first_of_two_distributions_counts_and_the_shadowed_one_is_noted(tmp_path: Path) -> None:
    dist_info(tmp_path / "one", "Thing_A", "1.0")
    dist_info(tmp_path / "two", "thing.a", "2.0")
    result, notes = installed(tmp_path / "one", tmp_path / "two")
    assert result["thing-a"]["version"] == "1.0"
    assert f"thing-a 2.0 in {tmp_path / 'two'} is shadowed by 1.0 in {tmp_path / 'one'}" in notes
    assert installed(tmp_path / "two", tmp_path / "one")[0]["thing-a"]["version"] == "2.0"


def test_of_two_distributions_in_one_directory_the_newer_counts(tmp_path: Path) -> None:
    new = dist_info(tmp_path, "a", "1.0")
    old = dist_info(tmp_path, "a", "2.0")
    os.utime(old, (1, 1))
    os.utime(new, (2_000_000_000, 2_000_000_000))
    result, notes = installed(tmp_path)
    assert result["a"]["version"] == "1.0"
    assert "a has two metadata directories" in notes


def test_one_directory_reached_twice_counts_once(tmp_path: Path) -> None:
    dist_info(tmp_path / "lib", "a", "1")
    (tmp_path / "lib64").symlink_to(tmp_path / "lib", target_is_directory=True)
    result, notes = installed(tmp_path / "lib", tmp_path / "lib64", tmp_path / "lib")
    assert (list(result), notes) == (["a"], "")


def test_the_empty_entry_is_the_current_directory(tmp_path: Path) -> None:
    dist_info(tmp_path, "a", "1")
    assert [item["name"] for item in distributions.installed([""])[0]] == ["a"]


def test_broken_metadata_is_noted(tmp_path: Path) -> None:
    (dist_info(tmp_path, "nometa", "1.0") / "METADATA").unlink()
    (tmp_path / "empty-2.0.dist-info").mkdir()
    dist_info(tmp_path, "noversion", "3.0", METADATA="Metadata-Version: 2.1\nName: noversion\n\n")
    dist_info(tmp_path, "bytes", "4.0", METADATA=b"Name: bytes\nVersion: 4.0\nRequires-Dist: \xff\xfe\n\n")
    dist_info(tmp_path, "badname", "5.0", METADATA=b"Name: b\xff\nVersion: 5.0\n\n")
    (tmp_path / "nothing.dist-info").mkdir()
    (tmp_path / "file-6.0.dist-info").write_text("not a directory")
    (tmp_path / "~ood-1.0.dist-info").mkdir()
    (tmp_path / "~ood").mkdir()
    dist_info(tmp_path, "good", "7.0")
    result, notes = installed(tmp_path)
    assert {name: distribution["version"] for name, distribution in result.items()} == {
        "nometa": "1.0",
        "empty": "2.0",
        "noversion": "3.0",
        "bytes": "4.0",
        "badname": "5.0",
        "good": "7.0",
    }
    assert result["bytes"]["requires"] == ["\\xff\\xfe"]
    for text in (
        "nometa",
        "empty",
        "noversion",
        "badname",
        "nothing.dist-info is left out",
        "file-6.0",
        "~ood, ~ood-1.0",
    ):
        assert text in notes


def test_headers_are_read_to_their_end_and_no_further(tmp_path: Path) -> None:
    many = "".join(f"Requires-Dist: thing{number} (>=1)\n" for number in range(2_000))
    dist_info(tmp_path, "long", "1", METADATA=f"Name: long\nVersion: 1\n{many}Requires-Dist: last\n\nVersion: 9\n")
    dist_info(
        tmp_path, "windows", "1", METADATA="Name: windows\r\nVersion: 1\r\nRequires-Dist: a\r\n\r\nRequires-Dist: no"
    )
    dist_info(
        tmp_path, "folded", "1", METADATA="Name: folded\nVersion: 1\nRequires-Dist: a\n ; python_version < '3'\n\n"
    )
    result, notes = installed(tmp_path)
    assert notes == ""
    assert len(result["long"]["requires"]) == 2_001
    assert result["long"]["version"] == "1"
    assert result["windows"]["requires"] == ["a"]
    assert result["folded"]["requires"] == ["a ; python_version < '3'"]


@given(st.binary(max_size=400))
def test_no_metadata_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    dist_info(folder, "a", "1.0", METADATA=b"Name: a\nVersion: " + content, INSTALLER=content, direct_url__json=content)
    result, _ = installed(folder)
    assert list(result) == ["a"]


def test_all_forms_of_egg_info_are_read(tmp_path: Path) -> None:
    (tmp_path / "plain-1.0-py3.11.egg-info").write_text("Metadata-Version: 1.1\nName: plain\nVersion: 1.0\n")
    folder = tmp_path / "folder.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: Folder\nVersion: 2.0\n")
    (folder / "requires.txt").write_text(
        "one>=1\n\n[fast]\ntwo\n\n[:python_version < '3']\nthree\n\n[all:sys_platform == 'x']\nfour\n"
    )
    (tmp_path / "bare-3.0-py3.8.egg-info").mkdir()
    result, notes = installed(tmp_path)
    assert (result["plain"]["version"], result["folder"]["version"], result["bare"]["version"]) == ("1.0", "2.0", "3.0")
    assert result["folder"]["requires"] == [
        "one>=1",
        'two; extra == "fast"',
        "three; python_version < '3'",
        "four; (sys_platform == 'x') and extra == \"all\"",
    ]
    assert result["plain"]["origin"] == {"kind": "unknown"}
    assert "bare" in notes


def test_the_target_of_an_egg_link_is_editable(tmp_path: Path) -> None:
    site, source = tmp_path / "site", tmp_path / "source"
    site.mkdir()
    (source / "dev.egg-info").mkdir(parents=True)
    (source / "dev.egg-info" / "PKG-INFO").write_text("Name: dev\nVersion: 0.1\n")
    (site / "dev.egg-link").write_text(f"{source}\n.")
    (site / "lost.egg-link").write_text(f"{tmp_path / 'gone'}\n.")
    result, notes = installed(site, source)
    assert result["dev"]["origin"] == {"kind": "editable", "url": source.as_uri()}
    assert "lost.egg-link leads to" in notes


def test_egg_info_next_to_an_editable_source_does_not_hide_its_origin(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "src" / "dev.egg-info").mkdir(parents=True)
    (project / "src" / "dev.egg-info" / "PKG-INFO").write_text("Name: dev\nVersion: 0.0.1\n")
    direct = json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}})
    dist_info(tmp_path / "site", "dev", "0.2", direct_url__json=direct)
    result, notes = installed(project / "src", tmp_path / "site")
    assert (result["dev"]["version"], result["dev"]["origin"]["kind"], notes) == ("0.2", "editable", "")


def test_archives_and_eggs_on_the_path_are_read(tmp_path: Path) -> None:
    whl = wheel(tmp_path, "zipped", "1.5", requires=["x"])
    egg = tmp_path / "packed-2.5-py3.11.egg"
    with zipfile.ZipFile(egg, "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", "Name: packed\nVersion: 2.5\n")
        archive.writestr("EGG-INFO/requires.txt", "y\n")
    folder = tmp_path / "open-3.5-py3.11.egg"
    (folder / "EGG-INFO").mkdir(parents=True)
    (folder / "EGG-INFO" / "PKG-INFO").write_text("Name: open\nVersion: 3.5\n")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK no zip")
    result, notes = installed(whl, egg, folder, broken)
    assert {name: distribution["version"] for name, distribution in result.items()} == {
        "zipped": "1.5",
        "packed": "2.5",
        "open": "3.5",
    }
    assert result["zipped"]["requires"] == ["x"]
    assert result["packed"]["requires"] == ["y"]
    assert result["zipped"]["origin"] == {"kind": "archive", "url": whl.as_uri()}
    assert "broken.zip is no readable archive" in notes


def test_unusable_entries_are_noted_and_the_others_read(tmp_path: Path) -> None:
    dist_info(tmp_path / "good", "a", "1")
    path: list[Any] = [
        b"bytes",
        str(tmp_path / "gone"),
        "nul\0",
        str(tmp_path / "python399.zip"),
        str(tmp_path / "good"),
    ]
    result, notes = distributions.installed(path)
    assert [item["name"] for item in result] == ["a"]
    texts = "\n".join(note["text"] for note in notes)
    assert "gone is ignored: no such file" in texts
    assert "bytes" in texts
    assert "python399" not in texts  # where the standard library could be zipped, and usually is not


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is unreadable to root")
def test_an_unreadable_directory_is_noted(tmp_path: Path) -> None:
    dist_info(tmp_path / "closed", "a", "1")
    (tmp_path / "closed").chmod(0)
    try:
        assert "closed is ignored: permission denied" in installed(tmp_path / "closed")[1]
    finally:
        (tmp_path / "closed").chmod(0o755)


def test_the_fingerprint_changes_with_the_installed_distributions(tmp_path: Path) -> None:
    path = [str(tmp_path)]
    observed = [places.fingerprint(path)]
    a = dist_info(tmp_path, "a", "1")
    observed.append(places.fingerprint(path))
    b = dist_info(tmp_path, "b", "1")
    observed.append(places.fingerprint(path))
    shutil.rmtree(a)
    dist_info(tmp_path, "a", "1")
    observed.append(places.fingerprint(path))
    (b / "direct_url.json").write_text("{}")
    os.utime(b, (5, 5))
    observed.append(places.fingerprint(path))
    assert len(set(observed)) == len(observed)


def test_the_fingerprint_does_not_depend_on_other_files(tmp_path: Path) -> None:
    dist_info(tmp_path / "site", "a", "1")
    path = [str(tmp_path), str(tmp_path / "site")]
    before = places.fingerprint(path)
    (tmp_path / "train.py").write_text("x = 1")
    (tmp_path / "site" / "a.py").write_text("x = 1")
    assert places.fingerprint(path) == before


def test_the_contract_accepts_all_distributions_of_this_interpreter() -> None:
    result, _ = distributions.installed()
    names = [Distribution(**item).name for item in result]
    assert "pydantic" in names
    assert len(names) == len(set(names))
    assert sys.modules["pydantic"].__version__ == next(e["version"] for e in result if e["name"] == "pydantic")
