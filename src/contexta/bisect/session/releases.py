"""Search the releases of the culprit between OLD's and NEW's for the first bad one.

Releases come from the index that uv is set up with; yanked ones, pre-releases and those that no file of this platform
exists of are not among them. Each is tried in NEW, everything else left as it is there, or in OLD where the
requirements do not hold in NEW. A release of source alone is built where the culprit of OLD or NEW was built, too. The
first bad release is named only where the release before it was observed to be good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from contexta.bisect.execution.trial_job import TrialResult
from contexta.bisect.inference.outliers import read
from contexta.bisect.search.search import Probe, Verdict
from contexta.bisect.session.study import Study, TrialFinished
from contexta.findings.bisect import Release, Releases
from contexta.reproduce.environments.builder import Built, Contents
from contexta.reproduce.uv.error_messages import UvError, gist
from contexta.reproduce.uv.newest_release import newest_between
from contexta.reproduce.uv.urls import is_address

_ODDS = 30.0
_LEAST_RUNS, _MOST_RUNS = 2, 8
_MOST_RELEASES = 300
_TELLING = ("changelog", "changes", "release notes", "release", "history", "what's new", "news")
_OF_BUGS = ("bug", "issue", "tracker")  # where nobody looks for what changed


def releases_of(study: Study, verdict: Verdict, watch: TrialFinished | None = None) -> Releases | None:
    """The first bad release of a proved culprit; None where there is nothing to look inside of: several culprits, one
    that was added, removed or comes from an address, or that is no package. About log2(releases) environments, each of
    two runs or more.

    Raises IndexUnreachable when the index does not answer.
    """
    name = _culprit(study, verdict)
    pins = [end.packages.get(name or "") for end in (study.space.old, study.space.new)]
    old, new = (None if pin is None or is_address(pin) else pin for pin in pins)
    if name is None or old is None or new is None:
        return None
    return _Inside(study, name, old, new, watch).look()


def _culprit(study: Study, verdict: Verdict) -> str | None:
    keys = study.space.keys(verdict.culprits) if verdict.kind == "proved" else ()
    return keys[0] if len(keys) == 1 and study.space.is_package(keys[0]) else None


class _Inside:
    """One look inside one package."""

    def __init__(self, study: Study, name: str, old: str, new: str, watch: TrialFinished | None) -> None:
        self.study, self.name, self.old, self.new, self.watch = study, name, old, new, watch
        self.places = (_Place(study, name, "new"), _Place(study, name, "old"))
        self.results = [trial.observation for trial in study.trials]
        self.tried: dict[int, Release] = {}

    @cached_property
    def builds(self) -> bool:
        """Whether releases are built from source too: only where one of the two versions was."""
        return not all(
            self.study.environments.uv_of(place.end).has_wheel(place.python.path, self.name, version)
            for place, version in zip(self.places, (self.new, self.old), strict=True)
        )

    def look(self) -> Releases:
        between = list(self._between())
        good, bad = -1, len(between)
        while (middle := self._middle(good, bad)) is not None:
            found = self.tried[middle] = self._judge(middle, between[middle])
            if found.state == "good":
                good = middle
            elif found.state == "bad":
                bad = middle
        observed_bad = between[bad] if bad < len(between) else self.new
        cut = len(between) == _MOST_RELEASES and (good == -1 or bad == len(between))  # there may be more
        return Releases(
            package=self.name,
            first_bad=observed_bad if bad == good + 1 and not cut else None,
            observed_bad=observed_bad,
            last_good=between[good] if good >= 0 else self.old,
            between=tuple(between[good + 1 : bad]),
            released=len(between),
            tried=tuple(self.tried[number] for number in sorted(self.tried)),
            links=_links(self.places[0].built, self.name),
        )

    def _between(self) -> Iterator[str]:
        """The releases between the two, from OLD's to NEW's, those of source alone included."""
        try:
            upgrade = Version(self.old) < Version(self.new)
        except InvalidVersion:
            return
        low, high = (self.old, self.new) if upgrade else (self.new, self.old)
        found: list[str] = []
        below = high
        while len(found) < _MOST_RELEASES:
            newest = newest_between(
                self.study.environments.uv_of("new"), self.places[0].python.path, self.name, low, below, build=True
            )
            if newest is None:
                break
            found.append(newest)
            below = newest
        yield from reversed(found) if upgrade else found

    def _middle(self, good: int, bad: int) -> int | None:
        """The untried release nearest the middle; None when none is left."""
        open_ones = [number for number in range(good + 1, bad) if number not in self.tried]
        return min(open_ones, key=lambda number: abs(2 * number - good - bad), default=None)

    def _judge(self, number: int, version: str) -> Release:
        """What a release does in NEW; in OLD where it cannot be tried in NEW."""
        reasons: dict[str, None] = {}
        for place in self.places:
            mix = (2 * number + 2 + (place.end == "old")) << self.study.space.mixes.count  # no mix has such bits
            reason = self._hindrance(place, version)
            if reason is None:
                found = self._runs(place, mix, version)
                if found.state != "not tried":
                    return found
                reason = found.reason
            reasons[reason] = None
        return Release(version=version, state="not tried", reason="; ".join(reasons))

    def _hindrance(self, place: _Place, version: str) -> str | None:
        """Why a release cannot be tried in an end; None when it can."""
        uv = self.study.environments.uv_of(place.end)
        if not self.builds and not uv.has_wheel(place.python.path, self.name, version):
            return "has no wheel, and is not built as OLD and NEW were not"
        try:
            built = self.study.environments.build(place.side, {self.name: version}, place.end)
        except UvError as error:
            return gist(error)
        return place.missing(built, version)

    def _runs(self, place: _Place, mix: int, version: str) -> Release:
        known = read(self.results, self.study.space.mixes.full).seed_effects  # elsewhere a seed is noise
        for seed in [*(known or range(_MOST_RUNS))][:_MOST_RUNS]:
            report = self._run(place, version, mix, seed)
            readings = read(self.results, self.study.space.mixes.full)
            if report.value is None and mix in readings.failures:
                return Release(version=version, state="not tried", reason=report.reason)
            state = readings.state(mix, _ODDS, _LEAST_RUNS)
            if state in ("good", "bad"):
                return Release(version=version, state=state, values=self._values(mix), beside=place.end)
        return Release(
            version=version,
            state="unclear",
            reason="neither good nor bad",
            values=self._values(mix),
            beside=place.end,
        )

    def _run(self, place: _Place, version: str, mix: int, seed: int) -> TrialResult:
        step = Probe(mix, seed, "release", f"{self.name} {version} in {place.end.upper()}")
        pins = {**place.pins, self.name: version}
        release = Contents({self.name: version}, self.study.setup.fixed, self.study.setup.options_of(place.end))
        recipe = self.study.environments.recipe(place.side, pins, release)
        about = {"pins": pins, "release": version}
        trial = self.study.run_release(step, recipe, place.variables, about, place.mix)
        trial = replace(trial, release=version, beside=place.mix)
        self.results.append(trial.observation)
        self.study.release_trials.append(trial)
        if self.watch is not None:
            self.watch(trial, len(self.study.trials) + len(self.study.release_trials))
        return trial.result

    def _values(self, mix: int) -> tuple[float, ...]:
        reports = [trial.result for trial in self.study.release_trials if trial.observation.mix == mix]
        values = [told.measured if told.measured is not None else told.value for told in reports]
        return tuple(value for value in values if value is not None)


class _Place:
    """OLD or NEW, as the environment that releases of one package are tried in."""

    def __init__(self, study: Study, name: str, end: Literal["old", "new"]) -> None:
        self.name, self.end = name, end
        self.mix = study.space.mixes.full if end == "new" else 0
        self.side = study.space.python_end(self.mix)  # whose interpreter it is
        self.python = study.setup.pythons[self.side]
        self.pins = study.space.packages(self.mix)
        self.built = study.environments.build(self.side, self.pins, end)
        self.variables = study.space.variables(self.mix)

    def missing(self, built: Built, version: str) -> str | None:
        """What does not hold with a release here: its own requirements, and those of others; None when all holds."""
        held = self.built.pins
        for requirement in self._requirements(built.packages[self.name].requires):
            found = held.get(canonicalize_name(requirement.name))
            if found is None or not requirement.specifier.contains(found, prereleases=True):
                return f"needs {requirement.name}{requirement.specifier}"
        for other in self.built.packages.values():
            for requirement in self._requirements(other.requires):
                if canonicalize_name(requirement.name) != self.name or other.name == self.name:
                    continue
                holds = [requirement.specifier.contains(each, prereleases=True) for each in (held[self.name], version)]
                if holds == [True, False]:  # what the end itself breaks is no reason
                    return f"{other.name} {other.version} needs {self.name}{requirement.specifier}"
        return None

    def _requirements(self, lines: Iterable[str]) -> Iterator[Requirement]:
        for line in lines:
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue  # no standard allows it; uv and pip skip it too
            if requirement.marker is None or requirement.marker.evaluate({**self.python.markers, "extra": ""}):
                yield requirement


def _links(built: Built, name: str) -> Mapping[str, str]:
    """Where the package says what changed: its changelog's address, else its own."""
    path = next((file for file in built.packages[name].files if file.endswith(".dist-info/METADATA")), None)
    if path is None:
        return {}
    told = HeaderParser().parsestr(Path(built.at, path).read_text(encoding="utf-8", errors="replace"))
    urls: dict[str, str] = {}
    for line in told.get_all("Project-URL") or []:
        label, comma, url = line.partition(",")
        if comma:
            urls[label.strip()] = url.strip()
    telling = {label: url for label, url in urls.items() if any(word in label.lower() for word in _TELLING)}
    if telling:
        return telling
    home = {"Home-page": told["Home-page"]} if told["Home-page"] else {}
    found = {**urls, **home}
    of_code = {label: url for label, url in found.items() if not any(word in label.lower() for word in _OF_BUGS)}
    return dict(list((of_code or found).items())[:2])
