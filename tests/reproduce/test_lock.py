from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import Cli
from projects import a_project
from tiny_index import PYTHON
from wheels import Venv, wheel

from contexta import Contexta
from contexta.findings import Lock
from contexta.reproduce.uv import find_uv
from contexta.reproduce.wheels import build_of

Trained = Callable[..., Venv]


def uv(*arguments: str) -> None:
    subprocess.run([find_uv().path, *arguments], check=True, capture_output=True, timeout=120)


def test_a_pylock_installs_the_very_files_that_were_recorded(
    trained: Trained, cli: Cli, ctx: Contexta, tmp_path: Path
) -> None:
    trained()
    done = cli("lock", "first", "-o", "pylock.toml", "--json")
    assert done.returncode == 0, done.stderr
    assert Lock.model_validate_json(done.stdout).exact == ("alpha", "beta", "gamma")
    uv("venv", "--python", PYTHON, str(tmp_path / "again"))
    uv("pip", "install", "--python", str(tmp_path / "again"), "-r", str(tmp_path / "pylock.toml"))
    trained("second", install=[], code="pass")
    installed = Venv.__new__(Venv)
    installed.path, installed.python = tmp_path / "again", str(tmp_path / "again" / "bin" / "python")
    told = installed.run("from contexta.recorder import files; import json; print(json.dumps(files.builds()[0]))")
    recorded = {each.name: each.build for each in ctx.get_environment("first").distributions}
    assert json.loads(told) == recorded


def test_requirements_install_by_pip_with_their_hashes(trained: Trained, cli: Cli, tmp_path: Path, index: Path) -> None:
    trained()
    done = cli("lock", "first", "--format", "requirements")
    assert done.returncode == 0, done.stderr
    (tmp_path / "requirements.txt").write_text(done.stdout)
    pip = [PYTHON, "-m", "pip", "install", "--no-index", "--find-links", str(index), "--no-deps", "--require-hashes"]
    asked = [*pip, "--quiet", "--target", str(tmp_path / "target"), "-r", str(tmp_path / "requirements.txt")]
    subprocess.run(asked, check=True, capture_output=True, timeout=120)
    assert {path.name for path in (tmp_path / "target").glob("*.py")} == {"alpha.py", "gamma.py"}


def test_pip_reads_the_pip_part_of_a_conda_environment(
    trained: Trained, ctx: Contexta, tmp_path: Path, index: Path
) -> None:
    trained()
    lines = ctx.lock_environment("first", "conda").content.partition("  - pip:\n")[2].splitlines()
    (tmp_path / "pip.txt").write_text("\n".join(json.loads(line.strip().removeprefix("- ")) for line in lines))
    pip = [PYTHON, "-m", "pip", "install", "--no-index", "--find-links", str(index), "--dry-run"]
    asked = [*pip, "--target", str(tmp_path / "target"), "-r", str(tmp_path / "pip.txt")]
    done = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=120)
    assert "Would install alpha-1.0 beta-2.1 gamma-0.3" in done.stdout


def test_a_release_without_a_wheel_is_locked_by_its_source(
    trained: Trained, cli: Cli, ctx: Contexta, tmp_path: Path, index: Path
) -> None:
    own = a_project(tmp_path / "own")
    with tarfile.open(index / "own-1.0.tar.gz", "w:gz") as archive:
        archive.add(own, "own-1.0")
    trained(install=["own"], code="import own")
    assert [each.reason for each in ctx.lock_environment("first").missing] == ["no wheel"]
    assert cli("lock", "first", "--allow-build", "-o", "pylock.toml").returncode == 0
    assert cli("lock", "first", "--allow-build", "--format", "requirements", "-o", "requirements.txt").returncode == 0
    again = str(tmp_path / "again")
    uv("venv", "--python", PYTHON, again)
    uv("pip", "install", "--python", again, "-r", str(tmp_path / "pylock.toml"))
    uv("pip", "install", "--python", again, "--reinstall", "--require-hashes", "-r", str(tmp_path / "requirements.txt"))
    assert list(Path(again).rglob("own.py"))


def test_what_no_lock_can_hold_is_said_in_it_and_by_the_exit_code(
    trained: Trained, cli: Cli, tmp_path: Path, index: Path
) -> None:
    trained()
    next(index.glob("gamma-*")).unlink()
    done = cli("lock", "first")
    assert done.returncode == 1
    assert "# NOT HERE: gamma 0.3: project removed" in done.stdout
    assert "not in it: gamma 0.3" in done.stderr


def test_another_file_of_the_same_version_is_locked_by_version_alone(trained: Trained, cli: Cli, index: Path) -> None:
    trained()
    wheel(index, "gamma", "0.3", {"gamma.py": "x = 'other'\n"})
    found = Lock.model_validate_json(cli("lock", "first", "--json").stdout)
    assert found.open == {"gamma": "no wheel of the index has the recorded files"}


@pytest.mark.parametrize(
    ("form", "holds"),
    [
        ("uv", "requires-dist = []"),
        ("conda", '"alpha==1.0"'),
        ("dockerfile", "COPY <<'END_OF_LOCK' /contexta/pylock.toml"),
    ],
)
def test_every_format_names_every_package(trained: Trained, ctx: Contexta, form: str, holds: str) -> None:
    trained()
    found = ctx.lock_environment("first", form)  # type: ignore[arg-type]  # parametrized
    assert holds in found.content
    for name in ("alpha", "beta", "gamma"):
        assert name in found.content


def test_the_build_of_a_wheel_is_told_without_installing_it(index: Path, tmp_path: Path) -> None:
    venv = Venv(tmp_path / "venv", PYTHON)
    for name in ("alpha", "beta"):
        path = next(index.glob(f"{name}-*"))
        venv.install("--no-deps", path)
        told = venv.run(f"from contexta.recorder import files; print(files.builds()[0][{name!r}])").strip()
        assert build_of(path.as_uri()) == told
    with pytest.raises(ValueError, match="not read"):
        build_of("ftp://host/a.whl")
