"""Load the environments of many runs without their bodies; equal ones once."""

from __future__ import annotations

from collections.abc import Sequence
from sys import intern
from threading import Lock
from typing import TYPE_CHECKING

from contexta.core.references import StableRef
from contexta.findings.past_runs import PastEnvironment
from contexta.store.schema.statements import fetch, marks

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MOST_CACHED = 256
_AT_ONCE = 500
_cache: dict[str, PastEnvironment] = {}  # by the digest of the body, so it holds for every workspace
_cache_lock = Lock()

_OF_RUNS = """
SELECT run.ref, body.id, body.digest FROM run JOIN environment_body AS body ON body.id = run.environment_body_id
WHERE run.ref IN ({})
"""
_BODIES = "SELECT id, python_version, platform FROM environment_body WHERE id IN ({})"
_PACKAGES = "SELECT environment_body_id, name, version FROM environment_distribution WHERE environment_body_id IN ({})"


def environments_of(connection: Connection, refs: Sequence[StableRef]) -> dict[StableRef, PastEnvironment]:
    """Run reference -> its environment. Runs without a recorded environment are missing."""
    rows = []
    for start in range(0, len(refs), _AT_ONCE):
        some = list(map(str, refs[start : start + _AT_ONCE]))
        rows += fetch(connection, _OF_RUNS.format(marks(some)), some)
    with _cache_lock:
        environments = {digest: _cache[digest] for _, _, digest in rows if digest in _cache}
    missing = {key: digest for _, key, digest in rows if digest not in environments}
    keys = sorted(missing)
    for start in range(0, len(keys), _AT_ONCE):
        environments.update(_loaded(connection, {key: missing[key] for key in keys[start : start + _AT_ONCE]}))
    with _cache_lock:
        _cache.update((digest, environments[digest]) for digest in missing.values())
        for digest in list(_cache)[: max(0, len(_cache) - _MOST_CACHED)]:
            del _cache[digest]
    return {str.__new__(StableRef, ref): environments[digest] for ref, _, digest in rows}


def _loaded(connection: Connection, digests: dict[int, str]) -> dict[str, PastEnvironment]:
    """Digest of a body -> its environment. digests: by the key of the body."""
    keys = list(digests)
    packages: dict[int, dict[str, str]] = {key: {} for key in keys}
    for key, name, version in fetch(connection, _PACKAGES.format(marks(keys)), keys):
        packages[key][intern(name)] = intern(version)
    return {
        digests[key]: PastEnvironment(digests[key], python, platform, packages[key])
        for key, python, platform in fetch(connection, _BODIES.format(marks(keys)), keys)
    }
