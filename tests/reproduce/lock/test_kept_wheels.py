from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.builders import Cli, put_run
from support.dated_index import dated_index
from support.tiny_index import make_wheel

from contexta import Contexta
from contexta.core.files.digests import file_sha256


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path.with_name(f"{tmp_path.name}-index")
    for name in ("alpha", "beta"):
        make_wheel(folder, name, "1.0")
    settings = folder.with_name(f"{folder.name}.toml")
    settings.write_text("")
    monkeypatch.setenv("UV_CONFIG_FILE", str(settings))
    monkeypatch.setenv("UV_CACHE_DIR", str(folder.with_name(f"{folder.name}-cache")))
    return folder


def test_kept_wheels_are_used_after_the_index_deleted_a_release(
    ctx: Contexta, cli: Cli, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    put_run(ctx, "old", environment={"python_version": version, "packages": {"alpha": "1.0", "beta": "1.0"}})
    with dated_index(index, {"alpha": "2025-01-01", "beta": "2025-01-01"}) as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", url)
        kept = json.loads(cli("keep", "old", "--json").stdout)
        assert kept["kept"] == ["alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"]
        assert kept["new_count"] == 2
        wheel = tmp_path / ".contexta/wheels/alpha-1.0-py3-none-any.whl"
        assert file_sha256(wheel) == file_sha256(index / wheel.name)
        assert "0 new" in cli("keep", "old").stdout
        assert cli("lock", "old", "--wheels", "beside", "-o", "pylock.toml").returncode == 0
        assert (tmp_path / "beside" / wheel.name).is_file()

        (index / wheel.name).unlink()
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another-cache"))
        assert "the index or the kept wheels have every release" in cli("audit", "old", "--online").stdout
        assert ctx.rebuild_environment("old", tmp_path / "rebuilt").missing == ()


def test_a_package_without_a_wheel_is_named(ctx: Contexta, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    put_run(ctx, "old", environment={"python_version": version, "packages": {"alpha": "9.0", "beta": "1.0"}})
    with dated_index(index, {"alpha": "2025-01-01", "beta": "2025-01-01"}) as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", url)
        kept = ctx.keep_wheels("old")
    assert [package.name for package in kept.missing] == ["alpha"]
    assert kept.kept == ("beta-1.0-py3-none-any.whl",)


def test_audit_names_packages_that_only_an_extra_index_has(
    ctx: Contexta, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    put_run(ctx, "old", environment={"python_version": version, "packages": {"alpha": "1.0", "beta": "1.0"}})
    make_wheel(tmp_path / "extra", "alpha", "1.0")
    (index / "alpha-1.0-py3-none-any.whl").unlink()
    with dated_index(index, {"beta": "2025-01-01"}) as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", url)
        monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "extra"))
        audit = ctx.audit_reproducibility("old", online=True)
    (check,) = [check for check in audit.checks if check.name == "index"]
    assert (check.status, check.detail) == ("warn", "only on an extra index: alpha")
    assert "contexta keep" in str(check.fix)
