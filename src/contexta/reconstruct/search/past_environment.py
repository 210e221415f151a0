"""Reconstruct an environment: collect traces, combine them, and resolve the rest at the moment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from contexta.core.errors import InvalidInput, shown
from contexta.findings.reproduction import Confidence, EvidenceItem, ReconstructedPackage, Reconstruction
from contexta.reconstruct.combine import ChosenVersion, Combined, combine
from contexta.reconstruct.search.dated_resolution import Resolution, pythons_at, resolve
from contexta.reconstruct.search.document_search import collect, split_paths, traces_of
from contexta.reconstruct.search.moments import moment_of
from contexta.reconstruct.trace_values import PYTHON, PointInTime, Trace, Traces, Wish
from contexta.recorder.probes.machine import platform_name
from contexta.reproduce.environments.progress import ProgressCallback
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import IndexUnreachable, gist

_LATE_SHOWN = 6  # files in one note


@dataclass(frozen=True)
class ReconstructOptions:
    python: str | None = None
    """A version of Python that the user is sure about."""
    environment: Path | None = None
    """The directory of a virtual environment that may be older than the moment."""
    paths: tuple[str | os.PathLike[str], ...] = ()
    shell_history: bool = False


@dataclass(frozen=True)
class _Python:
    """The version of Python, and the resolution on it."""

    version: str | None
    confidence: Confidence
    evidence: tuple[EvidenceItem, ...]
    resolution: Resolution
    notes: tuple[str, ...] = ()


def reconstruct(at: str, options: ReconstructOptions, uv: Uv, progress: ProgressCallback) -> Reconstruction:
    """The environment at a moment. Raises InvalidInput for wrong use."""
    directories, files = split_paths(options.paths)
    moment = moment_of(at, directories[0], datetime.now(timezone.utc))
    progress("collecting traces")
    documents, notes = collect(directories, files, moment)
    traces = traces_of(documents)
    combined = combine(traces.evidence, moment)
    late_wishes = _late_wishes(combined)
    wishes = [wish for wish in (*traces.wishes, *late_wishes) if wish.name != PYTHON]
    fixed = {name: choice.version for name, choice in combined.choices.items() if name != PYTHON}
    if not wishes and not fixed:
        raise InvalidInput(
            f"no trace of an environment was found in {', '.join(map(str, directories))}",
            hint="name files of that time: logs, notebooks, models, requirements; or --env DIR",
        )
    progress("resolving what was not observed")
    python = _python(uv, options.python, combined, traces, wishes, fixed, moment)
    packages = [
        *(_observed(name, choice, moment) for name, choice in combined.choices.items() if name != PYTHON),
        *_resolved(python.resolution, fixed, wishes, moment),
    ]
    all_notes = (
        *(*moment.notes, *notes, *traces.notes, *python.notes, *python.resolution.notes),
        *(*_conflicts(combined), *_late(combined)),
    )
    return Reconstruction(
        at=_text(moment.latest),
        asked=at,
        python_version=python.version,
        python_confidence=python.confidence,
        python_evidence=python.evidence,
        platform=platform_name(),
        packages=tuple(sorted(packages, key=lambda package: package.name)),
        notes=tuple(dict.fromkeys(all_notes)),
    )


def _late_wishes(combined: Combined) -> list[Wish]:
    """Pins of files that are dated after the moment: what they name was probably required then, too."""
    names = {
        item.package: Wish(f"{item.package}=={item.version}", item.where)
        for item in combined.late
        if item.event == "present" and item.package not in combined.choices and item.package != PYTHON
    }
    return list(names.values())


def _python(
    uv: Uv,
    version: str | None,
    combined: Combined,
    traces: Traces,
    wishes: Sequence[Wish],
    fixed: Mapping[str, str],
    moment: PointInTime,
) -> _Python:
    """The version that the user gives, or that traces name, or the newest one that was current and fits."""
    allowed = [wish for wish in traces.wishes if wish.name == PYTHON]
    choice = combined.choices.get(PYTHON)
    if version is not None or choice is not None:
        version = version if version is not None else str(choice and choice.version)
        evidence = (EvidenceItem(kind="observed", version=version, where="--python"),) if choice is None else ()
        items = evidence or tuple(_items(choice)) if choice is not None else evidence
        try:
            resolution = resolve(uv, _checked(version), wishes, fixed, moment.latest)
        except IndexUnreachable as error:
            resolution = _unreachable(error, wishes)
        return _Python(version, "observed", items, resolution)
    candidates = pythons_at(moment.latest, allowed)
    first: _Python | None = None
    for candidate in candidates:
        try:
            resolution = resolve(uv, candidate, wishes, fixed, moment.latest)
        except IndexUnreachable as error:
            resolution = _unreachable(error, wishes)
        where = "the newest release then" + "".join(f", allowed by {wish.where}" for wish in allowed[:2])
        if candidate != candidates[0]:
            where = f"the newest then that the packages support{where.removeprefix('the newest release then')}"
        item = EvidenceItem(kind="resolved", version=candidate, where=where, when=None)
        result = _Python(candidate, "resolved", (item,), resolution)
        first = first or result
        if not resolution.unresolved:
            return result
    if first is not None:
        return first
    return _Python(
        None, "unknown", (), Resolution(unresolved=dict.fromkeys(wishes, "no Python of that time is allowed"))
    )


def _checked(version: str) -> str:
    parts = version.split(".")
    if not (2 <= len(parts) <= 3 and all(part.isdigit() for part in parts)):
        raise InvalidInput(f"{shown(version)} is no version of Python", hint="give one such as 3.11 or 3.11.7")
    return version


def _unreachable(error: IndexUnreachable, wishes: Iterable[Wish]) -> Resolution:
    return Resolution(unresolved=dict.fromkeys(wishes, gist(error)), notes=(f"nothing was resolved: {gist(error)}",))


def _observed(name: str, choice: ChosenVersion, moment: PointInTime) -> ReconstructedPackage:
    del moment
    return ReconstructedPackage(
        name=name,
        version=choice.version,
        confidence=choice.best.kind,
        evidence=tuple(_items(choice)),
        alternatives=tuple(dict.fromkeys(item.version for item in choice.others)),
    )


def _items(choice: ChosenVersion) -> Iterator[EvidenceItem]:
    for items, is_used in ((choice.support, True), (choice.others, False)):
        for item in items:
            yield EvidenceItem(
                kind=item.kind, version=item.version, where=_where(item), when=_text(item.when), used=is_used
            )


def _where(item: Trace) -> str:
    return f"{item.where} (removed then)" if item.event == "removed" else item.where


def _resolved(
    resolution: Resolution, fixed: Mapping[str, str], wishes: Sequence[Wish], moment: PointInTime
) -> Iterator[ReconstructedPackage]:
    requested = {wish.name: wish for wish in wishes}
    for name, package in resolution.packages.items():
        if name in fixed:
            continue
        wish = requested.get(name)
        where = wish.where if wish is not None else f"required by {', '.join(package.requirers[:3])}"
        item = EvidenceItem(kind="resolved", version=package.version, where=where, when=_text(moment.latest))
        yield ReconstructedPackage(name=name, version=package.version, confidence="resolved", evidence=(item,))
    for wish, reason in resolution.unresolved.items():
        if wish.name not in fixed and wish.name not in resolution.packages:
            yield ReconstructedPackage(
                name=wish.name,
                version=None,
                confidence="unknown",
                help=f"{wish.where} requires {wish.line}: {reason}. A log, a lock file or an old model that names its "
                "version would help",
            )


def _conflicts(combined: Combined) -> Iterator[str]:
    for name, choice in combined.choices.items():
        if choice.others:
            best = choice.support[0]
            others = "; ".join(f"{item.version} by {item.where} of {_day(item.when)}" for item in choice.others[:3])
            yield (
                f"traces of {name} differ: {choice.version} by {best.where} of {_day(best.when)} is closest to the "
                f"moment; {others}"
            )


def _late(combined: Combined) -> Iterator[str]:
    """A note for the files that are dated after the moment."""
    by_file: dict[str, list[Trace]] = {}
    for item in combined.late:
        by_file.setdefault(item.where.partition(":")[0], []).append(item)
    for file, items in list(by_file.items())[:_LATE_SHOWN]:
        text = f"{file} is dated {_day(items[0].when)}, after the moment: what it says of {len(items)} packages"
        yield f"{text.removesuffix('1 packages') + '1 package' if len(items) == 1 else text} is no observation"
        yield f"if {file} is of that time, name it: contexta reconstruct ... {file}"


def _day(when: datetime) -> str:
    return when.date().isoformat()


def _text(when: datetime) -> str:
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
