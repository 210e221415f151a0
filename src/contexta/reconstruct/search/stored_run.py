"""Store a reconstruction as a run that works like a recorded one, and is marked as reconstructed."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from contexta.contract import EnvironmentSnapshot, Note, Project, Run
from contexta.contract.environment import UNKNOWN
from contexta.core.errors import InvalidInput, shown
from contexta.core.references import slug
from contexta.findings.reproduction import RECONSTRUCTED, Reconstruction
from contexta.store.ingest.metadata_api import MetadataStore

_NAMES_SHOWN = 12


class RunStore(Protocol):
    """The part of ``Contexta`` that a reconstruction is stored in."""

    @property
    def metadata_store(self) -> MetadataStore: ...


def store_run(place: RunStore, finding: Reconstruction, project: str | None, name: str | None) -> Reconstruction:
    """The reconstruction with the reference of its run. A run of that name that was reconstructed is replaced.

    Raises InvalidInput where a recorded run has the name.
    """
    project = slug(project or Path.cwd().name) or "default"
    display = name or f"{RECONSTRUCTED}-{finding.as_of.replace(':', '')}"
    key = slug(display)
    if key is None:
        raise InvalidInput(f"a run cannot be called {shown(display)}", hint="use letters and digits: --name last-month")
    store = place.metadata_store
    run_ref = f"run:{project}.{key}"
    existing = store.runs.find_run(run_ref)
    if existing is not None and RECONSTRUCTED not in existing.metadata:
        raise InvalidInput(f"{run_ref} is a recorded run", hint="give the reconstruction another name: --name NAME")
    if store.projects.find_project(f"project:{project}") is None:
        store.projects.put_project(Project(project_ref=f"project:{project}", name=project, created_at=finding.at))
    mark = {
        "at": finding.at,
        "as_of": finding.as_of,
        "python": finding.python_confidence,
        "confidence": {package.name: package.confidence for package in finding.packages},
        **({"expect": dict(finding.expect)} if finding.expect else {}),
    }
    store.runs.put_run(
        Run(
            run_ref=run_ref,
            project_ref=f"project:{project}",
            name=display,
            status="completed",
            started_at=finding.at,
            ended_at=finding.at,
            description=f"reconstructed from traces, as of {finding.at}: it was not recorded",
            metadata={RECONSTRUCTED: mark},
        )
    )
    store.environments.put_environment_snapshot(_snapshot(finding, run_ref))
    return finding.model_copy(update={"run_ref": store.runs.get_run(run_ref).run_ref})


def _snapshot(finding: Reconstruction, run_ref: str) -> EnvironmentSnapshot:
    return EnvironmentSnapshot(
        environment_snapshot_ref=f"environment:{run_ref.removeprefix('run:')}.snapshot",
        run_ref=run_ref,
        captured_at=finding.at,
        python_version=finding.python_version or UNKNOWN,
        platform=finding.platform,
        packages={package.name: package.version for package in finding.packages if package.version is not None},
        notes=[Note(topic=RECONSTRUCTED, text=text) for text in uncertainties(finding)],
    )


def uncertainties(finding: Reconstruction) -> list[str]:
    """The uncertain facts of the environment, in words."""
    texts = [f"from traces, as of {finding.at[:10]}"]
    resolved = [f"{item.name} {item.version}" for item in finding.packages if item.confidence == "resolved"]
    unknown = [package.name for package in finding.packages if package.confidence == "unknown"]
    if resolved:
        texts.append(f"with versions that were resolved, not observed: {_some(resolved)}")
    if unknown:
        texts.append(f"without packages of unknown version: {_some(unknown)}")
    if finding.python_confidence == "resolved":
        texts.append(f"on Python {finding.python_version}, which was resolved, not observed")
    return texts


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
