"""Deliver the journals of this machine to the workspace: once, or until nothing is left.

Each line arrives exactly once. The server stores the position in a journal in the same transaction as its lines. A
delivery that dies, or whose last commit is uncertain, therefore continues at the position of the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import select

from contexta.contract.fields import frozen
from contexta.core.errors import WorkspaceAway
from contexta.core.files.filelock import alone
from contexta.core.settings import ENDED, JOURNALS
from contexta.findings import Delivery
from contexta.recorder.journal.writer import SUFFIX
from contexta.store.backends.engine import Store
from contexta.store.ingest.ingest import bytes_waiting, ingest_journals, positions
from contexta.store.schema import tables

_PAUSE = 2.0  # seconds between two scans of the journals
_LINGER = 20.0  # seconds without new lines after which a delivery ends
_SILENCE = 60.0  # seconds without a sign of life (see heartbeat.BEAT) after which no run is live
_ATTEMPTS = 6  # to reach an unreachable server while no run is live: about two minutes
_LONGEST = 60.0  # seconds between two attempts
_LOCK = "delivery.lock"
_NAMES_AT_ONCE = 1_000


def deliver(store: Store, *, again: bool = False) -> Delivery:
    """Ingest all journals now. again: also delivered journals that the server has lost.
    Raises WorkspaceAway when the server cannot be reached."""
    if again:
        _take_back_missing(store)
    before = _ended(store.root)
    ingest_journals(store)
    waiting = _waiting(store.root)
    finished = _ended(store.root) - before
    return Delivery(
        workspace=store.name.removeprefix("workspace "),
        finished=len(finished),
        waiting=len(waiting),
        bytes_waiting=bytes_waiting(store) if waiting else 0,
        content_digests=frozen(_content_digests(store, [store.origin + name for name in sorted(finished)])),
    )


def _content_digests(store: Store, journals: Sequence[str]) -> dict[str, str]:
    """Run -> digest of its content, for the ended runs of these journals."""
    run, journal = tables.run, tables.journal
    digests: dict[str, str] = {}
    with store.reading() as connection:
        for start in range(0, len(journals), _NAMES_AT_ONCE):
            rows = connection.execute(
                select(run.c.ref, run.c.content_digest)
                .join(journal, journal.c.run_id == run.c.id)
                .where(journal.c.name.in_(journals[start : start + _NAMES_AT_ONCE]), run.c.status != "open")
            )
            digests.update((row.ref, row.content_digest) for row in rows)
    return digests


def _take_back_missing(store: Store) -> None:
    """Deliver ended journals again if the database lacks lines of them: it was restored from a backup."""
    ended = store.journals / ENDED
    names = sorted(_ended(store.root))
    with store.reading() as connection:
        delivered = positions(connection, names, store.origin)
    for name in names:
        size = (ended / name).stat().st_size
        if size > delivered.get(name, (0, False))[0] and not (store.journals / name).exists():
            (ended / name).rename(store.journals / name)


def follow(root: Path, open_: Callable[[], Store], *, pause: float = _PAUSE, linger: float = _LINGER) -> bool:
    """Deliver until nothing is left. Returns False if the server stays unreachable or another process delivers. Raises
    errors that waiting cannot solve, such as a wrong password."""
    with alone(root / _LOCK) as first:
        if not first:
            return False
        return _follow(root, open_, pause, linger)


def _follow(root: Path, open_: Callable[[], Store], pause: float, linger: float) -> bool:
    store: Store | None = None
    faults, quiet = 0, 0.0
    try:
        while quiet < linger:
            try:
                store = store or open_()
                ingest_journals(store)
                faults = 0
            except WorkspaceAway:
                faults += 1
                if faults >= _ATTEMPTS and not _is_recording(root):
                    return False
            quiet = 0.0 if _waiting(root) else quiet + pause
            wait = pause if faults == 0 else min(_LONGEST, pause * 2**faults)
            time.sleep(wait)
        return True
    finally:
        if store is not None:
            store.close()


def _waiting(root: Path) -> list[Path]:
    """The journals that are not complete and ingested."""
    return [path for path in (root / JOURNALS).glob(f"*{SUFFIX}") if path.is_file()]


def _ended(root: Path) -> set[str]:
    return {path.name for path in (root / JOURNALS / ENDED).glob(f"*{SUFFIX}")}


def _is_recording(root: Path) -> bool:
    now = time.time()
    for path in _waiting(root):
        try:
            if now - path.stat().st_mtime < _SILENCE:
                return True
        except FileNotFoundError:
            pass  # delivered and moved by another process
    return False
