"""Show and prune the cache of built environments. Each function is a static method of ``Contexta``."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from contexta.core.errors import InvalidInput, shown
from contexta.core.validation import from_microseconds, seconds_in

if TYPE_CHECKING:
    from contexta.findings import CacheContents, CacheEntry
    from contexta.reproduce.environments.cache import CacheRecord


def cached_environments() -> CacheContents:
    """The environments that rebuilds and trials left in the user's cache, and the limit of the cache."""
    return _contents()


def prune_cache(
    *, older_than: str | timedelta | None = None, max_gigabytes: float | None = None, everything: bool = False
) -> CacheContents:
    """Delete environments from the cache, the least recently used first. An environment in use stays.

    older_than: those that were not used for this long, as in ``30d``. max_gigabytes: until the others are smaller.
    everything: all of them. Without any of these: until they are below the limit of the cache.
    """
    from contexta.reproduce.environments.cache import find_cache

    seconds = older_than.total_seconds() if isinstance(older_than, timedelta) else None
    if isinstance(older_than, str):
        seconds = seconds_in(older_than, needs_unit=True)
    if max_gigabytes is not None and not 0 <= max_gigabytes < 1e9:
        raise InvalidInput(f"max_gigabytes {shown(max_gigabytes)} is no size", hint="give gigabytes, e.g. 20")
    cache = find_cache()
    records = cache.entries()
    total = sum(record.size for record in records)
    limit: float = total
    if max_gigabytes is not None:
        limit = max_gigabytes * 1e9
    elif seconds is None:
        limit = cache.limit_for(total)[0]
    removed, kept = [], []
    for record in records:
        is_old = seconds is not None and time.time() - record.used_at > seconds
        if everything or is_old or total > limit:
            if cache.remove(record):
                removed.append(record)
                total -= record.size
            else:
                kept.append(record)
    return _contents(removed, kept)


def _contents(removed: list[CacheRecord] | None = None, kept: list[CacheRecord] | None = None) -> CacheContents:
    from contexta.findings import CacheContents
    from contexta.reproduce.environments.cache import existing, find_cache

    cache = find_cache()
    records = cache.entries()
    size = sum(record.size for record in records)
    limit, reason = cache.limit_for(size)
    return CacheContents(
        path=cache.folder,
        size_bytes=size,
        limit_bytes=limit,
        limit_reason=reason,
        free_bytes=shutil.disk_usage(existing(cache.folder)).free,
        environments=tuple(map(_entry, reversed(records))),
        removed=tuple(map(_entry, removed or ())),
        kept=tuple(map(_entry, kept or ())),
    )


def _entry(record: CacheRecord) -> CacheEntry:
    from contexta.contract.fields import frozen
    from contexta.findings import CacheEntry
    from contexta.reproduce.environments.cache_users import is_in_use

    return CacheEntry(
        key=record.folder.name,
        size_bytes=record.size,
        last_used_at=from_microseconds(int(record.used_at * 1e6)),
        python_version=record.python,
        packages=frozen(record.packages),
        in_use=is_in_use(record.folder),
    )
