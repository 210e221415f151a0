"""The changes between two endpoints, and which mixes of them can exist.

Every package has at most two states, OLD's and NEW's. A requirement that only one state of another package satisfies is
therefore a rule "a at NEW needs b at NEW"; for OLD states the rule is reversed. The mixes that can exist are the sets
that are closed under these rules (``lattice.py``), so no resolver is needed.

A requirement that its own endpoint breaks is ignored: that endpoint ran, or its trial fails. A rule that depends on two
changes at once, such as a marker for one interpreter, becomes the stronger rule. Then a few possible mixes are never
tried, but no impossible mix is tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from contexta.bisect.execution.isolation.sandbox import Revision
from contexta.bisect.execution.parameter_changes import Setting
from contexta.bisect.space.lattice import Mixes, closure, groups_of
from contexta.contract.environment import same_version
from contexta.findings import Change
from contexta.reproduce.uv.urls import is_address, short_address

PYTHON = "python"
VARIABLE = "env:"
SOURCE = "source"
PARAMETER = "param:"
BOTH = ("old", "new")
_SUSPECTS = 3.0  # the weight of the user's suspects, in that of all other changes together
_LEAST_WEIGHT = 0.2  # weight of a change that no record suspects, because the ranking may be wrong


@dataclass(frozen=True)
class End:
    """An endpoint: OLD or NEW."""

    packages: Mapping[str, str]
    """Normalised name -> its pin, a version or the address that it comes from."""
    python: str = ""
    """The full version of the interpreter."""
    markers: Mapping[str, str] = field(default_factory=dict)
    """The PEP 508 environment of the interpreter."""
    variables: Mapping[str, str] = field(default_factory=dict)
    revision: Revision | None = None
    """The source that ran; None: the current one, in every mix."""
    parameters: Mapping[str, Setting] = field(default_factory=dict)
    """The parameters that differ, with the same names on both sides."""


@dataclass(frozen=True)
class Metadata:
    """Metadata of one release."""

    requires: tuple[str, ...] = ()
    """Requires-Dist."""
    requires_python: str = ""
    """Requires-Python; "" without one."""
    version: str = ""
    """The version of a package from an address; "" if the pin is the version."""


Release = tuple[str, str]
"""(normalised name, pin)"""


@dataclass(frozen=True)
class ChangeGroup:
    """A change group: changes that no mix separates."""

    changes: tuple[Change, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(change.key for change in self.changes)


@dataclass(frozen=True)
class Space:
    """All mixes of two endpoints. Change group ``i`` is bit ``i`` of a mix."""

    old: End
    new: End
    groups: tuple[ChangeGroup, ...]
    mixes: Mixes
    suspicion: Mapping[str, float] = field(default_factory=dict)
    """Change -> suspicion by the records, on any scale. Other changes are weighted by their version jump."""
    suspects: frozenset[str] = frozenset()
    """The changes that the user suspects, by key."""

    def keys(self, mix: int) -> tuple[str, ...]:
        """The changes at NEW in a mix, by name."""
        return tuple(sorted(key for group in groups_of(mix) for key in self.groups[group].keys))

    def is_package(self, key: str) -> bool:
        """Whether a change is one of a package."""
        return key in self.old.packages or key in self.new.packages

    def packages(self, mix: int) -> dict[str, str]:
        """The pins of a mix."""
        pins = dict(self.old.packages)
        for change in self.moved(mix):
            if self.is_package(change.key):
                if change.right_value is None:
                    del pins[change.key]
                else:
                    pins[change.key] = self.new.packages[change.key]
        return dict(sorted(pins.items()))

    def python_end(self, mix: int) -> str:
        """The side whose interpreter runs a mix: "old" or "new"."""
        return "new" if self._has(mix, PYTHON) else "old"

    def revision(self, mix: int) -> Revision | None:
        """The source of a mix; None for the current one."""
        return (self.new if self._has(mix, SOURCE) else self.old).revision

    def parameters(self, mix: int) -> dict[str, Setting]:
        """The parameters of a mix that differ between the endpoints."""
        at_new = {*self.keys(mix)}
        return {
            name: (self.new if PARAMETER + name in at_new else self.old).parameters[name]
            for name in self.old.parameters
        }

    def variables(self, mix: int) -> dict[str, str | None]:
        """The variables of a mix; None for one that must not be set."""
        values: dict[str, str | None] = dict.fromkeys(self.new.variables)
        values.update(self.old.variables)
        for change in self.moved(mix):
            if change.key.startswith(VARIABLE):
                values[change.key[len(VARIABLE) :]] = change.right_value
        return values

    def changing_variables(self) -> tuple[str, ...]:
        """The variables that are not the same in all mixes."""
        return tuple(key[len(VARIABLE) :] for key in self.keys(self.mixes.full) if key.startswith(VARIABLE))

    def _has(self, mix: int, key: str) -> bool:
        return any(change.key == key for change in self.moved(mix))

    def moved(self, mix: int) -> Iterator[Change]:
        """The changes that are at NEW in a mix."""
        for group in groups_of(mix):
            yield from self.groups[group].changes

    def weights(self) -> tuple[float, ...]:
        """A mild prior: suspicion by records and larger version jumps raise the weight; no weight is 0.

        The square root of a suspicion counts, so that a wrong suspicion only slows the search down. The suspects of
        the user weigh three times as much as all others together, so they are tried first.
        """
        weights = [sum(self._weight(change) for change in group.changes) for group in self.groups]
        is_suspect = [not self.suspects.isdisjoint(group.keys) for group in self.groups]
        suspected = sum(weight for weight, suspect in zip(weights, is_suspect, strict=True) if suspect)
        others = sum(weights) - suspected
        if not suspected or not others:
            return tuple(weights)
        factor = max(1.0, _SUSPECTS * others / suspected)
        return tuple(w * factor if suspect else w for w, suspect in zip(weights, is_suspect, strict=True))

    def _weight(self, change: Change) -> float:
        suspicion = self.suspicion.get(change.key)
        return _version_jump(change) if suspicion is None else max(math.sqrt(suspicion), _LEAST_WEIGHT)


def changes_between(old: End, new: End, metadata: Mapping[Release, Metadata] | None = None) -> tuple[Change, ...]:
    """Every difference that a trial can apply, by key: packages, ``python``, ``env:NAME``, ``source``, ``param:NAME``.

    metadata: has the versions of packages from addresses.
    """
    changes = [
        _of_pins(name, left, right, metadata or {})
        for name in {*old.packages, *new.packages}
        if not same_version(left := old.packages.get(name), right := new.packages.get(name))
    ]
    if old.python != new.python:
        changes.append(Change(key=PYTHON, left_value=old.python, right_value=new.python))
    changes += [
        Change(key=VARIABLE + name, left_value=old.variables.get(name), right_value=new.variables.get(name))
        for name in {*old.variables, *new.variables}
        if old.variables.get(name) != new.variables.get(name)
    ]
    if old.revision is not None and new.revision is not None and old.revision.state != new.revision.state:
        changes.append(Change(key=SOURCE, left_value=str(old.revision), right_value=str(new.revision)))
    changes += [
        Change(key=PARAMETER + name, left_value=setting.shown, right_value=new.parameters[name].shown)
        for name, setting in old.parameters.items()
    ]
    return tuple(sorted(changes, key=lambda change: change.key))


def _of_pins(name: str, left: str | None, right: str | None, metadata: Mapping[Release, Metadata]) -> Change:
    """The change of one package. An address is shown as its version and its short commit, or its file."""
    words = [_in_words(name, pin, metadata) for pin in (left, right)]
    if words[0] == words[1]:
        digests = [(pin or "").partition("#sha256=")[2][:12] for pin in (left, right)]
        of_bytes = all(digests) and digests[0] != digests[1]  # the same file at another path otherwise
        words = (
            [f"{text} sha256:{digest}" for text, digest in zip(words, digests, strict=True)]
            if of_bytes
            else [left, right]
        )
    return Change(key=name, left_value=words[0], right_value=words[1])


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
    """The change groups between two endpoints, and the rules between them.

    metadata: of every release of both endpoints; a missing one has no requirements. has_wheel(release, end): whether a
    release installs on the interpreter of an endpoint; called only for releases of the other one.
    """
    changes = changes_between(old, new, metadata)
    number = {change.key: position for position, change in enumerate(changes)}
    rules = set(_rules(old, new, metadata, has_wheel, number))
    rules = {(a, b) for a, b in rules if a != b}
    reach = closure(len(changes), rules)
    leaders: dict[int, list[int]] = {}
    for member in range(len(changes)):
        leader = next((first for first in leaders if reach[member] >> first & 1 and reach[first] >> member & 1), member)
        leaders.setdefault(leader, []).append(member)
    group_of = {member: position for position, members in enumerate(leaders.values()) for member in members}
    groups = tuple(ChangeGroup(tuple(changes[member] for member in members)) for members in leaders.values())
    mixes = Mixes.of(len(groups), {(group_of[a], group_of[b]) for a, b in rules if group_of[a] != group_of[b]})
    return Space(old, new, groups, mixes)


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
                requested = extras.get(name, frozenset())
                yield from _requirement_rules(state, name, line, requested, old, new, number, metadata)


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
    me, dependency, python = number.get(name), number[other], number.get(PYTHON)
    if at_new:  # only the NEW state of the other package satisfies the requirement
        if state == "new" and me is not None:
            yield me, dependency
        elif when == "new" and python is not None:
            yield python, dependency
    elif state == "old" and me is not None:  # only its OLD state does: it may be at NEW only if this package is
        yield dependency, me
    elif when == "old" and python is not None:
        yield (dependency if me is None else me), python


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
    """Package -> the extras that installed packages require of it; those that a user requested are not recorded."""
    requested: dict[str, set[str]] = {}
    for end in (old, new):
        for release in end.packages.items():
            for line in metadata.get(release, Metadata()).requires:
                requirement = _parsed(line)
                if requirement is not None and requirement.extras and _applies(requirement, end.markers, frozenset()):
                    requested.setdefault(canonicalize_name(requirement.name), set()).update(requirement.extras)
    return {name: frozenset(extras) for name, extras in requested.items()}


def _parsed(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:  # old releases have invalid lines; uv and pip skip them too
        return None


def _applies(requirement: Requirement, markers: Mapping[str, str], extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({**markers, "extra": extra}) for extra in ("", *sorted(extras)))


def _version(name: str, pin: str | None, metadata: Mapping[Release, Metadata]) -> str | None:
    """The installed version; None without a version, or if the version at an address is unknown."""
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


def _version_jump(change: Change) -> float:
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
