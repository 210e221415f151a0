"""The cache of built environments: its list, deletion, and protection of environments in use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from support.builders import Cli

from contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.reproduce.environments.cache import find_cache

NAMES = ("oldest", "older", "newest")
MEGABYTE = 1_000_000


@pytest.fixture(autouse=True)
def filled() -> None:
    """Three environments of 1 MB, used 3, 2 and 1 days ago."""
    cache = find_cache()
    for number, name in enumerate(NAMES):
        at = cache.new_path(name)
        info = at / "lib" / "python3.11" / "site-packages" / f"numpy_x-1.{number}.dist-info"
        info.mkdir(parents=True)
        (at / "pyvenv.cfg").write_text("home = /usr\nversion_info = 3.11.7\n")
        (info / "METADATA").write_bytes(b"x" * (MEGABYTE - 34))
        cache.keep(name, at, [])
        moment = time.time() - (3 - number) * 86_400
        os.utime(cache.folder / name / "current.json", (moment, moment))


def cached() -> list[str]:
    return [entry.key for entry in Contexta.cached_environments().environments]


@contextmanager
def used_by_another_process(name: str) -> Iterator[None]:
    code = (
        "import sys; from contexta.reproduce.environments.cache import find_cache; "
        f"find_cache().hold({name!r}); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.communicate()


def test_the_cache_shows_its_environments_the_latest_use_first() -> None:
    result = Contexta.cached_environments()
    assert [entry.key for entry in result.environments] == ["newest", "older", "oldest"]
    assert (result.size_bytes, result.environments[0].python_version) == (3 * MEGABYTE, "3.11.7")
    assert dict(result.environments[0].packages) == {"numpy-x": "1.2"}


def test_prune_deletes_by_age_and_by_size_and_clear_deletes_all() -> None:
    assert [entry.key for entry in Contexta.prune_cache(older_than="60h").removed] == ["oldest"]
    assert [entry.key for entry in Contexta.prune_cache(max_gigabytes=0.001).removed] == ["older"]
    assert cached() == ["newest"]
    assert Contexta.prune_cache().removed == ()  # below the limit
    assert len(Contexta.prune_cache(everything=True).removed) == 1
    assert [path for path in find_cache().folder.iterdir() if path != find_cache().links] == []
    for wrong in ({"older_than": "x"}, {"max_gigabytes": -1.0}):
        with pytest.raises(InvalidInput):
            Contexta.prune_cache(**wrong)


def test_an_environment_in_use_stays_until_its_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = find_cache()
    with used_by_another_process("oldest"):
        result = Contexta.prune_cache(everything=True)
        assert ([entry.key for entry in result.kept], [entry.in_use for entry in result.environments]) == (
            ["oldest"],
            [True],
        )
        monkeypatch.setenv("CONTEXTA_CACHE_SIZE", "0")
        at = cache.new_path("another")
        at.mkdir()
        (note,) = find_cache().keep("another", at, [])
        assert "more than its limit of 0.0 MB (set by CONTEXTA_CACHE_SIZE): all is in use" in note
        assert "oldest" in cached()
    assert [entry.key for entry in Contexta.prune_cache(everything=True).removed] == ["oldest", "another"]


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "limit", "reason"),
    [
        (7 * MEGABYTE, 5 * MEGABYTE, "half of the disk space that is free or used by it"),
        (10**15, 20 * 10**9, "the default; CONTEXTA_CACHE_SIZE changes it"),
    ],
)
def test_the_default_limit_depends_on_the_free_space(
    monkeypatch: pytest.MonkeyPatch, free: int, limit: int, reason: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(free, 0, free))
    result = Contexta.cached_environments()
    assert (result.limit_bytes, result.limit_reason) == (limit, reason)


def test_the_command_shows_and_prunes_the_cache(cli: Cli) -> None:
    shown = cli("cache").stdout
    assert "3 environments, 3.0 MB" in shown
    assert "numpy-x 1.2" in shown
    assert "Deleted 1 environment: 1.0 MB." in cli("cache", "prune", "--older-than", "60h").stdout
    assert len(json.loads(cli("cache", "clear", "--json").stdout)["removed"]) == 2
    refused = cli("cache", "--older-than", "1d")
    assert (refused.returncode, "belong to prune" in refused.stderr) == (2, True)
