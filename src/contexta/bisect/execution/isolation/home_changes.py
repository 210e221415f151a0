"""Find changed files in the real home while a trial runs.

A trial has a private home, but can reach the real one by an absolute path. The recorder inside a trial reports the
files that Python opens (``recorder.wrapping.trial_process``). This scan from outside also finds files of shells and
compiled code. It is shallow and cannot name the program.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from contexta.recorder.notes import storable

_MAX_ENTRIES = 3_000  # files and directories; about 3 us each
_DEPTH, _DEPTH_OF_CACHES = 2, 3
_CACHES = frozenset({".cache", ".config", ".local"})
_CLOCK_LAG = 20_000_000  # ns by which the clock of a file system may be behind


def changed_in_home(home: Path, since: int, excluded: Collection[Path]) -> tuple[str, ...]:
    """Files and directories of a home that changed since a moment, in its top two levels, or three in caches.

    since: nanoseconds since 1970. excluded: directories that are passed over. Stops after 3 000 entries.
    """
    excluded_paths = {os.path.realpath(path) for path in excluded}
    changed = list[str]()
    for number, (path, facts) in enumerate(_entries(home, excluded_paths)):
        if number >= _MAX_ENTRIES:
            break
        if max(facts.st_ctime_ns, facts.st_mtime_ns) >= since - _CLOCK_LAG:
            changed.append(storable(path))
    return tuple(sorted(changed))


def _entries(home: Path, excluded: Collection[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Breadth first: most programs write near the top."""
    queue = [(str(home), 1, _DEPTH)]
    for directory, depth, max_depth in queue:
        try:
            entries = list(os.scandir(directory))
        except OSError:
            continue  # it does not exist any more, or is not readable
        for entry in entries:
            try:
                facts = entry.stat(follow_symlinks=False)
                is_directory = entry.is_dir(follow_symlinks=False)
            except OSError:
                continue  # it was removed meanwhile
            if entry.path in excluded:
                continue
            yield entry.path, facts
            if is_directory and depth < max_depth:
                queue.append((entry.path, depth + 1, _DEPTH_OF_CACHES if entry.name in _CACHES else max_depth))
