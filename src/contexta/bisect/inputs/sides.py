"""What OLD and NEW are given as: a file of pins, a lock, a virtual environment, or a recorded run.

Each kind tells some of a side and is silent on the rest: a file says nothing of interpreters and variables. What one
side is silent on is taken from the other, so that no difference is made up.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from contexta.bisect.execution.trial import given_again
from contexta.bisect.inputs.base_packages import SETUPTOOLS, is_left_out, setuptools_of
from contexta.bisect.inputs.builds import changed_builds
from contexta.bisect.inputs.completeness import CHECK, completed
from contexta.bisect.inputs.local_packages import pins_and_fixed
from contexta.bisect.inputs.lockfiles import DEFAULT_GROUPS, pins_of_pylock, pins_of_uv_lock
from contexta.bisect.inputs.pins import Pins, no_change, read_pins, read_text
from contexta.bisect.space.changes import BOTH, End
from contexta.contract.environment import Distribution, EnvironmentSnapshot, normal_name
from contexta.core import process
from contexta.core.errors import InvalidInput, shown
from contexta.recorder.redaction.redact import HIDDEN
from contexta.recorder.session.inherited import INJECTED
from contexta.reproduce.environments.builder import Fixed
from contexta.reproduce.plan.interpreters import where_it_was
from contexta.reproduce.uv.commands import Interpreter, Uv, python_in
from contexta.reproduce.uv.requirement_options import InstallOptions, install_options
from contexta.reproduce.uv.urls import is_address

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PROBE_SECONDS = 120.0
_SEEDED = ("pip", "setuptools", "wheel")  # what `python -m venv` puts in and `pip freeze` does not tell
_FEW = 6  # names in one note
_INSIDE = ("uv.lock", "pylock.toml", ".venv", "venv", "requirements.txt")  # of a project, the most exact first
_TO_GIVE = "give a requirements file, pylock.toml, uv.lock, or the directory of a virtual environment"


@dataclass(frozen=True)
class Given:
    """One side, as far as it tells of itself.

    what: it, in words. pins: what it installs on an interpreter with these markers. python: a version or a path.
    variables: of its runs. seconds: that they took. None for any of these: it does not say. is_file: whether it is a
    requirements file.
    """

    what: str
    pins: Callable[[Mapping[str, str]], Pins]
    python: str | None = None
    variables: Mapping[str, str] | None = None
    seconds: float | None = None
    is_file: bool = False


@dataclass(frozen=True)
class Ends:
    """Both sides, complete. notes: what the user should know of how they were read. seconds: see ``Given``.
    fixed: what is no change, as every mix holds it alike. options: how uv installs what each side pins.
    lost: packages whose build differs and cannot be rerun."""

    old: End
    new: End
    pythons: Mapping[str, Interpreter]
    notes: tuple[str, ...]
    seconds: float | None
    fixed: tuple[Fixed, ...]
    options: Mapping[str, InstallOptions] = field(default_factory=dict)
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Install:
    """What the user says of both sides alike. skip: packages that are left out. build_constraints: see
    ``InstallOptions``. pinning: what to do about requirements that a file does not pin, see ``completed``."""

    skip: frozenset[str] = frozenset()
    build_constraints: str = ""
    pinning: str = CHECK


_AS_GIVEN = Install()


def given_path(path: Path) -> Given:
    """A side from a file, told by its content, or from the directory of a virtual environment.

    Raises InvalidInput for what is neither. What is wrong inside of a file is raised when its pins are asked for.
    """
    if path.is_dir():
        return _environment(path)
    text = read_text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if path.suffix in (".toml", ".lock"):
            raise InvalidInput(f"{path} is no TOML: {error}", hint=_TO_GIVE) from error
        return Given(f"the pins of {path}", lambda markers: read_pins(path, markers), is_file=True)
    if "lock-version" in table:
        return Given(f"the lock {path}", lambda markers: pins_of_pylock(table, markers, str(path)))
    if "requires-python" in table and isinstance(table.get("package", []), list):
        groups = _default_groups(path.with_name("pyproject.toml"))
        return Given(f"the lock {path}", lambda markers: _of_uv_lock(table, markers, str(path), groups))
    if table or path.suffix in (".toml", ".lock"):
        raise InvalidInput(f"{path} is no lock that is known", hint=_TO_GIVE)
    return Given(f"the pins of {path}", lambda markers: read_pins(path, markers), is_file=True)  # only comments


def given_run(snapshot: EnvironmentSnapshot, what: str, seconds: float | None = None) -> Given:
    """A side as a run recorded it. Secrets were not recorded, and places are the trial's own: see ``given_again``."""
    found, recorded = _of_distributions(snapshot, what), snapshot.environment_variables
    hidden = [name for name, value in recorded.items() if HIDDEN in value]
    notes = [f"{what} keeps no value of {', '.join(hidden)}: taken from where a rerun runs"] if hidden else []
    pins = replace(found, notes=(*found.notes, *notes))
    return Given(
        what, lambda _: pins, where_it_was(snapshot) or snapshot.python_version, given_again(recorded), seconds
    )


