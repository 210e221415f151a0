from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, a_run, a_snapshot
from support.builders import a_project as a_project_record
from support.projects import a_project
from support.tiny_index import PYTHON
from support.wheels import Venv, wheel

from contexta import Contexta
from contexta.findings import Lock
from contexta.recorder.probes.machine import platform_name
from contexta.reproduce.environments.wheel_digest import build_of
from contexta.reproduce.plan.unavailable import as_missing
from contexta.reproduce.uv.commands import find_uv
from contexta.reproduce.uv.error_messages import error_of

Trained = Callable[..., Venv]


def uv(*arguments: str) -> None:
    subprocess.run([find_uv().path, *arguments], check=True, capture_output=True, timeout=120)


def test_a_pylock_installs_exactly_the_recorded_files(
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
    finished = installed.run(
        "from contexta.recorder.packages.installed_files import builds; import json; print(json.dumps(builds()[0]))"
    )
    recorded = {distribution.name: distribution.build for distribution in ctx.get_environment("first").distributions}
    assert json.loads(finished) == recorded


def test_requirements_install_by_pip_with_their_hashes(trained: Trained, cli: Cli, tmp_path: Path, index: Path) -> None:
    trained()
    done = cli("lock", "first", "--format", "requirements")
    assert done.returncode == 0, done.stderr
    (tmp_path / "requirements.txt").write_text(done.stdout)
    pip = [PYTHON, "-m", "pip", "install", "--no-index", "--find-links", str(index), "--no-deps", "--require-hashes"]
    command = [*pip, "--quiet", "--target", str(tmp_path / "target"), "-r", str(tmp_path / "requirements.txt")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert {path.name for path in (tmp_path / "target").glob("*.py")} == {"alpha.py", "gamma.py"}


def test_pip_reads_the_pip_part_of_a_conda_environment(
    trained: Trained, ctx: Contexta, tmp_path: Path, index: Path
) -> None:
    trained()
    lines = ctx.lock_environment("first", "conda").content.partition("  - pip:\n")[2].splitlines()
    (tmp_path / "pip.txt").write_text("\n".join(json.loads(line.strip().removeprefix("- ")) for line in lines))
    pip = [PYTHON, "-m", "pip", "install", "--no-index", "--find-links", str(index), "--dry-run"]
    command = [*pip, "--target", str(tmp_path / "target"), "-r", str(tmp_path / "pip.txt")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert "Would install alpha-1.0 beta-2.1 gamma-0.3" in done.stdout


def test_a_release_without_a_wheel_is_locked_by_its_source(
    trained: Trained, cli: Cli, ctx: Contexta, tmp_path: Path, index: Path
) -> None:
    own = a_project(tmp_path / "own")
    with tarfile.open(index / "own-1.0.tar.gz", "w:gz") as archive:
        archive.add(own, "own-1.0")
    trained(install=["own"], code="import own")
    assert [package.reason for package in ctx.lock_environment("first").missing] == ["no wheel"]
    assert cli("lock", "first", "--allow-build", "-o", "pylock.toml").returncode == 0
    assert cli("lock", "first", "--allow-build", "--format", "requirements", "-o", "requirements.txt").returncode == 0
    again = str(tmp_path / "again")
    uv("venv", "--python", PYTHON, again)
    uv("pip", "install", "--python", again, "-r", str(tmp_path / "pylock.toml"))
    uv("pip", "install", "--python", again, "--reinstall", "--require-hashes", "-r", str(tmp_path / "requirements.txt"))
    assert list(Path(again).rglob("own.py"))


def test_packages_that_no_lock_can_hold_are_listed_and_set_the_exit_code(
    trained: Trained, cli: Cli, tmp_path: Path, index: Path
) -> None:
    trained()
    next(index.glob("gamma-*")).unlink()
    done = cli("lock", "first")
    assert done.returncode == 1
    assert "# NOT HERE: gamma 0.3: project removed" in done.stdout
    assert "not locked: gamma 0.3" in done.stderr


def test_a_build_that_the_index_lacks_is_locked_by_version_alone(trained: Trained, cli: Cli, index: Path) -> None:
    trained()
    wheel(index, "gamma", "0.3", {"gamma.py": "x = 'other'\n"})
    result = Lock.model_validate_json(cli("lock", "first", "--json").stdout)
    assert result.open == {"gamma": "no wheel of the index has the recorded files"}


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
    lock = ctx.lock_environment("first", form)  # type: ignore[arg-type]  # parametrized
    assert holds in lock.content
    for name in ("alpha", "beta", "gamma"):
        assert name in lock.content


def test_the_build_digest_of_a_wheel_needs_no_installation(index: Path, tmp_path: Path) -> None:
    venv = Venv(tmp_path / "venv", PYTHON)
    for name in ("alpha", "beta"):
        path = next(index.glob(f"{name}-*"))
        venv.install("--no-deps", path)
        installed_build = venv.run(
            f"from contexta.recorder.packages.installed_files import builds; print(builds()[0][{name!r}])"
        ).strip()
        assert build_of(path.as_uri()) == installed_build
    with pytest.raises(ValueError, match="not read"):
        build_of("ftp://host/a.whl")


# ---------------------------------------------------------------------------------------------- nothing is dropped


def put_recorded(ctx: Contexta, *distributions: Mapping[str, object], **changes: object) -> None:
    """A run named first whose recorded environment has these distributions."""
    ctx.metadata_store.projects.put_project(a_project_record())
    ctx.metadata_store.runs.put_run(a_run(name="first"))
    fields: dict[str, Any] = {"packages": {}, "python_version": "3.11.7", **changes}
    snapshot = a_snapshot(run="first", **fields)
    fields = {**snapshot.model_dump(), "distributions": list(distributions)}
    ctx.metadata_store.environments.put_environment_snapshot(type(snapshot).model_validate(fields))


def from_repository(name: str, **origin: object) -> dict[str, object]:
    url = "https://github.com/someone/something"
    return {"name": name, "version": "1.0", "origin": {"kind": "vcs", "url": url, "commit": "1" * 40, **origin}}


def from_archive(name: str, digest: str | None) -> dict[str, object]:
    digests = {} if digest is None else {"digest": digest}
    return {"name": name, "version": "1.0", "origin": {"kind": "archive", "url": f"https://host/{name}.zip", **digests}}


@pytest.mark.parametrize(
    ("distribution", "is_held"),
    [
        (from_repository("own"), False),
        (from_repository("own", subdirectory="python"), False),
        (from_archive("own", None), False),
        (from_archive("own", "sha256:" + "a" * 64), True),
    ],
)
def test_requirements_with_hashes_list_packages_that_they_cannot_hold(
    index: Path, ctx: Contexta, cli: Cli, distribution: dict[str, object], is_held: bool
) -> None:
    put_recorded(ctx, distribution, {"name": "gamma", "version": "0.3", "origin": {"kind": "index"}})
    done = cli("lock", "first", "--format", "requirements")
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert any(line.startswith("gamma==0.3") for line in lines)
    assert any(line.startswith("own @ ") for line in lines) is is_held
    assert done.returncode == int(not is_held), done.stderr
    if not is_held:
        assert "not locked: own 1.0" in done.stderr
        assert "# NOT HERE: own 1.0: no hash" in done.stdout
        is_commit = "commit" in str(distribution["origin"])
        assert f"--format {'pylock or uv' if is_commit else 'uv'} contains it" in done.stderr
        assert cli("lock", "first", "--format", "pylock").returncode == int(not is_commit)
        assert cli("lock", "first", "--format", "uv").returncode == 0


def test_a_lock_for_conda_holds_the_packages_of_conda(index: Path, ctx: Contexta, cli: Cli) -> None:
    channel = "https://conda.anaconda.org/conda-forge"
    for_linux = f"{channel}/linux-64/"
    put_recorded(
        ctx,
        {
            "name": "numpy",
            "version": "1.26.0",
            "origin": {"kind": "conda", "url": f"{for_linux}numpy-1.26.0-py311h64a7726_0.conda"},
        },
        {
            "name": "pip",
            "version": "23.3",
            "origin": {"kind": "conda", "url": f"{for_linux}pip-23.3-pyhd8ed1ab_0.conda"},
        },
        {"name": "torch", "version": "2.0.0", "origin": {"kind": "conda"}},
        {"name": "gamma", "version": "0.3", "origin": {"kind": "index"}},
    )
    done = cli("lock", "first", "--format", "conda")
    assert done.returncode == 0, done.stderr
    assert "--format conda" not in done.stderr
    assert "not locked" not in done.stderr
    assert "NOT HERE" not in done.stdout
    assert '"numpy=1.26.0=py311h64a7726_0"' in done.stdout
    assert "locked by version only: torch: its file of conda was not recorded" in done.stderr
    names = [line.strip(' -"').partition("=")[0].partition('"')[0] for line in done.stdout.splitlines() if "- " in line]
    assert names.count("pip") == 1
    assert '"gamma==0.3"' in done.stdout.partition("- pip:")[2]


# ---------------------------------------------------------------------------------------------- another platform


@pytest.fixture
def compiled(index: Path) -> Path:
    """A package with a wheel for each of three systems, and one that only Windows has."""
    for tag in ("win_amd64", "macosx_11_0_arm64", "manylinux_2_17_x86_64.manylinux2014_x86_64"):
        wheel(index, "fast", "1.0", {"fast.py": f"x = {tag!r}\n"}, tag=f"cp311-cp311-{tag}")
    wheel(index, "winonly", "1.0", {"winonly.py": "x = 1\n"}, tag="py3-none-win_amd64")
    return index


@pytest.mark.parametrize(
    ("platform", "names", "takes"),
    [
        ("win32-amd64", ("fast", "winonly"), "win_amd64"),
        ("darwin-arm64", ("fast",), "macosx_11_0_arm64"),
        ("Windows-10-10.0.19041", ("fast", "winonly"), "win_amd64"),
    ],
)
@pytest.mark.parametrize("form", ["pylock", "requirements"])
def test_a_run_of_another_platform_is_locked_for_that_platform_and_says_so(
    compiled: Path, ctx: Contexta, cli: Cli, platform: str, names: tuple[str, ...], takes: str, form: str
) -> None:
    distributions = [{"name": name, "version": "1.0", "origin": {"kind": "index"}} for name in names]
    put_recorded(ctx, *distributions, platform=platform)
    done = cli("lock", "first", "--format", form)
    assert done.returncode == 0, done.stderr
    assert f"recorded on {platform}" in done.stderr
    assert f"# recorded on {platform}" in done.stdout
    if form == "pylock":
        assert takes in done.stdout
        assert "manylinux" not in done.stdout


def test_a_dockerfile_for_a_run_on_windows_is_refused(index: Path, ctx: Contexta, cli: Cli) -> None:
    put_recorded(ctx, {"name": "gamma", "version": "0.3", "origin": {"kind": "index"}}, platform="win32-amd64")
    done = cli("lock", "first", "--format", "dockerfile")
    assert (done.returncode, done.stdout) == (2, "")
    assert "win32-amd64" in done.stderr


@pytest.mark.parametrize("platform", ["win32-amd64", "darwin-arm64", "linux-s390x-glibc2.36"])
def test_a_rebuild_of_another_platform_is_never_a_match(
    index: Path, ctx: Contexta, tmp_path: Path, platform: str
) -> None:
    version = sys.version.split()[0]
    gamma = {"name": "gamma", "version": "0.3", "origin": {"kind": "index"}}
    put_recorded(ctx, gamma, platform=platform, python_version=version)
    rebuilt = ctx.rebuild_environment("first", tmp_path / "again")
    assert rebuilt.verdict == "deviates", rebuilt
    (deviation,) = [deviation for deviation in rebuilt.deviations if deviation.kind == "platform"]
    assert (deviation.recorded, deviation.rebuilt) == (platform, platform_name())


# ---------------------------------------------------------------------------------------------- advice


@pytest.mark.parametrize(
    ("output", "detail"),
    [
        ("fatal: unable to access 'https://h/x.git/': Could not resolve host: h", "its host did not answer"),
        ("ssh: connect to host h port 22: Connection refused", "its host did not answer"),
        ("ssh: Could not resolve hostname h: Name or service not known", "its host did not answer"),
        ("fatal: unable to access 'https://h/x.git/': Failed to connect to h port 443 after 0 ms", "its host did not"),
        ("fatal: could not read Username for 'https://h': terminal prompts disabled", "asks for credentials"),
        ("git@h: Permission denied (publickey).", "asks for credentials"),
        ("fatal: remote error: upload-pack: not our ref " + "1" * 40, "does not give the recorded commit"),
        ("fatal: repository 'https://h/x.git/' not found", "does not give the recorded commit"),
    ],
)
def test_a_host_that_does_not_answer_is_no_missing_commit(output: str, detail: str) -> None:
    error = error_of(["pip"], f"error: Failed to download\n  cause: Git operation failed\n  cause: {output}")
    missing = as_missing({"x": "git+https://h/x.git@" + "1" * 40}, error, "x")
    assert (missing.name, missing.reason) == ("x", "repository")
    assert detail in missing.detail
    assert ("push it there again" in (missing.help or "")) == ("does not give" in detail)


def test_a_recorded_version_is_quoted_in_the_command_that_would_install_it(
    index: Path, ctx: Contexta, tmp_path: Path
) -> None:
    put_recorded(ctx, {"name": "gamma", "version": "0.3"}, python_version="3.99; touch pwned")
    rebuilt = ctx.rebuild_environment("first", tmp_path / "again")
    (missing,) = [package for package in rebuilt.missing if package.reason == "python"]
    assert "uv python install '3.99; touch pwned'" in (missing.help or "")
