"""Search the releases of the culprit between OLD's and NEW's for the first bad one.

The index of uv lists the releases, without yanked releases, pre-releases, and those without a file for this platform.
A release is tried in NEW, or in OLD where its requirements do not hold in NEW. A source release is built only where the
culprit of OLD or NEW was built. The first bad release is named only if the release before it was good.
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
from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.values.outliers import usable_observations
from contexta.bisect.reporting.report import counted_observations
from contexta.bisect.search.problem import Probe, Verdict
from contexta.bisect.session.study import Study, TrialFinished
from contexta.findings.bisect import Release, Releases
from contexta.reproduce.environments.builder import Built, Contents
from contexta.reproduce.uv.error_messages import UvError, gist
from contexta.reproduce.uv.newest_release import newest_between
from contexta.reproduce.uv.urls import is_address

_ODDS = 30.0
_LEAST_RUNS, _MOST_RUNS = 2, 8
_MOST_RELEASES = 300
_CHANGELOG_WORDS = ("changelog", "changes", "release notes", "release", "history", "what's new", "news")
_BUG_WORDS = ("bug", "issue", "tracker")


def releases_of(study: Study, verdict: Verdict, trial_finished: TrialFinished | None = None) -> Releases | None:
    """The first bad release of a proved culprit. About log2(releases) environments, each with two trials or more.

    None for several culprits, and for a culprit that was added, was removed, comes from an address, or is no package.
    Raises IndexUnreachable when the index does not answer.
    """
    name = _culprit(study, verdict)
    pins = [end.packages.get(name or "") for end in (study.space.old, study.space.new)]
    old, new = (None if pin is None or is_address(pin) else pin for pin in pins)
    if name is None or old is None or new is None:
        return None
    return _Search(study, name, old, new, trial_finished).run()


def _culprit(study: Study, verdict: Verdict) -> str | None:
    keys = study.space.keys(verdict.culprits) if verdict.kind == "proved" else ()
    return keys[0] if len(keys) == 1 and study.space.is_package(keys[0]) else None


class _Search:
    """The search of one package."""

    def __init__(self, study: Study, name: str, old: str, new: str, trial_finished: TrialFinished | None) -> None:
        self.study, self.name, self.old, self.new = study, name, old, new
        self._trial_finished = trial_finished
        self.places = (_Place(study, name, "new"), _Place(study, name, "old"))
        self.results = counted_observations(study.trials)
        self.tried: dict[int, Release] = {}

    @cached_property
    def builds(self) -> bool:
        """Whether releases may be built from source: only if one of the two versions was."""
        return not all(
            self.study.environments.uv_of(place.end).has_wheel(place.python.path, self.name, version)
            for place, version in zip(self.places, (self.new, self.old), strict=True)
        )

    def run(self) -> Releases:
        between = list(self._between())
        good, bad = -1, len(between)
        while (middle := self._middle(good, bad)) is not None:
            release = self.tried[middle] = self._judge(middle, between[middle])
            if release.state == "good":
                good = middle
            elif release.state == "bad":
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
        """The releases between the two, from OLD's to NEW's, source releases included."""
        try:
            upgrade = Version(self.old) < Version(self.new)
        except InvalidVersion:
            return
        low, high = (self.old, self.new) if upgrade else (self.new, self.old)
        newest_first: list[str] = []
        below = high
        while len(newest_first) < _MOST_RELEASES:
            newest = newest_between(
                self.study.environments.uv_of("new"), self.places[0].python.path, self.name, low, below, build=True
            )
            if newest is None:
                break
            newest_first.append(newest)
            below = newest
        yield from reversed(newest_first) if upgrade else newest_first

    def _middle(self, good: int, bad: int) -> int | None:
        """The untried release nearest the middle; None if all were tried."""
        open_ones = [number for number in range(good + 1, bad) if number not in self.tried]
        return min(open_ones, key=lambda number: abs(2 * number - good - bad), default=None)

    def _judge(self, number: int, version: str) -> Release:
        """Try a release in NEW, or in OLD where it cannot be tried in NEW."""
        reasons: dict[str, None] = {}
        for place in self.places:
            mix = (2 * number + 2 + (place.end == "old")) << self.study.space.mixes.count  # no mix has such bits
            reason = self._hindrance(place, version)
            if reason is None:
                release = self._runs(place, mix, version)
                if release.state != "not tried":
                    return release
                reason = release.reason
            reasons[reason] = None
        return Release(version=version, state="not tried", reason="; ".join(reasons))

    def _hindrance(self, place: _Place, version: str) -> str | None:
        """Why a release cannot be tried in an endpoint; None if it can."""
        uv = self.study.environments.uv_of(place.end)
        if not self.builds and not uv.has_wheel(place.python.path, self.name, version):
            return "has no wheel, and is not built as OLD and NEW were not"
        try:
            built = self.study.environments.build(place.side, {self.name: version}, place.end)
        except UvError as error:
            return gist(error)
        return place.missing(built, version)

    def _runs(self, place: _Place, mix: int, version: str) -> Release:
        seeds = usable_observations(
            self.results, self.study.space.mixes.full
        ).seed_effects  # otherwise the seed is a source of noise
        has_one_seed = self.study.setup.settings.only_seed is not None
        for seed in [0] if has_one_seed else [*(seeds or range(_MOST_RUNS))][:_MOST_RUNS]:
            result = self._run(place, version, mix, seed)
            observations = usable_observations(self.results, self.study.space.mixes.full)
            if result.value is None and mix in observations.failures:
                return Release(version=version, state="not tried", reason=result.reason)
            state = MixEvidence(observations).state(mix, _ODDS, 1 if has_one_seed else _LEAST_RUNS)
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
        trial = replace(trial, release=version, endpoint=place.mix)
        self.results.append(trial.observation)
        self.study.release_trials.append(trial)
        if self._trial_finished is not None:
            self._trial_finished(trial, len(self.study.trials) + len(self.study.release_trials))
        return trial.result

    def _values(self, mix: int) -> tuple[float, ...]:
        results = [trial.result for trial in self.study.release_trials if trial.observation.mix == mix]
        values = [result.value if result.measured is None else result.measured for result in results]
        return tuple(value for value in values if value is not None)


class _Place:
    """OLD or NEW, in which the releases of a package are tried."""

    def __init__(self, study: Study, name: str, end: Literal["old", "new"]) -> None:
        self.name, self.end = name, end
        self.mix = study.space.mixes.full if end == "new" else 0
        self.side = study.space.python_end(self.mix)  # the endpoint of the interpreter
        self.python = study.setup.pythons[self.side]
        self.pins = study.space.packages(self.mix)
        self.built = study.environments.build(self.side, self.pins, end)
        self.variables = study.space.variables(self.mix)

    def missing(self, built: Built, version: str) -> str | None:
        """The requirement that a release breaks, its own or of another package; None if all hold."""
        pins = self.built.pins
        for requirement in self._requirements(built.packages[self.name].requires):
            pin = pins.get(canonicalize_name(requirement.name))
            if pin is None or not requirement.specifier.contains(pin, prereleases=True):
                return f"needs {requirement.name}{requirement.specifier}"
        for other in self.built.packages.values():
            for requirement in self._requirements(other.requires):
                if canonicalize_name(requirement.name) != self.name or other.name == self.name:
                    continue
                versions = (pins[self.name], version)
                if [requirement.specifier.contains(candidate, prereleases=True) for candidate in versions] == [
                    True,
                    False,
                ]:
                    return f"{other.name} {other.version} needs {self.name}{requirement.specifier}"
        return None

    def _requirements(self, lines: Iterable[str]) -> Iterator[Requirement]:
        for line in lines:
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue  # no valid requirement; uv and pip skip it too
            if requirement.marker is None or requirement.marker.evaluate({**self.python.markers, "extra": ""}):
                yield requirement


def _links(built: Built, name: str) -> Mapping[str, str]:
    """Addresses of the changelog; without one, those of the project."""
    path = next((file for file in built.packages[name].files if file.endswith(".dist-info/METADATA")), None)
    if path is None:
        return {}
    metadata = HeaderParser().parsestr(Path(built.at, path).read_text(encoding="utf-8", errors="replace"))
    urls: dict[str, str] = {}
    for line in metadata.get_all("Project-URL") or []:
        label, comma, url = line.partition(",")
        if comma:
            urls[label.strip()] = url.strip()
    changelogs = {label: url for label, url in urls.items() if any(word in label.lower() for word in _CHANGELOG_WORDS)}
    if changelogs:
        return changelogs
    home = {"Home-page": metadata["Home-page"]} if metadata["Home-page"] else {}
    addresses = {**urls, **home}
    without_bugs = {
        label: url for label, url in addresses.items() if not any(word in label.lower() for word in _BUG_WORDS)
    }
    return dict(list((without_bugs or addresses).items())[:2])
