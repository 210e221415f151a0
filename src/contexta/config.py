"""Settings of users: defaults < ``[tool.contexta]`` in pyproject.toml < environment variables < arguments.

The fields that are set on a ``UnifiedConfig`` win; ``resolve`` fills in the others.
"""

from __future__ import annotations

import contexta.core.check_requirements  # noqa: F401  # before libraries that may be too old

# isort: split
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator

from contexta.core import settings, workspace_address
from contexta.core.errors import InvalidInput, shown
from contexta.core.model import Value, nearest
from contexta.core.references import slug
from contexta.core.validation import require_storable

DEFAULT_ROOT = Path(settings.WORKSPACE)


class WorkspaceConfig(Value):
    """The place of a workspace: a directory with database, journals and objects, or a PostgreSQL database."""

    root_path: Path = Field(
        default=DEFAULT_ROOT,
        description="the directory; with url: where the runs of this machine write until the server has their records",
    )
    url: SecretStr | None = Field(
        default=None, description="postgresql://user@host/database; its password is not shown"
    )
    objects: Path | None = Field(
        default=None,
        description="with url: the directory that the team shares for environment bodies, patches and logs",
    )

    @property
    def directory(self) -> Path:
        """The directory on this machine; ``root_path``, and without one that of the address."""
        if self.url is None or "root_path" in self.model_fields_set:
            return self.root_path
        return Path(os.environ.get("CONTEXTA_LOCAL") or workspace_address.directory(self.url.get_secret_value()))

    @field_validator("url", mode="before")
    @classmethod
    def _an_address(cls, value: object) -> object:
        url = value.get_secret_value() if isinstance(value, SecretStr) else value
        if url is None:
            return None
        if not isinstance(url, str) or not workspace_address.is_server(url):
            raise InvalidInput(
                "the url is not the address of a PostgreSQL database",
                hint="e.g. postgresql://me@db.example.org/contexta",
            )
        return workspace_address.checked(require_storable(url))

    @field_validator("root_path", "objects", mode="before")
    @classmethod
    def _usable(cls, value: object) -> object:
        if value is None:
            return None
        if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
            raise InvalidInput(f"{shown(value)} is no path", hint="name a directory, e.g. .contexta")
        if not os.fspath(value):
            raise InvalidInput("the path is empty", hint="name a directory, e.g. .contexta")
        return require_storable(os.fspath(value))


class UnifiedConfig(Value):
    """Every setting of Contexta in one value."""

    project_name: str | None = Field(
        default=None, description="the project of new runs; any name with a letter or digit"
    )
    workspace: WorkspaceConfig = Field(default_factory=WorkspaceConfig)
    higher_is_better: tuple[str, ...] = Field(default=(), description="metrics that should be high, beyond the table")
    lower_is_better: tuple[str, ...] = Field(default=(), description="metrics that should be low")

    @field_validator("project_name")
    @classmethod
    def _nameable(cls, value: str | None) -> str | None:
        if value is not None and slug(require_storable(value)) is None:
            raise InvalidInput(
                f"project name {shown(value)} has no letter or digit", hint="e.g. product-categorization"
            )
        return value


def resolve(
    config: UnifiedConfig | None = None,
    *,
    workspace: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] = os.environ,
    directory: Path | None = None,
) -> UnifiedConfig:
    """The settings in force: ``config`` and ``workspace`` over environment variables over pyproject.toml.

    environ: CONTEXTA_WORKSPACE and CONTEXTA_PROJECT are read from it.
    directory: where the search for a pyproject.toml with a [tool.contexta] table, and for a workspace, starts; default:
    here. It goes upwards.
    Raises InvalidInput for an unknown or malformed setting, with its source.
    """
    explicit = config if config is not None else UnifiedConfig()
    values: dict[str, Any] = {**_workspace_above(directory), **_from_pyproject(directory)}
    if environ.get("CONTEXTA_PROJECT"):
        values["project_name"] = settings.project_name(environ["CONTEXTA_PROJECT"], "CONTEXTA_PROJECT")
    if environ.get("CONTEXTA_WORKSPACE"):
        values["workspace"] = _workspace(environ["CONTEXTA_WORKSPACE"], "")
    values.update({name: getattr(explicit, name) for name in explicit.model_fields_set})
    if workspace is not None:
        if "workspace" in explicit.model_fields_set:
            raise InvalidInput("the workspace is set twice: as workspace= and in config=", hint="set one of them")
        values["workspace"] = _workspace(workspace)
    return UnifiedConfig(**values)


def _workspace(name: str | os.PathLike[str], base: str | None = None) -> WorkspaceConfig:
    """base: what a relative path starts from, where ``~`` is expanded; None leaves the path as it is."""
    if isinstance(name, str) and workspace_address.is_server(name):
        return WorkspaceConfig(url=SecretStr(name))
    path = os.fspath(name)
    return WorkspaceConfig(root_path=Path(path if base is None else settings.path_below(base, path)))


def _workspace_above(directory: Path | None) -> dict[str, Any]:
    """The workspace of a directory above; empty where the directory has one itself, or none does."""
    folder = settings.folder_with_workspace(None if directory is None else os.fspath(directory))
    if folder is None or (directory is None and Path(folder) == Path.cwd()):
        return {}
    return {"workspace": WorkspaceConfig(root_path=Path(folder, settings.WORKSPACE))}


def _from_pyproject(directory: Path | None) -> dict[str, Any]:
    """The fields that ``[tool.contexta]`` sets. Raises InvalidInput for a setting that is unknown or malformed."""
    table = settings.table(None if directory is None else os.fspath(directory))
    if table is None:
        return {}
    if table.fault:
        raise InvalidInput(f"{table.file} is no valid TOML: {table.fault}", hint="correct that line")
    project = table.checked("project", settings.project_name)
    workspace = table.checked("workspace", settings.workspace_name)
    lists = {"higher-is-better": "higher_is_better", "lower-is-better": "lower_is_better"}
    where = f"{table.file}: [tool.contexta]"
    for name, value in table.values.items():
        if name not in ("project", "workspace", *lists):
            suggestions = nearest(name, ("project", "workspace", *lists))
            raise InvalidInput(f"{where} has no setting {shown(name)}", hint=suggestions)
        if name in lists and not (isinstance(value, list) and all(isinstance(metric, str) for metric in value)):
            raise InvalidInput(f"{where} {name} is {shown(value)}", hint='give a list: ["my_metric"]')
    values: dict[str, Any] = {field: tuple(table.values[name]) for name, field in lists.items() if name in table.values}
    if project is not None:
        values["project_name"] = project
    if workspace is not None:
        values["workspace"] = _workspace(workspace, table.folder)
    return values
