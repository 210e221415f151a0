"""Recorded runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from contexta.analysis.commands.rerun_duration import measured_seconds
from contexta.analysis.environments.missing_facts import is_captured, source_of, uncertainties_of
from contexta.bisect.execution.trial import applicable_variables
from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.sides.distributions import pins_of_snapshot
from contexta.bisect.inputs.sides.side import KINDS_OF_SIDES, Candidate, Side
from contexta.contract.environment import UNKNOWN, EnvironmentSnapshot
from contexta.core.errors import InvalidInput, NotFound, shown
from contexta.findings import RunDetails
from contexta.findings.past_runs import Installation
from contexta.findings.runs import imported_from
from contexta.recorder.redaction.redact import HIDDEN
from contexta.reproduce.environment_manager import installation_of
from contexta.reproduce.plan.interpreters import where_it_was


class RecordedRun(Side):
    """Secrets were not recorded, and not every variable applies to a trial, see ``applicable_variables``."""

    def __init__(self, run: RunDetails, snapshot: EnvironmentSnapshot) -> None:
        self.run = run
        self.label = f"run {run.run_ref.value}"
        python_version = None if snapshot.python_version == UNKNOWN else snapshot.python_version
        self.python = where_it_was(snapshot) or python_version
        variables = applicable_variables(snapshot.environment_variables)
        self.variables = variables if variables or is_captured(snapshot) else None
        self.seconds = measured_seconds(run.duration_seconds, run.metadata)
        self._snapshot, self._metadata = snapshot, run.metadata
        hidden = [name for name, value in snapshot.environment_variables.items() if HIDDEN in value]
        note = f"{self.label} keeps no value of {', '.join(hidden)}: taken from where a rerun runs"
        pins = pins_of_snapshot(snapshot, self.label)
        notes = [f"{self.label} was reconstructed {text}" for text in uncertainties_of(snapshot) or ()]
        if not is_captured(snapshot):
            if (tool := imported_from(run.metadata)) is not None:
                notes.append(f"{self.label} was imported from {tool}: its builds and origins are unknown")
            if self.variables is None:
                notes.append(f"{self.label} was {source_of(snapshot)}: its variables are unknown, and no change")
        self._pins = replace(pins, notes=(*pins.notes, *notes, *([note] if hidden else [])))

    def pins(self, markers: Mapping[str, str]) -> Pins:  # noqa: ARG002  # what is installed does not depend on them
        return self._pins

    def installation(self, command: Sequence[str]) -> Installation:  # noqa: ARG002  # the run has its own command
        return installation_of(self._snapshot, self._metadata)


def recognise(candidate: Candidate) -> Side | None:
    """A run, also where a directory has exactly its name. Raises NotFound for a run without an environment."""
    if candidate.is_path:
        return None
    records, name = candidate.records, candidate.name
    if records.is_local and not records.root.is_dir():
        if candidate.is_directory:
            return None
        raise NotFound(
            f"there is no file {shown(name)}, and there is no workspace that could have a run of that name",
            hint=f"OLD and NEW are {KINDS_OF_SIDES}, or a recorded run",
        )
    try:
        run = records.get_run(name)
    except (InvalidInput, LookupError):
        if candidate.is_directory:
            return None
        raise
    if candidate.is_directory and name not in (run.name, run.run_ref.name):
        return None
    try:
        return RecordedRun(run, records.get_environment(name))
    except NotFound as error:
        raise NotFound(error.what, hint="give a file of its pins instead") from error
