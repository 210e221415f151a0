"""Read both sides, and complete each with the other. A fact that one side does not specify is no difference."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from contexta.analysis.commands.rerun_duration import expected_seconds
from contexta.bisect.inputs.builds import changed_builds
from contexta.bisect.inputs.completion.base_packages import SETUPTOOLS, is_left_out, setuptools_of
from contexta.bisect.inputs.completion.completeness import CHECK, completed
from contexta.bisect.inputs.completion.unpinned import resolved
from contexta.bisect.inputs.pins import Pins, shared_packages
from contexta.bisect.inputs.sides.side import Side
from contexta.bisect.option_names import option
from contexta.bisect.space.changes import BOTH, End
from contexta.core.errors import InvalidInput
from contexta.reproduce.environments.builder import Fixed
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.requirement_options import InstallOptions, install_options

_SEEDED = ("pip", "setuptools", "wheel")  # that `python -m venv` installs and `pip freeze` leaves out


@dataclass(frozen=True)
class BothSides:
    """OLD and NEW, complete."""

    old: End
    new: End
    pythons: Mapping[str, Interpreter]
    notes: tuple[str, ...]
    """Notes for the user about how the sides were read."""
    seconds: float | None
    """The longer duration of the recorded runs; None if it is unknown."""
    fixed: tuple[Fixed, ...]
    """Packages that are the same in every mix."""
    options: Mapping[str, InstallOptions] = field(default_factory=dict)
    """How uv installs what each side pins."""
    lost: tuple[str, ...] = ()
    """Packages whose build differs and cannot be installed again."""
    resolved_at: Mapping[str, str] = field(default_factory=dict)
    """Side -> the date as of which its requirements were resolved."""


@dataclass(frozen=True)
class Install:
    """The user's options for the installation of both sides."""

    skip: frozenset[str] = frozenset()
    """Normalised names of packages that are left out."""
    build_constraints: str = ""
    """See ``InstallOptions``."""
    pinning: str = CHECK
    """How to treat requirements that a file does not pin, see ``completed``."""
    dates: Mapping[str, str | None] = field(default_factory=dict)
    """Side -> the date as of which requirements without an exact version are resolved."""


_DEFAULTS = Install()


def both_sides(
    sides: Mapping[str, Side],
    pythons_by_user: Mapping[str, str | None],
    variables_by_user: Mapping[str, Mapping[str, str]],
    uv: Uv,
    install: Install = _DEFAULTS,
) -> BothSides:
    """Read "old" and "new". Raises InvalidInput for what cannot be read, or for a Python that is not installed."""
    pythons = {end: _interpreter(end, sides, pythons_by_user, uv) for end in BOTH}
    if os.path.realpath(pythons["old"].path) == os.path.realpath(pythons["new"].path):
        pythons["new"] = pythons["old"]  # by another name
    pins = {end: sides[end].pins(pythons[end].markers) for end in BOTH}
    _require_known(install.skip, pins)
    pins = {end: _without(pins[end], install.skip) for end in BOTH}
    files = {end: str(file) for end in BOTH if (file := sides[end].file) is not None}
    options = _options(pins, install)
    uvs = {end: replace(uv, options=options[end]) for end in BOTH}
    resolution = resolved(files, pins, pythons, uvs, install.dates)
    pins = {end: _without(resolution.pins[end], install.skip, is_noted=False) for end in BOTH}
    pins, setuptools_notes = _with_setuptools(sides, pins, pythons, uvs)
    complete = completed(files, pins, pythons, uvs, install.pinning, install.skip)
    builds = changed_builds(complete.pins, pythons, uvs)
    pins = {end: _with_files(complete.pins[end], builds.pins.get(end, {})) for end in BOTH}
    fixed = shared_packages(pins["old"], pins["new"])
    shared = {package.name for package in fixed}
    ends = {end: _end(end, sides, pins, shared, pythons[end], variables_by_user[end]) for end in BOTH}
    by_address = ", ".join(sorted(shared & pins["old"].packages.keys()))
    address_notes = [f"{by_address} as from its address now, the same in every mix: no change"] if by_address else []
    pin_notes = (note for end in BOTH for note in pins[end].notes)
    notes = dict.fromkeys(
        (*resolution.notes, *pin_notes, *setuptools_notes, *complete.notes, *address_notes, *builds.notes)
    )
    return BothSides(
        **ends,
        pythons=pythons,
        notes=tuple(notes),
        seconds=expected_seconds(side.seconds for side in sides.values()),
        fixed=fixed,
        options=_options(pins, install),
        lost=tuple(builds.lost),
        resolved_at=resolution.dates,
    )


