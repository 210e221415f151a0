"""Read the latest output of a command that `contexta run` records on this machine, while it runs."""

from __future__ import annotations

from sqlalchemy import Connection, select

from contexta.recorder.journal.writer import OUTPUT_SUFFIX, SUFFIX
from contexta.store.backends.engine import Store
from contexta.store.schema import tables

_STREAMS = ("output", "stdout", "stderr")
_MOST = 1024 * 1024  # bytes read of one file


def recent_output(connection: Connection, store: Store, run_id: int) -> list[tuple[str, str]]:
    """(stream, its last lines) of a run whose recorder runs on this machine, or was killed. Nothing for other runs.

    Another machine may have a run with the same reference, so the journals of the run say which file belongs to it.
    """
    outputs = []
    names = connection.execute(select(tables.journal.c.name).where(tables.journal.c.run_id == run_id)).scalars().all()
    own = [name[len(store.origin) :].removesuffix(SUFFIX) for name in names if name.startswith(store.origin)]
    for run in (name for name in own if name.count(".") == 1):  # the first journal; the others end with a process
        for stream in _STREAMS:
            path = store.journals / f".{run}.{stream}{OUTPUT_SUFFIX}"
            try:
                with path.open("rb") as file:
                    outputs.append((stream, file.read(_MOST).decode("utf-8", "backslashreplace")))
            except OSError:
                continue  # the stream has no output so far, or was stored meanwhile
    return outputs


__all__ = ["recent_output"]
