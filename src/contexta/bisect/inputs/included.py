"""Source and parameters of two recorded runs, as further changes between OLD and NEW."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from contexta.analysis.why.suspects import included as kinds_with_differences
from contexta.bisect.execution.isolation.source_files import repository
from contexta.bisect.execution.parameter_changes import changed_parameters, not_in, parameters_of
from contexta.bisect.inputs.both_sides import BothSides
from contexta.bisect.inputs.recorded_source import about_sources, packages_of, require_here, revision_of
from contexta.bisect.inputs.sides.side import Records, Side
from contexta.bisect.option_names import option
from contexta.bisect.space.changes import BOTH, SOURCE
from contexta.core.errors import InvalidInput, shown
from contexta.findings import Difference, RunDetails

PARAMS = "params"
_KINDS = (SOURCE, PARAMS)


@dataclass(frozen=True)
class Include:
    """The kinds of changes besides the environment. template: how to write an option that was not recorded."""

    kinds: tuple[str, ...] = ()
    template: str | None = None


def include_of(text: str | None, template: str | None) -> Include:
    """text: comma-separated kinds. Raises InvalidInput for an unknown kind, or a template that cannot be used."""
    kinds = tuple(dict.fromkeys(word.strip() for word in text.split(","))) if text is not None else ()
    for kind in kinds:
        if kind not in _KINDS:
            raise InvalidInput(
                f"{option('include')} cannot take {shown(kind)}", hint=f"it takes {' and '.join(_KINDS)}"
            )
    if template is not None and PARAMS not in kinds:
        hint = f"add {option('include', 'params')}"
        raise InvalidInput(f"{option('param_arg')} sets parameters, and none are included", hint=hint)
    if template is not None and not ("{name}" in template and "{value}" in template):
        raise InvalidInput(
            f"{option('param_arg')} cannot be {shown(template)}", hint='name both places, as in "--{name} {value}"'
        )
    try:
        shlex.split(template or "")
    except ValueError as error:
        raise InvalidInput(
            f"{option('param_arg')} cannot be {shown(template)}: {error}", hint="quote it as in a shell"
        ) from error
    return Include(kinds, template)


def included(
    both: BothSides, include: Include, sides: Mapping[str, Side], command: Sequence[str], records: Records
) -> BothSides:
    """The sides with what is included of their runs.

    Raises InvalidInput where a side is no recorded run, or its source cannot be checked out.
    """
    if not include.kinds:
        return both
    runs = {end: _run(end, sides[end], include) for end in BOTH}
    if SOURCE in include.kinds:
        both = _with_sources(both, runs, records)
    return _with_parameters(both, runs, include, command) if PARAMS in include.kinds else both


def _run(end: str, side: Side, include: Include) -> RunDetails:
    if side.run is None:
        raise InvalidInput(
            f"{end.upper()} is not a recorded run, so it does not have {' and '.join(include.kinds)}",
            hint=f"`contexta run -- COMMAND` records one; or leave out {option('include')}",
        )
    return side.run


def _with_sources(both: BothSides, runs: Mapping[str, RunDetails], records: Records) -> BothSides:
    if any(SOURCE in end.packages for end in (both.old, both.new)):
        raise InvalidInput(
            "a package called source is installed: its changes would have the name of the source's",
            hint=f"leave source out of {option('include')}",
        )
    here, notes, revisions = Path.cwd(), [], {}
    for end in BOTH:
        label = f"run {runs[end].run_ref.value}"
        source_notes = [note.text for note in runs[end].notes if note.topic == "source"]
        recorded = records.to_rebuild(str(runs[end].run_ref))
        revisions[end] = revision_of(label, recorded, source_notes)
        require_here(label, revisions[end], here)
        notes += [f"{label}: {text}" for text in source_notes]
    top = repository(here) or here
    packages = packages_of(both.fixed, Path(os.path.realpath(top)))
    old, new = (replace(revisions[end], packages=packages) for end in BOTH)
    return replace(
        both,
        old=replace(both.old, revision=old),
        new=replace(both.new, revision=new),
        notes=(*both.notes, *notes, *about_sources(old, new, here)),
    )


def _with_parameters(
    both: BothSides, runs: Mapping[str, RunDetails], include: Include, command: Sequence[str]
) -> BothSides:
    old, new = (parameters_of(runs[end].params, runs[end].metadata) for end in BOTH)
    parameters = changed_parameters(old, new, include.template)
    without = [
        f"run {run.run_ref.value}"
        for run in runs.values()
        if not (run.params or run.metadata.get("invocation") or run.metadata.get("command"))
    ]
    unknown = [f"neither parameters nor a command line are recorded of {' and '.join(without)}"] if without else []
    missing = not_in(command, parameters.old)
    appended = [f"nowhere in the command, and appended to it: {', '.join(missing)}"] if missing and command else []
    return replace(
        both,
        old=replace(both.old, parameters=parameters.old),
        new=replace(both.new, parameters=parameters.new),
        notes=(*both.notes, *unknown, *parameters.notes, *appended),
    )


def held(include: Include, both: BothSides) -> tuple[str, ...]:
    """Facts that are the same in all mixes, so that no trial can test them."""
    is_change = {"code": both.old.revision is not None, "parameters": PARAMS in include.kinds}
    return tuple(name for name in ("code", "data", "parameters", "machine") if not is_change.get(name))


def not_included(include: Include, differences: Sequence[Difference]) -> str:
    """The value of --include that would cover all differences between the runs; "" where it already does."""
    more = kinds_with_differences({difference.kind for difference in differences})
    kinds = ",".join(kind for kind in _KINDS if kind in (*include.kinds, *more))
    return kinds if {*more} - {*include.kinds} else ""
