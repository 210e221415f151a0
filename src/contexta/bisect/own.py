"""A recorded environment, told apart: what can be changed release by release, and what is the user's own source.

A package installed from a directory is code, and code is held as it is now: it is built from that directory for every
mix alike. The same holds for what comes from one commit or one file in both environments.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from contexta.bisect.place import source_of
from contexta.contract import EnvironmentSnapshot
from contexta.errors import InvalidInput
from contexta.reproduce.addresses import directory_line
from contexta.reproduce.build import Fixed
from contexta.reproduce.plan import plan_of


def pins_and_fixed(snapshot: EnvironmentSnapshot) -> tuple[dict[str, str], dict[str, Fixed]]:
    """(releases of an index, by name; what comes from addresses, by name). Raises InvalidInput for a directory that is
    not there any more."""
    plan = plan_of(snapshot, {})
    fixed = {name: Fixed(name, line) for name, line in plan.linked.items()}
    for each in plan.local:
        path = Path(each.path)
        if not path.exists():
            raise InvalidInput(
                f"{each.name} was installed from {path}, which is not there any more", hint="put it back there"
            )
        state = source_of(path, in_place=False).digest if path.is_dir() else str(path.stat().st_mtime_ns)
        fixed[each.name] = Fixed(each.name, directory_line(each.name, str(path)), state)
    pins = {name: version for name, version in snapshot.packages.items() if name not in fixed}
    return dict(sorted(pins.items())), fixed


def the_same_in_both(old: Mapping[str, Fixed], new: Mapping[str, Fixed]) -> tuple[Fixed, ...]:
    """What both hold from one address each. Raises InvalidInput where the addresses differ: such a change cannot be
    applied yet."""
    for name in old.keys() & new.keys():
        if old[name].line != new[name].line:
            raise InvalidInput(
                f"{old[name].line} became {new[name].line}: changes of an address cannot be bisected",
                hint="give files of pins instead of runs, with a release of it",
            )
    return tuple(each for _, each in sorted({**old, **new}.items()))


__all__ = ["pins_and_fixed", "the_same_in_both"]
