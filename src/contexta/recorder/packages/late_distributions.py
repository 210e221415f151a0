"""Distributions that a program brings along: in an archive, or where it puts them on ``sys.path`` after its start.

Zipapps, shiv, PEX and programs that vendor their packages do so. Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import os
import sys

from contexta.recorder.notes import note
from contexta.recorder.packages import distributions, installed_files
from contexta.recorder.packages.archives import archive_around, read_inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence, Tuple

_SHOWN = 5


def with_late(body: Dict[str, Any], before: Sequence[str], loaded: Sequence[str]) -> Dict[str, Any]:
    """The body of an environment with the distributions that were imported from entries which ``sys.path`` did not have
    at the start; itself without any. before: ``sys.path`` at the start. loaded: the files of all modules.

    One that an environment has too is the one that was imported. Metadata beside sources (egg-info in a directory) does
    not count: that is the program's own code, not something installed.
    """
    entries = [entry for entry in sys.path if isinstance(entry, str) and entry not in before and _may_hold(entry)]
    found = distributions.installed(entries)[0] if entries else []
    if not found:
        return body
    imported = set(installed_files.owners(loaded, entries)[0].values())
    known = {each["name"]: each for each in body["distributions"]}
    builds = installed_files.builds(entries)[0]
    late = {
        each["name"]: {**each, "build": builds[each["name"]]} if each["name"] in builds else each
        for each in found
        if each["name"] in imported and known.get(each["name"], {}).get("origin", {}).get("kind") != "editable"
    }
    if not late:
        return body
    names = sorted(late)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    told = f"imported from where the program put them on sys.path: {', '.join(names[:_SHOWN])}{more}"
    listed = [late.pop(each["name"], each) for each in body["distributions"]]
    return {
        **body,
        "distributions": [*listed, *late.values()],
        "notes": [*body.get("notes", ()), note(distributions.TOPIC, told)],
    }


def _may_hold(entry: str) -> bool:
    if archive_around(entry) is not None:
        return True
    try:
        return any(name.endswith(".dist-info") for name in os.listdir(entry or os.curdir))
    except OSError:
        return False


def entries_of(program: str) -> Tuple[List[str], bool]:
    """What a program that is an archive, a directory or a script puts on ``sys.path``, and whether nothing installed is
    found beside it. Of a PEX its ``PEX-INFO`` tells, of any other archive its content."""
    from zipfile import is_zipfile

    if not os.path.isdir(program) and not is_zipfile(program):
        folder = os.path.dirname(program)
        is_safe = sys.flags.isolated or getattr(sys.flags, "safe_path", False)
        return ([folder] if not is_safe and _may_hold(folder) else []), False
    try:
        told = json.loads(read_inside(os.path.join(program, "PEX-INFO")) or b"null")
        names = sorted(told["distributions"])
        is_closed = str(told.get("inherit_path", "false")).lower() == "false"
    except (TypeError, KeyError, ValueError, AttributeError):
        return [program], False
    return [program, *(os.path.join(program, ".deps", name) for name in names)], is_closed
