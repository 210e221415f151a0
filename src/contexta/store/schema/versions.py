"""Versions of the schema: which ones this Contexta can use, and the errors for all others."""

from __future__ import annotations

from contexta import __version__
from contexta.core.errors import ContextaError, WorkspaceError, WorkspaceTooNew
from contexta.core.own_source import upgrade_hint
from contexta.findings import Check
from contexta.store.schema import tables

_UNRELEASED = ("0001", "0002", "0003", "0004")
"""Schemas of development versions; no release ever wrote them."""


def require_usable(name: str, version: str) -> None:
    """Raise WorkspaceTooNew or WorkspaceError for a schema that can be neither used nor upgraded. name: of the
    workspace."""
    if version > tables.SCHEMA_VERSION:
        raise too_new(name, version)
    if version in _UNRELEASED:
        raise unreleased(name, version)


def is_newer(version: object) -> bool:
    """Whether a newer Contexta may have written this version; a damaged version rarely looks like one."""
    return _has_form(version) and str(version) > tables.SCHEMA_VERSION


def is_older(version: object) -> bool:
    """Whether an older Contexta may have written this version."""
    return _has_form(version) and str(version) < tables.SCHEMA_VERSION


def _has_form(version: object) -> bool:
    return len(str(version)) == 4 and str(version).isdigit()


def too_new(name: str, version: object) -> WorkspaceTooNew:
    return WorkspaceTooNew(
        f"{name} has schema {version}, Contexta {__version__} knows up to {tables.SCHEMA_VERSION}",
        hint=f"it was written by a newer Contexta: {upgrade_hint()}",
    )


def unreleased(name: str, version: object) -> WorkspaceError:
    return WorkspaceError(
        f"{name} has schema {version} of a development version; Contexta {__version__} cannot read it",
        hint="move it away or choose another workspace; the version that wrote it can still export it",
    )


def version_failure(version: object) -> Check | None:
    """The failed check of `contexta doctor` for a database of another version; None for this version."""
    try:
        require_usable("the database", str(version))
    except ContextaError as error:
        return Check(name="database", status="fail", detail=error.what, fix=error.hint)
    if version == tables.SCHEMA_VERSION:
        return None
    detail = f"schema {version} is of an older Contexta, this one needs {tables.SCHEMA_VERSION}"
    fix = "`contexta upgrade`, once all users have this version"
    return Check(name="database", status="fail", detail=detail, fix=fix)
