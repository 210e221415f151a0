"""What lies in directories of objects, and what of it the rows of a workspace need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

SALT = ".salt"  # what secrets are hashed with: the hashes of later runs stay comparable with those of earlier ones

NEEDED = (
    "SELECT digest, run.ref FROM environment_body JOIN environment ON environment.environment_body_id ="
    " environment_body.id JOIN run ON run.id = environment.run_id"
    " UNION SELECT digest, run.ref FROM environment_end JOIN environment ON end_id = environment_end.id"
    " JOIN run ON run.id = run_id"
    " UNION SELECT substr(location_ref, 8), run.ref FROM artifact JOIN run ON run.id = run_id"
    " WHERE substr(location_ref, 1, 7) = 'object:' ORDER BY 1, 2"
)
"""(digest, run) of every object that a row needs, in either database's words."""


def stored_digests(folder: Path) -> Iterator[str]:
    """The digests that the files of an object directory are named by, in order."""
    if not folder.is_dir():
        return
    for first in sorted(path for path in folder.iterdir() if len(path.name) == 2 and path.is_dir()):
        for rest in sorted(path.name for path in first.iterdir()):
            if len(rest) == 62 and not set(first.name + rest) - set("0123456789abcdef"):
                yield first.name + rest
