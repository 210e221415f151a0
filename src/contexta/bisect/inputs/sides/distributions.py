"""Pins of the distributions in an environment, for virtual environments and recorded runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from contexta.bisect.inputs.local_packages import pins_and_fixed
from contexta.bisect.inputs.pins import Pins
from contexta.contract.environment import Distribution, EnvironmentSnapshot
from contexta.reproduce.uv.urls import is_address

_FEW = 6  # names in one note


def pins_of_snapshot(snapshot: EnvironmentSnapshot, label: str) -> Pins:
    """Releases, packages that are built from directories, and notes on origins that cannot be installed again."""
    packages, fixed = pins_and_fixed(snapshot)
    left_out, from_index = [], dict[str, list[str]]()
    for distribution in snapshot.distributions:
        name, kind = distribution.name, distribution.origin.kind
        if name in fixed or is_address(packages.get(name, "")):
            continue
        if kind in ("editable", "directory"):
            del packages[name]
            left_out.append(distribution)
        elif kind in ("vcs", "archive", "conda"):
            from_index.setdefault(kind, []).append(f"{name} {distribution.version}")
    local = [f"{label}: {', '.join(fixed)} as from its address now, the same in every mix: no change"] if fixed else []
    prefix = snapshot.interpreter.get("prefix")
    return Pins(
        packages,
        (*local, *_left_out(left_out, label), *_from_index(from_index, label)),
        fixed,
        builds={package.name: package.build for package in snapshot.distributions if package.build is not None},
        versions={package.name: package.version for package in snapshot.distributions},
        prefix=Path(prefix) if isinstance(prefix, str) else None,
    )


def _left_out(distributions: Sequence[Distribution], label: str) -> Iterator[str]:
    for distribution in distributions:
        directory = distribution.origin.url or "a directory"
        yield f"{label}: {distribution.name} is in {directory}: it is source, and not installed in any mix"


def _from_index(packages: Mapping[str, Sequence[str]], label: str) -> Iterator[str]:
    words = {"vcs": "from a repository", "archive": "from a file", "conda": "by conda"}
    for kind, names in packages.items():
        more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
        yield f"{label}: installed {words[kind]}, in mixes from the index: {', '.join(names[:_FEW])}{more}"
