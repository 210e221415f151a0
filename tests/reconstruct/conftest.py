"""A package index on this machine whose releases have dates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.dated_index import dated_index
from support.tiny_index import make_wheel

DATES = {
    "alpha-1.0": "2025-01-01",
    "alpha-2.0": "2025-03-01",
    "beta-1.0": "2025-01-01",
    "beta-1.5": "2025-02-10",
    "beta-2.0": "2025-02-20",
    "gamma-0.9": "2024-12-01",
    "gamma-1.0": "2025-02-15",
}


@pytest.fixture
def index(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """alpha requires beta."""
    folder = tmp_path_factory.mktemp("index")
    for release in DATES:
        name, _, version = release.partition("-")
        make_wheel(folder, name, version, requires=["beta>=1"] if name == "alpha" else [])
    settings = folder.parent / f"{folder.name}.toml"
    settings.write_text("")
    monkeypatch.setenv("UV_CONFIG_FILE", str(settings))
    monkeypatch.setenv("UV_CACHE_DIR", str(folder.parent / f"{folder.name}-cache"))
    with dated_index(folder, DATES) as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", url)
        yield url
