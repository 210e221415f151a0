"""Reconstruct an environment: collect traces, combine them, and resolve the rest at the moment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from packaging.markers import default_environment

from contexta.contract.environment import same_version
from contexta.core.errors import InvalidInput, shown
from contexta.findings.reproduction import Confidence, EvidenceItem, ReconstructedPackage, Reconstruction
from contexta.reconstruct.combine import ChosenVersion, Combined, combine
from contexta.reconstruct.search.dated_resolution import Resolution, pythons_at, resolve
from contexta.reconstruct.search.document_search import collect, split_paths, traces_of
from contexta.reconstruct.search.imported_traces import traces_of_trackers
from contexta.reconstruct.search.later_traces import Possible, day, notes_on_later, possible_at
from contexta.reconstruct.search.moments import moment_of
from contexta.reconstruct.search.shell_history import traces_of_shells
from contexta.reconstruct.search.unchanged_files import traces_of_environment
from contexta.reconstruct.trace_values import PYTHON, PointInTime, Trace, Traces, UnpinnedRequirement
from contexta.recorder.probes.machine import platform_name
from contexta.recorder.redaction import redact
from contexta.reproduce.environments.progress import ProgressCallback
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import IndexUnreachable, gist
from contexta.reproduce.uv.requirement_options import FileOptions, install_options, with_option

_MOST_PYTHONS = 5  # that are tried
_LATE_PATCH = 20  # of a minor version of Python


@dataclass(frozen=True)
class ReconstructOptions:
    python: str | None = None
    """A version of Python that the user is sure about."""
    environment: Path | None = None
    """The directory of a virtual environment that may be older than the moment."""
    paths: tuple[str | os.PathLike[str], ...] = ()
    shell_history: bool = False


def reconstruct(at: str, options: ReconstructOptions, uv: Uv, progress: ProgressCallback) -> Reconstruction:
    """The environment at a moment. Raises InvalidInput for wrong use."""
    directories, files = split_paths(options.paths)
    moment = moment_of(at, directories[0], datetime.now(timezone.utc))
    progress("collecting traces")
    documents, notes = collect(directories, files, moment)
    extra = [traces_of_environment(options.environment, moment)] if options.environment is not None else []
    extra += traces_of_shells(moment) if options.shell_history else []
    extra.append(traces_of_trackers(directories, files, moment))
    first = Traces.joined([traces_of(documents), *extra])
    python = _python(options.python, combine(first.evidence, moment), first.unpinned, moment)
    traces = Traces.joined([traces_of(documents, _markers(python.versions[0])), *extra]) if python.versions else first
    names = {*(item.package for item in traces.evidence), *(requirement.name for requirement in traces.unpinned)}
    if not names - {PYTHON}:
        raise InvalidInput(
            f"no trace of an environment was found in {', '.join(map(str, directories))}",
            hint="name files of that time: logs, notebooks, models, requirements; or --env DIR",
        )
    progress("resolving what was not observed")
    uv, index_notes = _with_indexes(uv, traces.indexes)
    possible = possible_at(uv, python.versions[0] if python.versions else None, traces, moment)
    combined = possible.combined
    fixed = {name: choice.version for name, choice in combined.choices.items() if name != PYTHON}
    version, resolution = _resolution(uv, python, possible, fixed, moment)
    item = python.items or (EvidenceItem(kind="resolved", version=version, where=python.reason(version)),) * bool(
        version
    )
    packages = [
        *(_observed(name, choice) for name, choice in combined.choices.items() if name != PYTHON),
        *_resolved(resolution, fixed, possible, moment),
    ]
    all_notes = (
        *(*moment.notes, *notes, *index_notes, *traces.notes, *resolution.notes, *possible.notes),
        *(*_conflicts(combined), *notes_on_later(combined)),
    )
    return Reconstruction(
        at=_text(moment.latest),
        as_of=redact.inside(at, None),
        python_version=version or None,
        python_confidence=python.confidence if version else "unknown",
        python_evidence=item,
        platform=platform_name(),
        packages=tuple(sorted(packages, key=lambda package: package.name)),
        notes=tuple(dict.fromkeys(redact.inside(note, None) for note in all_notes)),
    )


# ---------------------------------------------------------------------------------------------- Python


@dataclass(frozen=True)
class _Python:
    """The versions of Python that come into question, best first."""

    versions: Sequence[str]
    confidence: Confidence
    items: tuple[EvidenceItem, ...] = ()
    """The evidence; empty for versions that were only current then."""
    allowed_by: tuple[str, ...] = ()

    def reason(self, version: str) -> str:
        allowed = "".join(f", allowed by {where}" for where in self.allowed_by[:2])
        if version == self.versions[0]:
            return f"the newest release then{allowed}"
        return f"the newest one then that the packages support{allowed}"


def _python(
    version: str | None, combined: Combined, unpinned: Sequence[UnpinnedRequirement], moment: PointInTime
) -> _Python:
    """The version that the user gives, or that traces name, or those that were current and allowed."""
    if version is not None:
        return _Python(
            [_checked(version)], "observed", (EvidenceItem(kind="observed", version=version, where="--python"),)
        )
    if (choice := combined.choices.get(PYTHON)) is not None:
        return _Python([choice.version], choice.best.kind, tuple(_items(choice)))
    allowed = [requirement for requirement in unpinned if requirement.name == PYTHON]
    where = tuple(dict.fromkeys(requirement.where for requirement in allowed))
    return _Python(pythons_at(moment.latest, allowed)[:_MOST_PYTHONS], "resolved", allowed_by=where)


def _markers(python: str) -> dict[str, str]:
    """The PEP 508 environment of this platform with a version of Python; of 3.11 a late patch release."""
    full = python if python.count(".") == 2 else f"{python}.{_LATE_PATCH}"
    environment = {name: str(value) for name, value in default_environment().items()}
    minor = ".".join(full.split(".")[:2])
    return {**environment, "python_version": minor, "python_full_version": full, "implementation_version": full}


def _resolution(
    uv: Uv, python: _Python, possible: Possible, fixed: Mapping[str, str], moment: PointInTime
) -> tuple[str, Resolution]:
    """(version of Python, resolution) of the first version that everything resolves on, or else of the best one."""
    attempts: list[tuple[str, Resolution]] = []
    unpinned, preferred = possible.unpinned, {name: item.version for name, item in possible.later.items()}
    for version in python.versions:
        try:
            attempts.append((version, resolve(uv, version, unpinned, fixed, moment.latest, preferred)))
        except IndexUnreachable as error:
            unresolved = dict.fromkeys(unpinned, gist(error))
            return version, Resolution(unresolved=unresolved, notes=(f"nothing was resolved: {gist(error)}",))
        if not attempts[-1][1].unresolved:
            return attempts[-1]
    if attempts:
        return min(attempts, key=lambda attempt: len(attempt[1].unresolved))
    return "", Resolution(unresolved=dict.fromkeys(unpinned, "no Python of that time is allowed"))


def _checked(version: str) -> str:
    parts = version.split(".")
    if not (2 <= len(parts) <= 3 and all(part.isdigit() for part in parts)):
        raise InvalidInput(f"{shown(version)} is no version of Python", hint="give one such as 3.11 or 3.11.7")
    return version


# ---------------------------------------------------------------------------------------------- traces


def _with_indexes(uv: Uv, lines: Sequence[str]) -> tuple[Uv, list[str]]:
    """uv with the indexes that requirements files name, and notes about options that cannot be used."""
    options, notes = FileOptions(), []
    for line in lines:
        try:
            options = with_option(options, line, Path.cwd(), os.environ) or options
        except InvalidInput as error:
            notes.append(error.what)
    return replace(uv, options=install_options(options, (), os.environ, Path.cwd())), notes


# ---------------------------------------------------------------------------------------------- result


def _observed(name: str, choice: ChosenVersion) -> ReconstructedPackage:
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
    resolution: Resolution, fixed: Mapping[str, str], possible: Possible, moment: PointInTime
) -> Iterator[ReconstructedPackage]:
    requested = {requirement.name: requirement for requirement in possible.unpinned}
    for name, package in resolution.packages.items():
        if name in fixed:
            continue
        requirement = requested.get(name)
        where = requirement.where if requirement is not None else f"required by {', '.join(package.requirers[:3])}"
        if (later := possible.later.get(name)) is not None and same_version(later.version, package.version):
            where = f"{where}; still there in {later.file} of {day(later.when)}" if where != later.where else where
        item = EvidenceItem(kind="resolved", version=package.version, where=where, when=_text(moment.latest))
        yield ReconstructedPackage(name=name, version=package.version, confidence="resolved", evidence=(item,))
    for requirement, reason in resolution.unresolved.items():
        if requirement.name not in fixed and requirement.name not in resolution.packages:
            yield ReconstructedPackage(
                name=requirement.name,
                version=None,
                confidence="unknown",
                help=f"{requirement.where} requires {requirement.line}: {reason}. A log, a lock file or an old model "
                "that names its version would help",
            )


def _conflicts(combined: Combined) -> Iterator[str]:
    for name, choice in combined.choices.items():
        if choice.others:
            best = choice.support[0]
            others = "; ".join(f"{item.version} by {item.where} of {day(item.when)}" for item in choice.others[:3])
            yield (
                f"traces of {name} differ: {choice.version} by {best.where} of {day(best.when)} is closest to the "
                f"moment; {others}"
            )


def _text(when: datetime) -> str:
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
