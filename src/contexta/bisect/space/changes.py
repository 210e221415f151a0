"""What differs between two environments, and between what ran in them, and which mixes of it can exist.

Every package has at most two states, OLD's and NEW's. A requirement of one that only one state of another satisfies is
therefore a rule "a at NEW needs b at NEW" (a rule about OLD states reads backwards). So no resolver is ever asked: the
mixes that can exist are the sets closed under these rules (``mixes.py``).

A requirement that is broken in the very end it comes from is taken as it is: that end ran, or will say that it does
not. Where a rule really depends on two changes at once (a marker that holds for one interpreter only) it is taken for
the stronger rule: a few mixes are never tried, none is tried that cannot exist.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from contexta.bisect.execution.parameter_changes import Setting
from contexta.bisect.execution.sandbox import Revision
from contexta.bisect.space.lattice import Mixes, atoms_of, closure
from contexta.contract.environment import same_version
from contexta.findings import Change
from contexta.reproduce.uv.urls import is_address, short_address

PYTHON = "python"
VARIABLE = "env:"
SOURCE = "source"
PARAMETER = "param:"
BOTH = ("old", "new")
_LEAST_WEIGHT = 0.2  # of a change that no record speaks for: the ranking may be wrong


@dataclass(frozen=True)
class End:
    """One of the two environments: what is installed, on which interpreter, with which variables.

    packages: normalised name -> its pin, a version or the address it comes from. python: the interpreter's full
    version. markers: its PEP 508 environment. revision: the source that ran in it; None: the current one, in every mix.
    parameters: those that differ, by the same names on both sides.
    """

    packages: Mapping[str, str]
    python: str = ""
    markers: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    revision: Revision | None = None
    parameters: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class Metadata:
    """What one release says of itself: its Requires-Dist lines and Requires-Python ("" when it says nothing).

    version: of what comes from an address; "" where the pin is the version.
    """

    requires: tuple[str, ...] = ()
    requires_python: str = ""
    version: str = ""


Release = tuple[str, str]
"""(normalised name, pin)"""


@dataclass(frozen=True)
class Atom:
    """Changes that only move together: no mix that can exist separates them."""

    changes: tuple[Change, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(change.key for change in self.changes)


@dataclass(frozen=True)
class Space:
    """Everything that can be tried between two ends. Atom ``i`` is bit ``i`` of a mix."""

    old: End
    new: End
    atoms: tuple[Atom, ...]
    mixes: Mixes
    suspicion: Mapping[str, float] = field(default_factory=dict)
    """Change -> how suspect records make it, any scale; for what is not in it, its version jump says."""

    def keys(self, mix: int) -> tuple[str, ...]:
        """The changes at NEW in a mix, by name."""
        return tuple(sorted(key for atom in atoms_of(mix) for key in self.atoms[atom].keys))

    def is_package(self, key: str) -> bool:
        """Whether a change is one of a package."""
        return key in self.old.packages or key in self.new.packages

    def packages(self, mix: int) -> dict[str, str]:
        """What is installed in a mix."""
        pins = dict(self.old.packages)
        for change in self.moved(mix):
            if self.is_package(change.key):
                if change.right_value is None:
                    del pins[change.key]
                else:
                    pins[change.key] = self.new.packages[change.key]
        return dict(sorted(pins.items()))

    def python_end(self, mix: int) -> str:
        """Whose interpreter a mix runs on: "old" or "new"."""
        return "new" if self._has(mix, PYTHON) else "old"

    def revision(self, mix: int) -> Revision | None:
        """The source of a mix; None for the current one."""
        return (self.new if self._has(mix, SOURCE) else self.old).revision

    def parameters(self, mix: int) -> dict[str, Setting]:
        """The parameters of a mix, as far as they differ."""
        at_new = {*self.keys(mix)}
        return {
            name: (self.new if PARAMETER + name in at_new else self.old).parameters[name]
            for name in self.old.parameters
        }

    def variables(self, mix: int) -> dict[str, str | None]:
        """The variables of a mix; None for one that must not be set."""
        found: dict[str, str | None] = dict.fromkeys(self.new.variables)
        found.update(self.old.variables)
        for change in self.moved(mix):
            if change.key.startswith(VARIABLE):
                found[change.key[len(VARIABLE) :]] = change.right_value
        return found

    def changing_variables(self) -> tuple[str, ...]:
        """The variables that are not the same in all mixes."""
        return tuple(key[len(VARIABLE) :] for key in self.keys(self.mixes.full) if key.startswith(VARIABLE))

    def _has(self, mix: int, key: str) -> bool:
        return any(change.key == key for change in self.moved(mix))

    def moved(self, mix: int) -> Iterator[Change]:
        """The changes that are at NEW in a mix."""
        for atom in atoms_of(mix):
            yield from self.atoms[atom].changes

    def weights(self) -> tuple[float, ...]:
        """A mild prior: what records make suspect, and larger version jumps, are likelier; nothing is impossible.

        Suspicion counts by its root: it may hurry the search, and must not mislead it.
        """
        return tuple(sum(self._weight(change) for change in atom.changes) for atom in self.atoms)

    def _weight(self, change: Change) -> float:
        known = self.suspicion.get(change.key)
        return _suspicion(change) if known is None else max(math.sqrt(known), _LEAST_WEIGHT)


def changes_between(old: End, new: End, metadata: Mapping[Release, Metadata] | None = None) -> tuple[Change, ...]:
    """Every difference that can be applied or not, by key: packages, ``python``, ``env:NAME``, and where they were
    recorded ``source`` and ``param:NAME``.

    metadata: tells the versions of what comes from addresses.
    """
    found = [
        _of_pins(name, left, right, metadata or {})
        for name in {*old.packages, *new.packages}
        if (left := old.packages.get(name)) != (right := new.packages.get(name))
        and not (left is not None and right is not None and same_version(left, right))
    ]
    if old.python != new.python:
        found.append(Change(key=PYTHON, left_value=old.python, right_value=new.python))
    found += [
        Change(key=VARIABLE + name, left_value=old.variables.get(name), right_value=new.variables.get(name))
        for name in {*old.variables, *new.variables}
        if old.variables.get(name) != new.variables.get(name)
    ]
    if old.revision is not None and new.revision is not None and old.revision.state != new.revision.state:
        found.append(Change(key=SOURCE, left_value=str(old.revision), right_value=str(new.revision)))
    found += [
        Change(key=PARAMETER + name, left_value=setting.shown, right_value=new.parameters[name].shown)
        for name, setting in old.parameters.items()
    ]
    return tuple(sorted(found, key=lambda change: change.key))


def _of_pins(name: str, left: str | None, right: str | None, metadata: Mapping[Release, Metadata]) -> Change:
    """One changed package in words: of an address its version and its short commit, or its file."""
    told = [_in_words(name, pin, metadata) for pin in (left, right)]
    if told[0] == told[1]:
        digests = [(pin or "").partition("#sha256=")[2][:12] for pin in (left, right)]
        of_bytes = all(digests) and digests[0] != digests[1]  # else the same file at another place
        told = (
            [f"{each} sha256:{digest}" for each, digest in zip(told, digests, strict=True)]
            if of_bytes
            else [left, right]
        )
    return Change(key=name, left_value=told[0], right_value=told[1])


def _in_words(name: str, pin: str | None, metadata: Mapping[Release, Metadata]) -> str | None:
    if pin is None or not is_address(pin):
        return pin
    return f"{_version(name, pin, metadata)} @ {short_address(pin)}".removeprefix("None @ ")


def space_between(
    old: End,
    new: End,
    metadata: Mapping[Release, Metadata],
    has_wheel: Callable[[Release, str], bool],
) -> Space:
    """The changes, those that only move together joined, and the rules between them.

    metadata: of every release of both ends; one that is missing has no requirements. has_wheel(release, end): whether
    a release installs on that end's interpreter; asked only for releases of the other end.
    """
    changes = changes_between(old, new, metadata)
    number = {change.key: position for position, change in enumerate(changes)}
    rules = set(_rules(old, new, metadata, has_wheel, number))
    rules = {(a, b) for a, b in rules if a != b}
    reach = closure(len(changes), rules)
    groups: dict[int, list[int]] = {}
    for one in range(len(changes)):
        together = next(
            (leader for leader in groups if reach[one] >> leader & 1 and reach[leader] >> one & 1),
            one,
        )
        groups.setdefault(together, []).append(one)
    atom_of = {member: position for position, members in enumerate(groups.values()) for member in members}
    atoms = tuple(Atom(tuple(changes[member] for member in members)) for members in groups.values())
    mixes = Mixes.of(len(atoms), {(atom_of[a], atom_of[b]) for a, b in rules if atom_of[a] != atom_of[b]})
    return Space(old, new, atoms, mixes)


def _rules(
    old: End,
    new: End,
    metadata: Mapping[Release, Metadata],
    has_wheel: Callable[[Release, str], bool],
    number: Mapping[str, int],
) -> Iterator[tuple[int, int]]:
    extras = _extras(old, new, metadata)
    for name in sorted({*old.packages, *new.packages}):
        versions = (old.packages.get(name), new.packages.get(name))
        changed = name in number
        for end, version in zip(BOTH, versions, strict=True):
            if version is None or (not changed and end == "new"):
                continue
            state = end if changed else "both"
            release = (name, version)
            about = metadata.get(release, Metadata())
            yield from _python_rules(state, release, about, old, new, has_wheel, number)
            for line in about.requires:
                asked = extras.get(name, frozenset())
                yield from _requirement_rules(state, name, line, asked, old, new, number, metadata)


def _requirement_rules(
    state: str,
    name: str,
    line: str,
    extras: frozenset[str],
    old: End,
    new: End,
    number: Mapping[str, int],
    metadata: Mapping[Release, Metadata],
) -> Iterator[tuple[int, int]]:
    """The rules of one Requires-Dist line of one state of one package."""
    requirement = _parsed(line)
    if requirement is None or (other := canonicalize_name(requirement.name)) not in number:
        return
    at_old, at_new = (_satisfies(_version(other, end.packages.get(other), metadata), requirement) for end in (old, new))
    if at_old == at_new:
        return
    holds = [_applies(requirement, end.markers, extras) for end in (old, new)]
    if not any(holds):
        return
    when = "both" if all(holds) else "old" if holds[0] else "new"
    me, it, python = number.get(name), number[other], number.get(PYTHON)
    if at_new:  # only the other's NEW state will do
        if state == "new" and me is not None:
            yield me, it
        elif when == "new" and python is not None:
            yield python, it
    elif state == "old" and me is not None:  # only its OLD state will do: it may move only after this one has
        yield it, me
    elif when == "old" and python is not None:
        yield (it if me is None else me), python


def _python_rules(
    state: str,
    release: Release,
    about: Metadata,
    old: End,
    new: End,
    has_wheel: Callable[[Release, str], bool],
    number: Mapping[str, int],
) -> Iterator[tuple[int, int]]:
    """The rules between one state of one package and the interpreter."""
    if PYTHON not in number or state == "both":
        return
    foreign, end = ("new", new) if state == "old" else ("old", old)
    if _python_fits(about.requires_python, end.python) and has_wheel(release, foreign):
        return
    me, python = number[release[0]], number[PYTHON]
    yield (python, me) if state == "old" else (me, python)


def _extras(old: End, new: End, metadata: Mapping[Release, Metadata]) -> dict[str, frozenset[str]]:
    """Package -> the extras that some installed package asks of it; what a person asked for is not recorded."""
    found: dict[str, set[str]] = {}
    for end in (old, new):
        for release in end.packages.items():
            for line in metadata.get(release, Metadata()).requires:
                requirement = _parsed(line)
                if requirement is not None and requirement.extras and _applies(requirement, end.markers, frozenset()):
                    found.setdefault(canonicalize_name(requirement.name), set()).update(requirement.extras)
    return {name: frozenset(extras) for name, extras in found.items()}


def _parsed(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:  # old releases carry lines that no standard allows; uv and pip skip them too
        return None


def _applies(requirement: Requirement, markers: Mapping[str, str], extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({**markers, "extra": extra}) for extra in ("", *sorted(extras)))


def _version(name: str, pin: str | None, metadata: Mapping[Release, Metadata]) -> str | None:
    """The version that is installed; None where there is none, or an address does not tell."""
    if pin is None or not is_address(pin):
        return pin
    return metadata.get((name, pin), Metadata()).version or None


def _satisfies(version: str | None, requirement: Requirement) -> bool:
    if version is None:
        return False
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return not requirement.specifier


def _python_fits(requires_python: str, python: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True


def _suspicion(change: Change) -> float:
    versionless = change.key == SOURCE or change.key.startswith((VARIABLE, PARAMETER))
    if change.left_value is None or change.right_value is None or versionless:
        return 1.0
    try:
        left, right = Version(change.left_value).release, Version(change.right_value).release
    except InvalidVersion:
        return 1.0
    if left[:1] != right[:1]:
        return 1.0 if left[0] > 1990 else 2.0  # versions by year say nothing about their size
    return 1.5 if left[:2] != right[:2] else 1.0
