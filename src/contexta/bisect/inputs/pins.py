"""The pins of one side, and the packages that are equal on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contexta.core.errors import InvalidInput
from contexta.reproduce.environments.builder import Fixed
from contexta.reproduce.uv.requirement_options import FileOptions
from contexta.reproduce.uv.urls import is_address


@dataclass(frozen=True)
class Pins:
    """The packages of one side on one interpreter."""

    packages: Mapping[str, str]
    """Normalised name -> version, or the address that the package comes from."""
    notes: tuple[str, ...] = ()
    """Notes for the user about how the side was read."""
    fixed: Mapping[str, Fixed] = field(default_factory=dict)
    """Packages that are built from directories, by name."""
    options: FileOptions = field(default_factory=FileOptions)
    """Options of a requirements file."""
    hashes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> hashes of the files that the release may consist of, where the side has them."""
    builds: Mapping[str, str] = field(default_factory=dict)
    """Name -> recorded build, as in ``contract.Distribution``."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Name -> version, also of what is pinned by an address."""
    prefix: Path | None = None
    """The environment of the side, or of its recorded run."""
    unpinned: tuple[str, ...] = ()
    """Requirements without an exact version, for this interpreter."""
    constraints: tuple[str, ...] = ()
    """Requirements that only hold for what something else requires."""
    extras: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Name -> extras that the side requests by name."""


def shared_packages(old: Pins, new: Pins) -> tuple[Fixed, ...]:
    """Packages that are the same in every mix: those built from a directory, and those that both sides have from one
    address.

    Raises InvalidInput for a package that is in a directory on one side only.
    """
    shared = {
        name: Fixed(name, f"{name} @ {pin}")
        for name, pin in old.packages.items()
        if is_address(pin) and new.packages.get(name) == pin
    }
    for side, other in ((old, new), (new, old)):
        for name, package in side.fixed.items():
            other_line = other.fixed[name].line if name in other.fixed else other.packages.get(name)
            if other_line is not None and other_line != package.line:
                raise InvalidInput(
                    f"{package.line} is {other_line} on the other side. A package in a directory cannot be bisected",
                    hint=f"have {name} on both sides by a release, a commit or a file, or on both from that directory",
                )
            shared[name] = package
    return tuple(package for _, package in sorted(shared.items()))
