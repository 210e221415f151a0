"""Inside the culprit: which of its releases between OLD's and NEW's is the first bad one.

Releases come from the index that uv is set up with; yanked ones and those without a usable wheel are not among them.
Each is tried in NEW's environment, everything else left as it is there; one whose requirements do not hold there is
passed over, as is one that does not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from contexta.bisect.search import Probe, Verdict
from contexta.bisect.strays import read
from contexta.bisect.study import Study, Watch
from contexta.bisect.trial import Report
from contexta.findings.bisect import Release, Releases
from contexta.reproduce.addresses import is_address
from contexta.reproduce.build import Built
from contexta.reproduce.uv import UvError

_ODDS = 30.0
_LEAST_RUNS, _MOST_RUNS = 2, 8
_MOST_RELEASES = 300
_TELLING = ("changelog", "changes", "release notes", "release", "history", "what's new", "news")
_OF_BUGS = ("bug", "issue", "tracker")  # where nobody looks for what changed


def releases_of(study: Study, verdict: Verdict, watch: Watch | None = None) -> Releases | None:
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

    def __init__(self, study: Study, name: str, old: str, new: str, watch: Watch | None) -> None:
        self.study, self.name, self.old, self.new, self.watch = study, name, old, new, watch
        full = study.space.mixes.full
        self.end = study.space.python_end(full)
        self.python = study.setup.pythons[self.end]
        self.pins = study.space.packages(full)
        self.held = study.built(self.end, self.pins).pins
        self.variables = study.space.variables(full)
        self.results = [trial.result for trial in study.trials]
        self.tried: dict[int, Release] = {}

    def look(self) -> Releases:
        between = list(self._between())
        good, bad = -1, len(between)
        while (middle := self._middle(good, bad)) is not None:
            found = self.tried[middle] = self._judge(middle, between[middle])
            if found.state == "good":
                good = middle
            elif found.state == "bad":
                bad = middle
        return Releases(
            package=self.name,
            first_bad=between[bad] if bad < len(between) else self.new,
            last_good=between[good] if good >= 0 else self.old,
            between=tuple(between[good + 1 : bad]),
            released=len(between),
            tried=tuple(self.tried[number] for number in sorted(self.tried)),
            links=_links(self.study.built(self.end, self.pins), self.name),
        )

    def _between(self) -> Iterator[str]:
        """The releases between the two, from OLD's to NEW's."""
        try:
            upgrade = Version(self.old) < Version(self.new)
        except InvalidVersion:
            return
        low, high = (self.old, self.new) if upgrade else (self.new, self.old)
        found: list[str] = []
        below = high
        while len(found) < _MOST_RELEASES:
            newest = self.study.uv.newest(self.python.path, self.name, low, below)
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
        try:
            built = self.study.built(self.end, {self.name: version})
        except UvError as error:
            return Release(version=version, state="not tried", reason=error.what[:300])
        if (missing := self._missing(built)) is not None:
            return Release(version=version, state="not tried", reason=f"needs {missing}")
        mix = (number + 2) << self.study.space.mixes.count  # no mix of the study: those have no such bits
        known = read(self.results, self.study.space.mixes.full).seed_effects  # elsewhere a seed is noise
        for seed in [*(known or range(_MOST_RUNS))][:_MOST_RUNS]:
            report = self._run(version, mix, seed)
            readings = read(self.results, self.study.space.mixes.full)
            if report.value is None and mix in readings.failures:
                return Release(version=version, state="not tried", reason=report.reason)
            state = readings.state(mix, _ODDS, _LEAST_RUNS)
            if state in ("good", "bad"):
                return Release(version=version, state=state, values=self._values(mix))
        return Release(version=version, state="unclear", reason="neither good nor bad", values=self._values(mix))

    def _run(self, version: str, mix: int, seed: int) -> Report:
        step = Probe(mix, seed, "release", f"{self.name} {version} in NEW")
        pins = {**self.pins, self.name: version}
        recipe = self.study.recipe(self.end, pins, {self.name: version})
        trial = replace(
            self.study.rerun(step, recipe, self.variables, {"pins": pins, "release": version}), release=version
        )
        self.results.append(trial.result)
        self.study.inside.append(trial)
        if self.watch is not None:
            self.watch(trial, len(self.study.trials) + len(self.study.inside))
        return trial.report

    def _values(self, mix: int) -> tuple[float, ...]:
        reports = [trial.report for trial in self.study.inside if trial.result.mix == mix]
        values = [told.measured if told.measured is not None else told.value for told in reports]
        return tuple(value for value in values if value is not None)

    def _missing(self, built: Built) -> str | None:
        """What a release requires that NEW does not hold; None when all holds."""
        for line in built.packages[self.name].requires:
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue  # no standard allows it; uv and pip skip it too
            if requirement.marker is not None and not requirement.marker.evaluate({**self.python.markers, "extra": ""}):
                continue
            held = self.held.get(canonicalize_name(requirement.name))
            if held is None or not requirement.specifier.contains(held, prereleases=True):
                return f"{requirement.name}{requirement.specifier}"
        return None


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