def both_ends(
    given: Mapping[str, Given],
    asked: Mapping[str, str | None],
    variables: Mapping[str, Mapping[str, str]],
    uv: Uv,
    install: Install = _AS_GIVEN,
) -> Ends:
    """The two sides, each completed by the other. asked, variables: what the user says of "old" and "new".

    Raises InvalidInput for what cannot be read, or for a Python that is not there.
    """
    pythons = {end: _interpreter(end, given, asked, uv) for end in BOTH}
    if os.path.realpath(pythons["old"].path) == os.path.realpath(pythons["new"].path):
        pythons["new"] = pythons["old"]  # by another name
    pins = {end: given[end].pins(pythons[end].markers) for end in BOTH}
    _require_known(install.skip, pins)
    pins = {end: _without(pins[end], install.skip) for end in BOTH}
    options = _options(pins, install)
    uvs = {end: replace(uv, options=options[end]) for end in BOTH}
    pins, seeded = _with_setuptools(given, pins, pythons, uvs)
    files = {end: given[end].what.removeprefix("the pins of ") for end in BOTH if given[end].is_file}
    whole = completed(files, pins, pythons, uvs, install.pinning, install.skip)
    pins = dict(whole.pins)
    builds = changed_builds(pins, pythons, uvs)
    pins = {end: _with_files(pins[end], builds.pins.get(end, {})) for end in BOTH}
    options = _options(pins, install)
    fixed = no_change(pins["old"], pins["new"])
    alike = {each.name for each in fixed}
    ends = {}
    for end, other in (BOTH, BOTH[::-1]):
        packages = {name: pin for name, pin in pins[end].packages.items() if name not in alike}
        if given[end].python is None and given[other].python is not None:
            packages = {**{name: v for name in _SEEDED if (v := pins[other].packages.get(name))}, **packages}
        told = given[end].variables
        recorded = (given[other].variables or {}) if told is None else told
        python = pythons[end]
        ends[end] = End(dict(sorted(packages.items())), python.version, python.markers, {**recorded, **variables[end]})
    shared = ", ".join(sorted(alike & pins["old"].packages.keys()))
    own = (f"{shared} as from its address now, in every mix alike: no change",) if shared else ()
    read = (note for end in BOTH for note in pins[end].notes)
    notes = tuple(dict.fromkeys((*read, *seeded, *whole.notes, *own, *builds.notes)))
    took = [side.seconds for side in given.values() if side.seconds is not None]
    return Ends(ends["old"], ends["new"], pythons, notes, max(took, default=None), fixed, options, tuple(builds.lost))


def skipped(names: Collection[str]) -> frozenset[str]:
    """Names of packages, normalised. Raises InvalidInput for what is no name."""
    return frozenset(normal_name(name) for name in names)


def _with_setuptools(
    given: Mapping[str, Given], pins: Mapping[str, Pins], pythons: Mapping[str, Interpreter], uvs: Mapping[str, Uv]
) -> tuple[dict[str, Pins], tuple[str, ...]]:
    """The sides with the setuptools that requirements files leave out, and what is to be said of it."""
    silent = {end: pins[end] for end in BOTH if given[end].is_file and is_left_out(pins[end], pythons[end])}
    telling = next((pins[end] for end in BOTH if end not in silent and not given[end].is_file), None)
    known = next((version for end in BOTH if (version := pins[end].packages.get(SETUPTOOLS))), None)
    if not silent or (telling is not None and known is None):
        return dict(pins), ()  # an environment without it tells that
    version, note = (known, "") if known is not None else setuptools_of(silent, pythons, uvs)
    if version is not None:
        more = {SETUPTOOLS: version}
        silent = {end: replace(side, packages={**side.packages, **more}) for end, side in silent.items()}
    return {**pins, **silent}, (note,) if note else ()


def _require_known(skip: Collection[str], pins: Mapping[str, Pins]) -> None:
    known = {name for side in pins.values() for name in (*side.packages, *side.fixed)}
    if unknown := sorted({*skip} - known):
        close = get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {close[0]}?" if close else "--skip takes the name of a package that OLD or NEW has"
        raise InvalidInput(f"neither OLD nor NEW has {unknown[0]}", hint=hint)


def _without(side: Pins, skip: Collection[str]) -> Pins:
    """A side without some packages."""
    gone = [name for name in skip if name in side.packages or name in side.fixed]
    if not gone:
        return side
    return replace(
        side,
        packages={name: pin for name, pin in side.packages.items() if name not in skip},
        fixed={name: each for name, each in side.fixed.items() if name not in skip},
        hashes={name: each for name, each in side.hashes.items() if name not in skip},
        notes=(*side.notes, f"left out on both sides, as asked for: {', '.join(sorted(gone))}"),
    )


def _with_files(side: Pins, files: Mapping[str, str]) -> Pins:
    """A side with packages pinned to the files they are installed from."""
    hashes = {name: allowed for name, allowed in side.hashes.items() if name not in files}
    return replace(side, packages=dict(sorted({**side.packages, **files}.items())), hashes=hashes)


