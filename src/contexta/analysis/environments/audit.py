"""Check whether the record of a run is enough to rebuild its environment and to rerun it."""

from __future__ import annotations

from contexta.analysis.environments.availability import (
    Availability,
    check,
    checks_of_availability,
    checks_of_environment,
    checks_of_run,
)
from contexta.analysis.environments.missing_facts import is_captured, source_of, uncertainties_of
from contexta.analysis.metrics.formatting import some
from contexta.contract.environment import UNKNOWN, EnvironmentSnapshot, Origin
from contexta.findings import Audit, Check, RunDetails

_RECORDING = "`contexta run` or `with ctx.run(...)`"
# The checks that decide the status: a rebuild needs all of them.
_REQUIRED = frozenset({"environment recorded", "python version", "packages", "package origins"})
# The checks that a rebuild must not fail, but that may be unknown.
_NOT_FAILED = frozenset({"index", "installed files", "rebuilt"})


def audit(run: RunDetails, snapshot: EnvironmentSnapshot | None, availability: Availability | None = None) -> Audit:
    """Audit one run. availability: results of earlier rebuilds and reruns, and of checks beyond the record."""
    availability = availability or Availability()
    checks = [_recorded(snapshot)]
    if snapshot is not None:
        checks += [_python(snapshot), _packages(snapshot), _origins(snapshot, availability)]
        checks += [_builds(snapshot), _completeness(snapshot)] if snapshot.distributions else []
        checks += checks_of_environment(snapshot, availability)
    checks += checks_of_run(run, availability)
    checks.append(_metrics(run))
    checks += checks_of_availability(availability, run.run_ref)
    complete = all(result.status == "pass" for result in checks if result.name in _REQUIRED) and not any(
        result.status == "fail" for result in checks if result.name in _NOT_FAILED
    )
    return Audit(
        run_ref=run.run_ref,
        environment_ref=snapshot.environment_snapshot_ref if snapshot else None,
        python_version=snapshot.python_version if snapshot else None,
        platform=snapshot.platform if snapshot else None,
        package_count=len(snapshot.packages) if snapshot else 0,
        environment_variable_count=len(snapshot.environment_variables) if snapshot else 0,
        reproducibility_status="missing" if snapshot is None else "complete" if complete else "partial",
        checks=tuple(checks),
        completeness_notes=tuple(
            f"{result.name}: {result.detail}" for result in checks if result.status in ("warn", "fail", "unknown")
        ),
    )


def _recorded(snapshot: EnvironmentSnapshot | None) -> Check:
    name = "environment recorded"
    if snapshot is None:
        return check(name, "fail", "the run has no environment snapshot", f"record the next run with {_RECORDING}")
    uncertainties = uncertainties_of(snapshot)
    if uncertainties is not None:
        detail = f"reconstructed {'; '.join(uncertainties)}"
        return check(name, "warn", detail, "find traces of that time for these packages: `contexta reconstruct --help`")
    if not is_captured(snapshot):
        return check(name, "pass", f"{source_of(snapshot)}, as of {snapshot.captured_at}")
    return check(name, "pass", f"captured {snapshot.captured_at}")


def _python(snapshot: EnvironmentSnapshot) -> Check:
    python, platform = snapshot.python_version, snapshot.platform
    if python == UNKNOWN:
        return check("python version", "warn", "not recorded", "rebuild with a version: --python VERSION")
    detail = f"{python} on {'an unknown platform' if platform == UNKNOWN else platform}"
    if snapshot.python_version.count(".") < 2:
        return check("python version", "warn", detail, "record the full version, e.g. 3.11.7")
    return check("python version", "pass", detail)


def _packages(snapshot: EnvironmentSnapshot) -> Check:
    count = len(snapshot.packages)
    if not count:
        return check("packages", "warn", "0 packages recorded", "record the packages of the environment")
    return check("packages", "pass", f"{count} package{'' if count == 1 else 's'} recorded")


def _origins(snapshot: EnvironmentSnapshot, availability: Availability) -> Check:
    name = "package origins"
    if not snapshot.distributions:
        fix = f"record the run with {_RECORDING}"
        return check(name, "unknown", "only names and versions were recorded, not the sources", fix)
    unavailable = [
        f"{distribution.name} ({reason})"
        for distribution in snapshot.distributions
        if (reason := _unavailable(distribution.origin))
    ]
    if not unavailable:
        return check(name, "pass", "every package came from an index, conda, an archive or a known commit")
    rebuild = availability.matching_rebuild
    if rebuild is not None:
        return check(name, "pass", f"the rebuild on {rebuild.host} also reinstalled {some(unavailable)}")
    fix = "install them from an index or from a commit"
    return check(name, "warn", f"in no index and at no commit: {some(unavailable)}", fix)


def _unavailable(origin: Origin) -> str | None:
    """Why a package from this origin cannot be reinstalled; None if it can."""
    if origin.kind in ("directory", "editable"):
        return "an editable install" if origin.kind == "editable" else "a local directory"
    if origin.kind == "unknown":
        return "unknown origin"
    if origin.kind in ("vcs", "archive") and not origin.url:
        return f"a {origin.kind} origin without a URL"
    if origin.url and origin.url.startswith("file:"):
        return "a local file"
    if origin.kind == "vcs" and not origin.commit:
        return "a repository without a commit"
    return "uncommitted changes" if origin.dirty else None


def _builds(snapshot: EnvironmentSnapshot) -> Check:
    missing = [distribution.name for distribution in snapshot.distributions if distribution.build is None]
    if missing:
        return check("package builds", "warn", f"no build digest for {some(missing)}")
    return check("package builds", "pass", "every package has a build digest")


def _completeness(snapshot: EnvironmentSnapshot) -> Check:
    notes = [f"{note.topic}: {note.text}" for note in snapshot.notes]
    return check("capture", "warn", some(notes)) if notes else check("capture", "pass", "the capture is complete")


def _metrics(run: RunDetails) -> Check:
    if not run.metrics:
        detail = "the run has no metric, so a rerun cannot be compared with it"
        return check("metrics", "warn", detail, "log at least one with run.metric(name, value)")
    return check("metrics", "pass", f"{len(run.metrics)} recorded: {some(list(run.metrics))}")