def _end(
    end: str,
    sides: Mapping[str, Side],
    pins: Mapping[str, Pins],
    shared: Collection[str],
    python: Interpreter,
    variables_by_user: Mapping[str, str],
) -> End:
    side, other_end = sides[end], BOTH[end == "old"]
    other = sides[other_end]
    packages = {name: pin for name, pin in pins[end].packages.items() if name not in shared}
    if side.python is None and other.python is not None:  # a file and an environment
        seeded = {name: version for name in _SEEDED if (version := pins[other_end].packages.get(name))}
        packages = {**seeded, **packages}
    recorded = (other.variables or {}) if side.variables is None else side.variables
    variables = {**recorded, **variables_by_user}
    return End(dict(sorted(packages.items())), python.version, python.markers, variables)


def _interpreter(end: str, sides: Mapping[str, Side], pythons_by_user: Mapping[str, str | None], uv: Uv) -> Interpreter:
    other = BOTH[end == "old"]
    return uv.interpreter(pythons_by_user[end] or sides[end].python or sides[other].python or this_python())


def this_python() -> str:
    """The running interpreter; in a virtual environment its base interpreter."""
    return str(Path(getattr(sys, "_base_executable", None) or sys.executable))


def _with_setuptools(
    sides: Mapping[str, Side], pins: Mapping[str, Pins], pythons: Mapping[str, Interpreter], uvs: Mapping[str, Uv]
) -> tuple[dict[str, Pins], tuple[str, ...]]:
    """The sides with the setuptools that requirements files leave out, and a note."""
    silent = {end: pins[end] for end in BOTH if sides[end].file is not None and is_left_out(pins[end], pythons[end])}
    others = [pins[end] for end in BOTH if end not in silent and sides[end].file is None]
    version = next((version for end in BOTH if (version := pins[end].packages.get(SETUPTOOLS))), None)
    if not silent or (others and version is None):
        return dict(pins), ()  # the environment on the other side has none
    note = ""
    if version is None:
        version, note = setuptools_of(silent, pythons, uvs)
    if version is not None:
        silent = {end: replace(side, packages={**side.packages, SETUPTOOLS: version}) for end, side in silent.items()}
    return {**pins, **silent}, (note,) if note else ()


def _require_known(skip: Collection[str], pins: Mapping[str, Pins]) -> None:
    names = {name for side in pins.values() for name in (*side.packages, *side.fixed)}
    if unknown := sorted({*skip} - names):
        close = get_close_matches(unknown[0], names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"name a package of OLD or NEW in {option('skip')}"
        raise InvalidInput(f"neither OLD nor NEW has {unknown[0]}", hint=hint)


def _without(side: Pins, skip: Collection[str], *, is_noted: bool = True) -> Pins:
    """A side without some packages."""
    left_out = [name for name in skip if name in side.packages or name in side.fixed]
    if not left_out:
        return side
    return replace(
        side,
        packages={name: pin for name, pin in side.packages.items() if name not in skip},
        fixed={name: package for name, package in side.fixed.items() if name not in skip},
        hashes={name: hashes for name, hashes in side.hashes.items() if name not in skip},
        notes=(*side.notes, *([f"skipped on both sides: {', '.join(sorted(left_out))}"] if is_noted else [])),
    )


def _with_files(side: Pins, files: Mapping[str, str]) -> Pins:
    """A side with packages pinned to the files they are installed from."""
    hashes = {name: allowed for name, allowed in side.hashes.items() if name not in files}
    return replace(side, packages=dict(sorted({**side.packages, **files}.items())), hashes=hashes)


def _options(pins: Mapping[str, Pins], install: Install) -> dict[str, InstallOptions]:
    """How each side is installed. A side without options takes those of the other, because `pip freeze` writes none."""
    by_end = {}
    for end, other in (BOTH, BOTH[::-1]):
        options = pins[end].options or pins[other].options
        hashes = {
            f"{name}=={side.packages[name]}": allowed
            for side in (pins[other], pins[end])  # of one release both sides have the same hashes, or one has none
            for name, allowed in side.hashes.items()
        }
        by_end[end] = replace(
            install_options(options, tuple(sorted(hashes.items())), os.environ, Path.cwd()),
            build_constraints=install.build_constraints,
        )
    return by_end
