"""Settings: defaults < ``[tool.contexta]`` in pyproject.toml < environment variables < arguments.

Whatever is set explicitly on a ``UnifiedConfig`` wins; ``resolve`` fills in the rest.
"""

from __future__ import annotations

import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old

# isort: split
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator

from contexta.core import workspace_address
from contexta.core.errors import InvalidInput, shown
from contexta.core.model import Value, nearest
from contexta.core.references import slug
from contexta.core.validation import storable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_ROOT = Path(".contexta")


class WorkspaceConfig(Value):
    """Where a workspace lives: a directory with the database, the journals and the objects; or a PostgreSQL database.

    With ``url`` the directory is where this machine's runs write until the server has it, and ``objects`` the one that
    the team shares for environment bodies, patches and logs; without it they stay in the directory.
    """

    root_path: Path = DEFAULT_ROOT
    url: SecretStr | None = Field(
        default=None, description="postgresql://user@host/database; its password is not shown"
    )
    objects: Path | None = Field(default=None, description="the directory of objects that everyone reaches; with url")

    @property
    def directory(self) -> Path:
        """The directory on this machine; ``root_path``, and without one that of the address."""
        if self.url is None or "root_path" in self.model_fields_set:
            return self.root_path
        return Path(os.environ.get("CONTEXTA_LOCAL") or workspace_address.directory(self.url.get_secret_value()))

    @field_validator("url", mode="before")
    @classmethod
    def _an_address(cls, value: object) -> object:
        given = value.get_secret_value() if isinstance(value, SecretStr) else value
        if given is None:
            return None
        if not isinstance(given, str) or not workspace_address.is_server(given):
            raise InvalidInput(
                "the url is no address of a PostgreSQL database", hint="e.g. postgresql://me@db.example.org/contexta"
            )
        return workspace_address.checked(storable(given))

    @field_validator("root_path", "objects", mode="before")
    @classmethod
    def _usable(cls, value: object) -> object:
        if value is None:
            return None
        if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
            raise InvalidInput(f"{shown(value)} is no path", hint="name a directory, e.g. .contexta")
        if not os.fspath(value):
            raise InvalidInput("the path is empty", hint="name a directory, e.g. .contexta")
        return storable(os.fspath(value))


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
        if value is not None and slug(storable(value)) is None:
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
    directory: where the search for a pyproject.toml with a [tool.contexta] table starts, going up; default: here.
    Raises InvalidInput for an unknown or malformed setting, naming where it stands.
    """
    explicit = config if config is not None else UnifiedConfig()
    values: dict[str, Any] = _from_pyproject(directory)
    if environ.get("CONTEXTA_PROJECT"):
        values["project_name"] = _named(environ["CONTEXTA_PROJECT"], "CONTEXTA_PROJECT")
    if environ.get("CONTEXTA_WORKSPACE"):
        values["workspace"] = _workspace(environ["CONTEXTA_WORKSPACE"], Path())
    values.update({name: getattr(explicit, name) for name in explicit.model_fields_set})
    if workspace is not None:
        if "workspace" in explicit.model_fields_set:
            raise InvalidInput("the workspace is given twice: as workspace= and in config=", hint="give one of them")
        values["workspace"] = _workspace(workspace)
    return UnifiedConfig(**values)


def _workspace(given: str | os.PathLike[str], base: Path | None = None) -> WorkspaceConfig:
    """base: what a relative path starts from, where ``~`` is expanded; None leaves the path as it is given."""
    if isinstance(given, str) and workspace_address.is_server(given):
        return WorkspaceConfig(url=SecretStr(given))
    return WorkspaceConfig(root_path=Path(given) if base is None else base / Path(given).expanduser())


def _from_pyproject(directory: Path | None) -> dict[str, Any]:
    try:
        start = directory or Path.cwd()
    except FileNotFoundError:  # the current directory was deleted
        return {}
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if "tool.contexta" not in text:
            continue
        try:
            tool = tomllib.loads(text).get("tool", {})
        except tomllib.TOMLDecodeError as error:
            raise InvalidInput(f"{file} is no valid TOML: {error}", hint="correct that line") from None
        table = tool.get("contexta", {}) if isinstance(tool, dict) else {}
        if not isinstance(table, dict):
            raise InvalidInput(f"{file}: tool.contexta is {shown(table)}", hint="make it a table: [tool.contexta]")
        return _checked_table(table, file)
    return {}


def _checked_table(table: dict[str, Any], file: Path) -> dict[str, Any]:
    lists = {"higher-is-better": "higher_is_better", "lower-is-better": "lower_is_better"}
    names = {"project": "project_name", "workspace": "workspace", **lists}
    for name in table:
        if name not in names:
            raise InvalidInput(f"{file}: [tool.contexta] has no setting {shown(name)}", hint=nearest(name, names))
        if name in lists:
            if not (isinstance(table[name], list) and all(isinstance(each, str) for each in table[name])):
                raise InvalidInput(
                    f"{file}: [tool.contexta] {name} is {shown(table[name])}", hint='give a list: ["my_metric"]'
                )
        elif not isinstance(table[name], str):
            raise InvalidInput(f"{file}: [tool.contexta] {name} is {shown(table[name])}", hint="give a text")
    values: dict[str, Any] = {field: tuple(table[name]) for name, field in lists.items() if name in table}
    if "project" in table:
        values["project_name"] = _named(table["project"], f"{file}: [tool.contexta] project")
    if "workspace" in table:
        values["workspace"] = _workspace(table["workspace"], file.parent)
    return values


def _named(project: str, where: str) -> str:
    if slug(project) is None:
        raise InvalidInput(f"{where}: {shown(project)} has no letter or digit", hint="e.g. product-categorization")
    return project
