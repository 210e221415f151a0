"""Distributions that a program contains: in its archive, or in directories that it adds to ``sys.path`` itself.

Zipapps, shiv, PEX and programs with vendored packages contain some. Standard library only, Python 3.8.
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
    """The body of an environment, with the distributions that were imported from entries added to ``sys.path``.

    before: ``sys.path`` at the start. loaded: the files of all modules. An installed distribution of the same name is
    replaced by the imported one. egg-info next to sources does not count: it belongs to the program's own code.
    """
    entries = [entry for entry in sys.path if isinstance(entry, str) and entry not in before and _may_hold(entry)]
    added = distributions.installed(entries)[0] if entries else []
    if not added:
        return body
    imported = set(installed_files.owners(loaded, entries)[0].values())
    installed = {distribution["name"]: distribution for distribution in body["distributions"]}
    builds = installed_files.builds(entries)[0]
    late = {
        new["name"]: {**new, "build": builds[new["name"]]} if new["name"] in builds else new
        for new in added
        if new["name"] in imported and installed.get(new["name"], {}).get("origin", {}).get("kind") != "editable"
    }
    if not late:
        return body
    names = sorted(late)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    text = f"imported from directories that the program added to sys.path: {', '.join(names[:_SHOWN])}{more}"
    listed = [late.pop(old["name"], old) for old in body["distributions"]]
    return {
        **body,
        "distributions": [*listed, *late.values()],
        "notes": [*body.get("notes", ()), note(distributions.TOPIC, text)],
    }


def _may_hold(entry: str) -> bool:
    if archive_around(entry) is not None:
        return True
    try:
        return any(name.endswith(".dist-info") for name in os.listdir(entry or os.curdir))
    except OSError:
        return False


def entries_of(program: str) -> Tuple[List[str], bool]:
    """(the entries that an archive, a directory or a script adds to ``sys.path``, whether they replace all others).

    A PEX lists them in its ``PEX-INFO``.
    """
    from zipfile import is_zipfile

    if not os.path.isdir(program) and not is_zipfile(program):
        folder = os.path.dirname(program)
        is_safe = sys.flags.isolated or getattr(sys.flags, "safe_path", False)
        return ([folder] if not is_safe and _may_hold(folder) else []), False
    try:
        info = json.loads(read_inside(os.path.join(program, "PEX-INFO")) or b"null")
        names = sorted(info["distributions"])
        is_closed = str(info.get("inherit_path", "false")).lower() == "false"
    except (TypeError, KeyError, ValueError, AttributeError):
        return [program], False
    return [program, *(os.path.join(program, ".deps", name) for name in names)], is_closed
