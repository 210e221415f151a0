"""Reports about runs with their learning curves, source and output, and parts of web pages.

The functions with a name that starts with ``build`` are methods of ``Contexta``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from contexta.client.comparisons import audit_reproducibility, compare_multiple_runs, diff_runs
from contexta.client.reading.arguments import project_ref, selectors
from contexta.client.reading.curves import curves_of
from contexta.client.reading.queries import diagnose_run, get_run
from contexta.client.reading.workspace import Workspace
from contexta.core.errors import DamagedData, NotFound
from contexta.recorder.image_types import FORMATS, LARGEST, image_format

if TYPE_CHECKING:
    from typing import TypeAlias

    from contexta.findings import (
        Artifact,
        EnvironmentTimeline,
        Excerpt,
        Explanation,
        LearningCurves,
        MultiRunComparison,
        RecordedProcess,
        RunComparison,
        RunDetails,
        RunDiff,
        RunEvidence,
    )
    from contexta.reports import Picture, Report

    _Compared: TypeAlias = Explanation | MultiRunComparison | RunComparison | RunDiff

MOST_IMAGES = 24
"""Images of one run on a page."""


def build_run_page(workspace: Workspace, run: str) -> Report:
    """The page of one run: what ``get_run`` returns, its learning curves, its uncommitted changes and its output."""
    from contexta.reports.pages.recorded.run_pages import run_page

    details = get_run(workspace, run)
    return run_page(
        details, _curves(workspace, details), evidence_of(workspace, details), _pictures(workspace, details)
    )


def build_run_report(workspace: Workspace, run: str, against: str | None = None) -> Report:
    """A report of one run with its problems and its audit, or of two runs with their differences."""
    from contexta.reports.pages.recorded import run_pages

    diagnosis = diagnose_run(workspace, run)
    if against is not None:
        other = diagnose_run(workspace, against)
        curves = curves_of(workspace, (diagnosis.run_ref, other.run_ref))
        return run_pages.two_run_report(diff_runs(workspace, run, against), curves, (diagnosis, other))
    details = get_run(workspace, run)
    return run_pages.run_report(
        details,
        _curves(workspace, details),
        evidence_of(workspace, details),
        diagnosis,
        audit_reproducibility(workspace, run),
        _pictures(workspace, details),
    )


def build_multi_run_report(workspace: Workspace, runs: Sequence[str]) -> Report:
    """A report of several runs side by side, with their learning curves and their problems."""
    from contexta.reports.pages.recorded.run_pages import multi_run_report

    names = selectors(runs)
    comparison = compare_multiple_runs(workspace, names)
    diagnoses = [diagnose_run(workspace, name) for name in names]
    return multi_run_report(comparison, curves_of(workspace, comparison.run_refs), diagnoses)


def build_page_with_curves(workspace: Workspace, finding: _Compared) -> Report:
    """The page of a finding that compares runs, with the learning curves of these runs."""
    from contexta.findings import Explanation, MultiRunComparison, RunDiff
    from contexta.reports import report_of
    from contexta.reports.pages.recorded.run_pages import with_curves

    if isinstance(finding, MultiRunComparison):
        refs = finding.run_refs
    elif isinstance(finding, Explanation):
        refs = (finding.old_ref, finding.new_ref)
    else:
        metrics = finding.metrics if isinstance(finding, RunDiff) else finding
        refs = (metrics.left_ref, metrics.right_ref)
    return with_curves(report_of(finding), curves_of(workspace, refs))


# ---------------------------------------------------------------------------------------------- parts of web pages


def list_processes(workspace: Workspace, run: str) -> tuple[RecordedProcess, ...]:
    """The processes that recorded a run, by their first record; none for a run that was written by hand."""
    from contexta.store.read.run_processes import processes_of

    with workspace._reading() as connection:
        return processes_of(connection, workspace._find(connection, run)[0])


def environment_timeline(
    workspace: Workspace, metric: str | None = None, *, project: str | None = None, last: int = 200
) -> EnvironmentTimeline:
    """Packages, Python, source, parameters and inputs over the latest ``last`` runs of a project, and a metric.

    metric: by default the one that most runs have, of those with a known direction. project: by default the configured
    one, else the project of the latest run.
    """
    from contexta.analysis.environment_timeline import environment_timeline
    from contexta.store.read import history

    latest = "@latest" if project is None else f"{project_ref(project).value}@latest"
    with workspace._reading() as connection:
        key, ref = workspace._find(connection, latest)
        runs, older = history.latest_runs(connection, key, last)
        inputs = history.inputs_of_runs(connection, [run.ref for run in runs])
        return environment_timeline(runs, ref.components[0], metric, workspace._directions(), older, inputs)


def patch_between(old: RunDetails, new: RunDetails) -> Excerpt | None:
    """The start of the patch between the commits of two runs, from a repository on this machine; None without it."""
    from contexta.analysis.excerpts import start_of_patch
    from contexta.recorder.source import commits

    sources = [run.metadata.get("source") for run in (old, new)]
    left, right = ({} if not isinstance(source, Mapping) else source for source in sources)
    if not (left.get("commit") and right.get("commit")) or left["commit"] == right["commit"]:
        return None
    for place in dict.fromkeys(str(source.get("root") or "") for source in (right, left)):
        patch = commits.patch_between(place, str(left["commit"]), str(right["commit"]))
        if patch is not None:
            return start_of_patch("changes between the commits", patch.decode("utf-8", "replace"))
    return None


def _curves(workspace: Workspace, details: RunDetails) -> LearningCurves:
    return curves_of(workspace, (details.run_ref,))


def images_of(details: RunDetails) -> list[Artifact]:
    """The latest kept images and figures of a run that a browser can show, by their recorded format."""
    images = [
        item
        for item in details.artifacts
        if item.kept and item.kind in ("image", "figure") and item.attributes.get("format") in FORMATS
    ]
    return images[-MOST_IMAGES:]


def _pictures(workspace: Workspace, details: RunDetails) -> list[Picture]:
    """The images of a run as parts of a document."""
    from base64 import b64encode

    from contexta.reports import Picture
    from contexta.reports.pages.recorded.runs import image_caption

    pictures = []
    for item in images_of(details):
        if (item.size_bytes or 0) > LARGEST:
            continue
        try:
            data = workspace._opened().objects.get(item.location.partition(":")[2])
        except (NotFound, DamagedData):
            continue  # `contexta verify` reports it
        if (format_ := image_format(data)) is not None:
            source = f"data:image/{format_};base64,{b64encode(data).decode()}"
            pictures.append(Picture(caption=image_caption(item), source=source))
    return pictures


def evidence_of(workspace: Workspace, details: RunDetails) -> RunEvidence:
    """The readable parts of the uncommitted changes and of the output of a run. Not a method of ``Contexta``."""
    from contexta.analysis.excerpts import end_of_log, files_of_patch, start_of_patch
    from contexta.findings import RunEvidence
    from contexta.store.entities.artifacts import LOG, log_text
    from contexta.store.read.latest_output import recent_output

    objects = workspace._opened().objects
    source = details.metadata.get("source")
    digest = source.get("patch") if isinstance(source, Mapping) else None
    patch, outputs, notes = "", [], []
    if isinstance(digest, str):
        try:
            patch = objects.get(digest).decode("utf-8", "replace")
        except (NotFound, DamagedData) as error:
            notes.append(f"the uncommitted changes cannot be read: {error.what}")
    for artifact in details.artifacts:
        if artifact.kind == LOG and artifact.kept:
            try:
                outputs.append(end_of_log(artifact.name, log_text(objects, artifact)))
            except (NotFound, DamagedData) as error:
                notes.append(f"{artifact.name} cannot be read: {error.what}")
    if not any(artifact.kind == LOG for artifact in details.artifacts):
        with workspace._reading() as connection:
            recent = recent_output(
                connection, workspace._opened(), workspace._find(connection, str(details.run_ref))[0]
            )
        outputs += [end_of_log(stream, text).model_copy(update={"is_unfinished": True}) for stream, text in recent]
    return RunEvidence(
        run_ref=details.run_ref,
        patch=start_of_patch("uncommitted changes", patch) if patch else None,
        patched_files=files_of_patch(patch),
        outputs=tuple(outputs),
        completeness_notes=tuple(notes),
    )
