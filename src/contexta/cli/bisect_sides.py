"""What OLD and NEW on the command line of ``contexta bisect`` are, and what is included of two recorded runs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from contexta.analysis.why.suspects import included as asked_for
from contexta.bisect.execution.parameter_changes import moved, not_in, told_by
from contexta.bisect.execution.sandbox import repository
from contexta.bisect.inputs.recorded_source import about_sources, packages_of, require_here, revision_of
from contexta.bisect.inputs.sides import Ends, Given, given_path, given_run
from contexta.bisect.space.changes import BOTH, SOURCE
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput, NotFound, shown
from contexta.findings import Difference, RunDetails
from contexta.findings.installations import Installation
from contexta.reproduce.environment_manager import (
    current_installation,
    directory_installation,
    installation_of,
    lock_installation,
)
from contexta.reproduce.rebuild import Recorded

PARAMS = "params"
_KINDS = (SOURCE, PARAMS)


@dataclass(frozen=True)
class Include:
    """What joins the changes besides the environment. template: how an option is written that was not recorded."""

    kinds: tuple[str, ...] = ()
    template: str | None = None


def include_of(text: str | None, template: str | None) -> Include:
    """Raises InvalidInput for what is not known, or leads nowhere."""
    kinds = tuple(dict.fromkeys(word.strip() for word in text.split(","))) if text is not None else ()
    for kind in kinds:
        if kind not in _KINDS:
            raise InvalidInput(f"--include cannot take {shown(kind)}", hint=f"it takes {' and '.join(_KINDS)}")
    if template is not None and PARAMS not in kinds:
        raise InvalidInput("--param-arg sets parameters, and none are included", hint="add --include params")
    if template is not None and not ("{name}" in template and "{value}" in template):
        raise InvalidInput(
            f"--param-arg cannot be {shown(template)}", hint='name both places, as in "--{name} {value}"'
        )
    try:
        shlex.split(template or "")
    except ValueError as error:
        raise InvalidInput(
            f"--param-arg cannot be {shown(template)}: {error}", hint="quote it as in a shell"
        ) from error
    return Include(kinds, template)


def side(text: str, workspace: str | None) -> Given:
    """Raises InvalidInput or NotFound for what is no side."""
    if is_path(text, workspace):
        return given_path(Path(text))
    with Contexta(workspace=workspace) as ctx:
        if ctx.is_local and not ctx.root.is_dir():
            raise NotFound(
                f"there is no file {shown(text)}, and no workspace that could have a run of that name",
                hint="OLD and NEW are requirements files, locks, virtual environments or recorded runs",
            )
        run = ctx.get_run(text)
        snapshots = ctx.metadata_store.environments.list_environment_snapshots(run.run_ref)
    if not snapshots:
        raise NotFound(f"{run.run_ref} has no environment snapshot", hint="give a file of its pins instead")
    return given_run(snapshots[0], f"run {run.run_ref.value}", run.duration_seconds)


def is_path(text: str, workspace: str | None) -> bool:
    """A file always; a directory unless there is a run of just that name (``./name`` is the directory then)."""
    if not Path(text).is_dir():
        return Path(text).is_file()
    with Contexta(workspace=workspace) as ctx:
        if ctx.is_local and not ctx.root.is_dir():
            return True
        try:
            run = ctx.get_run(text)
        except (InvalidInput, LookupError):
            return True
    return text not in (run.name, run.run_ref.name)


def installation(text: str, command: Sequence[str], workspace: str | None) -> Installation:
    """The environment on this machine that advice about a side is for."""
    if not is_path(text, workspace):
        with Contexta(workspace=workspace) as ctx:
            run = ctx.get_run(text)
            snapshots = ctx.metadata_store.environments.list_environment_snapshots(run.run_ref)
        return installation_of(next(iter(snapshots), None), run.metadata)
    path = Path(text)
    if path.is_dir():
        return directory_installation(path) or current_installation(command)
    return lock_installation(path, command)


def included(
    ends: Ends, include: Include, given: dict[str, str], command: Sequence[str], workspace: str | None
) -> Ends:
    """The ends with what is included of their runs. given: OLD and NEW as they were named.

    Raises InvalidInput where a side is no recorded run, or its source cannot be had again.
    """
    if not include.kinds:
        return ends
    for end in BOTH:
        if is_path(given[end], workspace):
            raise InvalidInput(
                f"{end.upper()} is no recorded run: it tells nothing of {' and '.join(include.kinds)}",
                hint="`contexta run -- COMMAND` records one; or leave out --include",
            )
    with Contexta(workspace=workspace) as ctx:
        runs = {end: ctx.get_run(given[end]) for end in BOTH}
        recorded = {end: ctx.to_rebuild(given[end]) for end in BOTH} if SOURCE in include.kinds else {}
    if recorded:
        ends = _with_sources(ends, runs, recorded)
    return _with_parameters(ends, runs, include, command) if PARAMS in include.kinds else ends


def _with_sources(ends: Ends, runs: dict[str, RunDetails], recorded: dict[str, Recorded]) -> Ends:
    if any(SOURCE in end.packages for end in (ends.old, ends.new)):
        raise InvalidInput(
            "a package called source is installed: its changes would have the name of the source's",
            hint="leave source out of --include",
        )
    here, notes, revisions = Path.cwd(), [], {}
    for end in BOTH:
        what = f"run {runs[end].run_ref.value}"
        said = [note.text for note in runs[end].notes if note.topic == "source"]
        revisions[end] = revision_of(what, recorded[end], said)
        require_here(what, revisions[end], here)
        notes += [f"{what}: {text}" for text in said]
    top = repository(here) or here
    packages = packages_of(ends.fixed, Path(os.path.realpath(top)))
    old, new = (replace(revisions[end], packages=packages) for end in BOTH)
    return replace(
        ends,
        old=replace(ends.old, revision=old),
        new=replace(ends.new, revision=new),
        notes=(*ends.notes, *notes, *about_sources(old, new, here)),
    )


def _with_parameters(ends: Ends, runs: dict[str, RunDetails], include: Include, command: Sequence[str]) -> Ends:
    old, new = (told_by(runs[end].params, runs[end].metadata) for end in BOTH)
    found = moved(old, new, include.template)
    silent = [
        f"run {run.run_ref.value}"
        for run in runs.values()
        if not (run.params or run.metadata.get("invocation") or run.metadata.get("command"))
    ]
    unknown = [f"neither parameters nor a command line are recorded of {' and '.join(silent)}"] if silent else []
    absent = not_in(command, found.old)
    appended = [f"nowhere in the command, and appended to it: {', '.join(absent)}"] if absent and command else []
    return replace(
        ends,
        old=replace(ends.old, parameters=found.old),
        new=replace(ends.new, parameters=found.new),
        notes=(*ends.notes, *unknown, *found.notes, *appended),
    )


def held(include: Include, ends: Ends) -> tuple[str, ...]:
    """What is alike in all mixes, so that no trial tells of it."""
    moves = {"code": ends.old.revision is not None, "parameters": PARAMS in include.kinds}
    return tuple(name for name in ("code", "data", "parameters", "machine") if not moves.get(name))


def not_included(include: Include, found: Sequence[Difference]) -> str:
    """What --include would add of what differs between the runs; "" for nothing."""
    more = asked_for({each.kind for each in found})
    wanted = ",".join(kind for kind in _KINDS if kind in (*include.kinds, *more))
    return wanted if {*more} - {*include.kinds} else ""
