"""Separate the packages of an environment that can be changed from the user's own source.

A package from a directory is code in its current state. It is built from that directory for every mix. A package from a
commit or a file is pinned by its address. The same address on both sides is no change.
"""

from __future__ import annotations

from pathlib import Path

from contexta.bisect.execution.isolation.source_files import source_of
from contexta.contract import EnvironmentSnapshot
from contexta.core.errors import InvalidInput
from contexta.reproduce.environments.builder import Fixed
from contexta.reproduce.plan.plan import plan_of
from contexta.reproduce.uv.urls import directory_line, is_address


def pins_and_fixed(snapshot: EnvironmentSnapshot) -> tuple[dict[str, str], dict[str, Fixed]]:
    """(name -> version or address; packages that are built from directories, by name). Raises InvalidInput for a
    directory that is not there any more."""
    plan = plan_of(snapshot, {})
    fixed = {package.name: own_at(package.name, Path(package.path)) for package in plan.local}
    pins = {name: version for name, version in snapshot.packages.items() if name not in fixed}
    pins.update((name, pin) for name, pin in plan.pins.items() if is_address(pin))
    return dict(sorted(pins.items())), fixed


def own_at(name: str, path: Path) -> Fixed:
    """A package that is built from a path as it is now. Raises InvalidInput where nothing exists."""
    if not path.exists():
        raise InvalidInput(f"{name} was installed from {path}, which is not there any more", hint="put it back there")
    state = source_of(path, in_place=False).digest if path.is_dir() else str(path.stat().st_mtime_ns)
    return Fixed(name, directory_line(name, str(path)), state)


__all__ = ["own_at", "pins_and_fixed"]
