"""Send runs to MLflow: parameters, tags, all points of metrics, times, status, and the packages as an artifact.

The tag ``contexta.exported`` names the run and its content, so that a run is sent once, and again after it changed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from contexta.core.errors import ContextaError, shown
from contexta.core.own_source import install_hint
from contexta.exporters.address import without_password
from contexta.exporters.described_run import DescribedRun
from contexta.findings.workspace import SentRun

_TAG = "contexta.exported"
_STATUS = {"completed": "FINISHED", "failed": "FAILED", "crashed": "FAILED", "cancelled": "KILLED"}
_METRICS, _PARAMETERS = 1000, 100  # of one request, at most
_LONGEST_VALUE = 500  # characters of a parameter or tag that servers before MLflow 2.8 accept
_FORBIDDEN = re.compile(r"[^\w./ :-]")  # in names
_Item = TypeVar("_Item")


def send_to_mlflow(runs: Iterator[DescribedRun], uri: str, experiment: str | None) -> Iterator[SentRun]:
    """Send runs to the experiment of this name, by default that of their project. Raises ContextaError."""
    try:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        message = "MLflow is not installed here"
        raise ContextaError(message, hint=install_hint("mlflow")) from error
    client: Any = MlflowClient(tracking_uri=uri)
    for run in runs:
        try:
            with redirect_stdout(sys.stderr):  # MLflow prints addresses, and stdout may be JSON
                sent = _send(client, run, experiment or run.project)
        except (MlflowException, OSError) as error:  # requests' errors are OSErrors
            reason = str(error).splitlines()[0][:300]
            message = f"{run.ref} cannot be sent to MLflow at {without_password(uri)}: {reason}"
            hint = "runs that were sent before stay there; sending again continues"
            raise ContextaError(message, hint=hint) from error
        yield sent


def _send(client: Any, run: DescribedRun, experiment: str) -> SentRun:
    found = client.get_experiment_by_name(experiment)
    experiment_id = client.create_experiment(experiment) if found is None else found.experiment_id
    content = f"{run.ref}@{run.content or 'open'}"
    earlier = client.search_runs([experiment_id], f"tags.`{_TAG}` LIKE '{run.ref}@%'")
    for other in earlier:
        if other.data.tags[_TAG] == content and run.content is not None:
            return SentRun(run_ref=run.summary.run_ref, remote_id=other.info.run_id, action="unchanged")
    notes: list[str] = []
    created = client.create_run(experiment_id, start_time=run.started // 10**6, run_name=run.summary.name)
    run_id = created.info.run_id
    _write(client, run_id, run, notes)
    client.set_tag(run_id, _TAG, content)  # last: a run that was not sent completely is sent again
    for other in earlier:
        client.delete_run(other.info.run_id)
    if run.ended is not None:
        client.set_terminated(run_id, _STATUS[run.summary.status], end_time=run.ended // 10**6)
    action = "updated" if earlier else "created"
    return SentRun(run_ref=run.summary.run_ref, remote_id=run_id, action=action, notes=tuple(notes))


def _write(client: Any, run_id: str, run: DescribedRun, notes: list[str]) -> None:
    from mlflow.entities import Metric, Param, RunTag

    def named(items: dict[str, str], kind: str) -> dict[str, str]:
        accepted = {}
        for name, value in items.items():
            if len(value) > _LONGEST_VALUE:
                notes.append(f"the {kind} {name} was cut to {_LONGEST_VALUE} of {len(value)} characters")
            accepted[_accepted(name, notes)] = value[:_LONGEST_VALUE]
        return accepted

    params = [Param(name, value) for name, value in named(run.parameters, "parameter").items()]
    for some_params in _parts(params, _PARAMETERS):
        client.log_batch(run_id, params=some_params)
    tags = [RunTag(name, value) for name, value in named(_tags(run), "tag").items()]
    for some_tags in _parts(tags, _PARAMETERS):
        client.log_batch(run_id, tags=some_tags)
    accepted = cache(lambda key: _accepted(key, notes))
    metrics = (
        Metric(accepted(point.key), point.value, point.nanoseconds // 10**6, point.step) for point in run.points()
    )
    while some_metrics := list(islice(metrics, _METRICS)):
        client.log_batch(run_id, metrics=some_metrics)
    if (requirements := run.requirements()) is not None:
        try:
            client.log_text(run_id, requirements, "environment/requirements.txt")
        except Exception as error:  # noqa: BLE001  # the store of artifacts has errors of its own
            notes.append(f"the packages could not be stored as an artifact: {type(error).__name__}: {error}")


def _tags(run: DescribedRun) -> dict[str, str]:
    tags = {"contexta.run": run.ref, **run.summary.tags}
    if run.summary.note is not None:
        tags["mlflow.note.content"] = run.summary.note
    if run.environment is not None:
        tags["contexta.python"] = run.environment.python_version
    return {name: str(value) for name, value in tags.items()}


def _accepted(name: str, notes: list[str]) -> str:
    accepted = _FORBIDDEN.sub("_", name)
    if accepted != name:
        notes.append(f"{shown(name)} is named {shown(accepted)}, as MLflow allows no other characters")
    return accepted


def _parts(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    return (items[at : at + size] for at in range(0, len(items), size))
