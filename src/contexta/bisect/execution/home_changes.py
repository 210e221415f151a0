"""What changed in the user's home directory while a trial ran.

A trial sees the home by links, so what a shell or compiled code writes through one stays for the next trial. What
Python opens is seen from inside (``recorder.trial_process``); this sees the rest, not deep, and not who did it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from contexta.recorder.notes import storable

_MOST_LOOKED_AT = 3_000  # files and directories; about 3 us each
_DEPTH, _DEPTH_OF_CACHES = 2, 3
_CACHES = frozenset({".cache", ".config", ".local"})
_CLOCK = 20_000_000  # ns by which the clock of a file system may be behind


def changed_in_home(home: Path, since: int, besides: Collection[Path]) -> tuple[str, ...]:
    """Files and directories of a home that changed since a moment: the directory itself, what is in it, and two or
    three levels below.

    since: nanoseconds since 1970. besides: directories that are not looked into. Ends after some thousand entries.
    """
    left_out = {os.path.realpath(path) for path in besides}
    found, budget = list[str](), _MOST_LOOKED_AT
    for path, facts in _entries(home, left_out):
        budget -= 1
        if budget < 0:
            break
        if max(facts.st_ctime_ns, facts.st_mtime_ns) >= since - _CLOCK:
            found.append(storable(path))
    return tuple(sorted(found))


def _entries(home: Path, left_out: Collection[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Breadth first: what most programs write lies near the top."""
    level = [(str(home), 1, _DEPTH)]
    for folder, depth, most in level:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue  # gone, or nobody's to read
        for entry in entries:
            try:
                facts = entry.stat(follow_symlinks=False)
                is_directory = entry.is_dir(follow_symlinks=False)
            except OSError:
                continue  # it went away while we looked
            if entry.path in left_out:
                continue
            yield entry.path, facts
            if is_directory and depth < most:
                level.append((entry.path, depth + 1, _DEPTH_OF_CACHES if entry.name in _CACHES else most))
