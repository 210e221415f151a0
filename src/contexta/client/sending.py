"""Send runs to MLflow, or to a collector of OpenTelemetry. Each function is a method of ``Contexta``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from contexta.client.reading.queries import get_environment, get_run, get_run_snapshot, list_runs
from contexta.client.reading.workspace import Workspace
from contexta.core.errors import InvalidInput, NotFound, shown

if TYPE_CHECKING:
    from contexta.exporters.described_run import DescribedRun
    from contexta.findings import SentRun, SentRuns

_SCHEMES = ("http://", "https://")


def export_to_mlflow(
    workspace: Workspace,
    uri: str,
    runs: Sequence[str] = (),
    *,
    experiment: str | None = None,
    progress: Callable[[SentRun], None] | None = None,
) -> SentRuns:
    """Send runs to an MLflow tracking server or store, with all points of their metrics.

    uri: as MLflow's ``tracking_uri``. runs: by default all, the oldest first. experiment: by default the project of
    each run. progress: receives each run when it was sent. A run that is there with the same content is not sent again;
    one that changed since is replaced.
    Raises ContextaError without the package mlflow or mlflow-skinny, and where the server does not accept a run.
    """
    from contexta.exporters.mlflow_server import send_to_mlflow

    sent = send_to_mlflow(_described(workspace, runs), uri, experiment)
    return _collected(uri, sent, progress)


def export_to_otlp(
    workspace: Workspace,
    url: str,
    runs: Sequence[str] = (),
    *,
    progress: Callable[[SentRun], None] | None = None,
) -> SentRuns:
    """Send runs to a collector by OTLP over HTTP: each run as a trace with a span per stage, its metrics as gauges.

    url: of the receiver, without /v1/traces. runs, progress: as ``export_to_mlflow``. The ids of traces follow from the
    runs, so that sending twice adds nothing to a backend that knows them.
    Raises InvalidInput for an address that is not HTTP, ContextaError without the exporter, and where the collector
    does not accept a run.
    """
    from contexta.exporters.otlp_server import send_to_otlp

    if not url.startswith(_SCHEMES):
        raise InvalidInput(f"{shown(url)} is no address of HTTP", hint="as in http://localhost:4318")
    return _collected(url, send_to_otlp(_described(workspace, runs), url), progress)


def _described(workspace: Workspace, names: Sequence[str]) -> Iterator[DescribedRun]:
    from contexta.exporters.described_run import DescribedRun

    refs = [run.run_ref.value for run in list_runs(workspace, order="oldest")] if not names else None
    for summary in [get_run(workspace, name) for name in refs or names]:
        name = summary.run_ref.value
        try:
            environment = get_environment(workspace, name)
        except NotFound:
            environment = None
        yield DescribedRun(summary, get_run_snapshot(workspace, name), environment)


def _collected(address: str, sent: Iterator[SentRun], progress: Callable[[SentRun], None] | None) -> SentRuns:
    from contexta.exporters.address import without_password
    from contexta.findings import SentRuns

    runs = []
    for run in sent:
        runs.append(run)
        if progress is not None:
            progress(run)
    return SentRuns(target=without_password(address), runs=tuple(runs))
