"""Packages that a program brings along, in an archive or by changing sys.path, are those of its run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from contexta import Contexta
from contexta.contract import Distribution

CONTEXTA = [sys.executable, "-I", "-m", "contexta.cli"]
USES_IT = "import scorelib; print(scorelib.version)\n"


def package(prefix: str = "", version: str = "2.0") -> dict[str, str]:
    """Path -> text of the files of an installed distribution."""
    info = f"{prefix}scorelib-{version}.dist-info"
    return {
        f"{prefix}scorelib/__init__.py": f"version = '{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: scorelib\nVersion: {version}\n",
        f"{info}/RECORD": f"scorelib/__init__.py,,\nscorelib-{version}.dist-info/METADATA,,\n",
    }


def archive(path: Path, files: dict[str, str]) -> str:
    with zipfile.ZipFile(path, "w") as written:
        for name, text in files.items():
            written.writestr(name, text)
    return path.name


def directory(path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)


def record(tmp_path: Path, *command: str, pythonpath: str = "") -> tuple[dict[str, Distribution], Any]:
    """The distributions of the run's environment by name, and the imported modules."""
    done = subprocess.run(
        [*CONTEXTA, "run", "--name", "r", "--", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": pythonpath},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "2.0\n"), done.stderr
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        result = ctx.metadata_store.environments.list_environment_snapshots(ctx.get_run("r").run_ref)[0]
    imports = result.imports["distributions"] if result.imports is not None else {}
    return {distribution.name: distribution for distribution in result.distributions}, imports


def test_packages_in_a_zipapp_are_recorded_and_imported(tmp_path: Path) -> None:
    app = archive(tmp_path / "app.pyz", {"__main__.py": USES_IT, **package()})
    result, imports = record(tmp_path, sys.executable, app)
    assert (result["scorelib"].version, result["scorelib"].origin.kind) == ("2.0", "archive")
    assert "scorelib" in imports


def test_packages_in_a_directory_inside_an_archive_are_recorded(tmp_path: Path) -> None:
    main = f"import sys; sys.path.insert(0, sys.argv[0] + '/lib')\n{USES_IT}"
    app = archive(tmp_path / "app.pyz", {"__main__.py": main, **package("lib/")})
    result, imports = record(tmp_path, sys.executable, app)
    assert result["scorelib"].version == "2.0"
    assert "scorelib" in imports


@pytest.mark.parametrize("how", ["sys.path.insert(0, 'unpacked')", "site.addsitedir('unpacked')"])
def test_packages_that_a_program_puts_on_its_path_are_recorded(tmp_path: Path, how: str) -> None:
    directory(tmp_path / "unpacked", package())
    (tmp_path / "train.py").write_text(f"import site, sys; {how}\n{USES_IT}")
    result, _ = record(tmp_path, sys.executable, "train.py")
    assert result["scorelib"].version == "2.0"
    assert result["scorelib"].build


def test_version_that_was_imported_is_recorded_and_not_the_installed_one(tmp_path: Path) -> None:
    directory(tmp_path / "installed", package(version="1.0"))
    app = archive(tmp_path / "app.pyz", {"__main__.py": USES_IT, **package()})
    result, _ = record(tmp_path, sys.executable, app, pythonpath="installed")
    assert result["scorelib"].version == "2.0"


def test_packages_that_a_program_could_import_and_did_not_are_left_out(tmp_path: Path) -> None:
    directory(tmp_path / "unpacked", package())
    (tmp_path / "train.py").write_text("import sys; sys.path.insert(0, 'unpacked'); print('2.0')\n")
    assert "scorelib" not in record(tmp_path, sys.executable, "train.py")[0]


def test_metadata_next_to_the_source_of_the_program_is_no_installed_package(tmp_path: Path) -> None:
    info = {"scorelib.egg-info/PKG-INFO": "Metadata-Version: 2.1\nName: scorelib\nVersion: 9\n"}
    files = {"scorelib/__init__.py": "version = '2.0'\n", "scorelib.egg-info/top_level.txt": "scorelib\n", **info}
    directory(tmp_path, {**files, "train.py": USES_IT})
    assert "scorelib" not in record(tmp_path, sys.executable, "train.py")[0]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are seen from outside through /proc")
def test_packages_in_an_isolated_zipapp_are_read_from_outside(tmp_path: Path) -> None:
    app = archive(tmp_path / "app.pyz", {"__main__.py": f"import time; time.sleep(0.3)\n{USES_IT}", **package()})
    assert record(tmp_path, sys.executable, "-I", app)[0]["scorelib"].version == "2.0"


@pytest.mark.skipif(sys.platform != "linux", reason="processes are seen from outside through /proc")
def test_packages_of_a_pex_are_its_own_and_not_those_of_its_interpreter(tmp_path: Path) -> None:
    wheel = "scorelib-2.0-py3-none-any.whl"
    main = f"""
    import os, sys
    if not sys.flags.isolated:  # as pex does it
        os.execv(sys.executable, [sys.executable, "-I", *sys.argv])
    sys.path[:] = [each for each in sys.path if "site-packages" not in each]
    sys.path.insert(0, os.path.join(sys.argv[0], ".deps", {wheel!r}))
    import scorelib, time
    time.sleep(0.3)
    print(scorelib.version)
    """
    files = {
        "__main__.py": "if True:\n" + main,
        "PEX-INFO": json.dumps({"distributions": {wheel: "0" * 64}, "inherit_path": "false"}),
        **package(f".deps/{wheel}/"),
    }
    result, _ = record(tmp_path, sys.executable, archive(tmp_path / "app.pex", files))
    assert {name: distribution.version for name, distribution in result.items()} == {"scorelib": "2.0"}