def _options(pins: Mapping[str, Pins], install: Install) -> dict[str, InstallOptions]:
    """How each side is installed. A side without options takes those of the other: a freeze has none."""
    found = {}
    for end, other in (BOTH, BOTH[::-1]):
        options = pins[end].options or pins[other].options
        hashes = {
            f"{name}=={side.packages[name]}": allowed
            for side in (pins[other], pins[end])  # of one release both say the same, or one of them nothing
            for name, allowed in side.hashes.items()
        }
        found[end] = replace(
            install_options(options, tuple(sorted(hashes.items())), os.environ, Path.cwd()),
            build_constraints=install.build_constraints,
        )
    return found


def this_python() -> str:
    """The interpreter under this one, should this be a virtual environment."""
    return str(Path(getattr(sys, "_base_executable", None) or sys.executable))


def _interpreter(end: str, given: Mapping[str, Given], asked: Mapping[str, str | None], uv: Uv) -> Interpreter:
    other = BOTH[end == "old"]
    return uv.interpreter(asked[end] or given[end].python or given[other].python or this_python())


def _of_uv_lock(table: Mapping[str, Any], markers: Mapping[str, str], where: str, groups: Sequence[str] | None) -> Pins:
    try:
        return pins_of_uv_lock(table, markers, where, groups)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{where} is damaged: {error!r}", hint="`uv lock` writes it again") from error


def _default_groups(project: Path) -> tuple[str, ...] | None:
    """The groups that `uv sync` installs, by the pyproject.toml beside a lock; None for all."""
    if not project.is_file():
        return DEFAULT_GROUPS
    try:
        told = tomllib.loads(read_text(project)).get("tool", {}).get("uv", {}).get("default-groups", DEFAULT_GROUPS)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{project} is no TOML: {error}") from error
    return None if told == "all" else tuple(map(str, told))


def _environment(at: Path) -> Given:
    """A virtual environment, as its own interpreter sees it; on the Python it was made of."""
    python = python_in(at)
    if not python.is_file():
        inside = next((at / name for name in _INSIDE if (at / name).exists()), None)
        hint = _TO_GIVE if inside is None else f"give {inside}"
        raise InvalidInput(f"{shown(str(at))} is a directory without {python.relative_to(at)}", hint=hint)
    snapshot = _probed(at, python)
    what = f"the environment {at}"
    pins = _of_distributions(snapshot, what)
    return Given(what, lambda _: pins, where_it_was(snapshot) or snapshot.python_version)


def _probed(at: Path, python: Path) -> EnvironmentSnapshot:
    with tempfile.TemporaryDirectory(prefix="contexta-probe-") as objects:
        argv = [str(python), "-I", str(Path(INJECTED, "probe.py")), objects, "installed"]
        done = process.run(argv, timeout=_PROBE_SECONDS)
    if done.exit_code != 0:
        said = done.stderr.decode(errors="replace").strip()[-300:]
        raise InvalidInput(f"the Python of {at} does not tell what it has: {said}", hint="Contexta asks Python 3.8 on")
    refs = {"environment_snapshot_ref": "environment:given.side.snapshot", "run_ref": "run:given.side"}
    body = {**json.loads(done.stdout)["body"], **refs, "captured_at": "1970-01-01T00:00:00Z"}
    return EnvironmentSnapshot.model_validate(body)


def _of_distributions(snapshot: EnvironmentSnapshot, where: str) -> Pins:
    """Its releases, and what is the user's own; what could not be told where it came from, as notes."""
    packages, fixed = pins_and_fixed(snapshot)
    left_out, elsewhere = [], dict[str, list[str]]()
    for found in snapshot.distributions:
        if found.name in fixed or is_address(packages.get(found.name, "")):
            continue
        if found.origin.kind in ("editable", "directory"):
            del packages[found.name]
            left_out.append(found)
        elif found.origin.kind in ("vcs", "archive", "conda"):
            elsewhere.setdefault(found.origin.kind, []).append(f"{found.name} {found.version}")
    own = [f"{where}: {', '.join(fixed)} as from its address now, in every mix alike: no change"] if fixed else []
    prefix = snapshot.interpreter.get("prefix")
    return Pins(
        packages,
        (*own, *_left_out(left_out, where), *_elsewhere(elsewhere, where)),
        fixed,
        builds={each.name: each.build for each in snapshot.distributions if each.build is not None},
        versions={each.name: each.version for each in snapshot.distributions},
        prefix=Path(prefix) if isinstance(prefix, str) else None,
    )


def _left_out(found: Sequence[Distribution], where: str) -> Iterator[str]:
    for each in found:
        stands = each.origin.url or "a directory"
        yield f"{where}: {each.name} stands in {stands}: it is source, and not installed in any mix"


def _elsewhere(found: Mapping[str, Sequence[str]], where: str) -> Iterator[str]:
    words = {"vcs": "from a repository", "archive": "from a file", "conda": "by conda"}
    for kind, names in found.items():
        more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
        yield f"{where}: installed {words[kind]}, in mixes from the index: {', '.join(names[:_FEW])}{more}"
