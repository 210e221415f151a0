"""Detect the kind of the file system of a path."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = "/proc/self/mounts"
_NETWORK = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "orangefs"),
        *("panfs", "smb3", "smbfs", "wekafs"),
        *("fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    )
)


def kind_of(path: Path, mounts: str = _MOUNTS) -> str | None:
    """E.g. ``ext4`` or ``nfs4``; None if unknown. mounts: the file in which Linux lists its mounts."""
    try:
        lines = Path(mounts).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        place = os.path.realpath(path)
    except OSError:
        return None
    best, kind = "", None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), fields[1])
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # of two mounts at one place the later one counts
            best, kind = point, fields[2]
    return kind


def is_network(kind: str | None) -> bool:
    """Whether machines share it: SQLite's write-ahead log needs memory that machines cannot share."""
    return kind in _NETWORK


def nearest(path: Path) -> Path:
    """The path itself, or its nearest parent that exists."""
    return next(candidate for candidate in (path, *path.parents) if candidate.exists())
