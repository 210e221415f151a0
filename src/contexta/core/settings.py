"""Read settings: the ``[tool.contexta]`` table of the nearest pyproject.toml, and environment variables.

The recorder and ``contexta.config`` read settings here, so runs are recorded where queries look for them. A training
continues with the default of a wrong setting, and ``problems`` reports it. A query refuses the setting. Standard
library only, Python 3.8.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache

from contexta.core import toml_reader, workspace_address
from contexta.core.errors import InvalidInput, shown
from contexta.core.references import slug
from contexta.core.validation import require_storable, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

TOPIC = "settings"  # of the notes about them
WORKSPACE = ".contexta"
JOURNALS = "journal"
OBJECTS = "objects"
DATABASE = "contexta.db"
ENDED = "ended"  # below the journals: files that are complete and ingested
_PYPROJECT = "pyproject.toml"


class ToolTable:
    """The content of ``[tool.contexta]`` in one file."""

    def __init__(self, file: str, values: Any, fault: str) -> None:
        self.file = file
        self.values = values  # a dict in a valid file
        self.fault = fault  # why the file is not valid TOML, or empty; then ``values`` contains its readable part

    @property
    def folder(self) -> str:
        return os.path.dirname(self.file)

    def checked(self, name: str, check: Callable[[object, str], str]) -> str | None:
        """The text of a setting; None if the table does not have it. Raises InvalidInput naming the file."""
        if not isinstance(self.values, dict):
            raise InvalidInput(
                f"{self.file}: tool.contexta is {shown(self.values)}", hint="make it a table: [tool.contexta]"
            )
        if name not in self.values:
            return None
        return check(self.values[name], f"{self.file}: [tool.contexta] {name}")


def workspace(name: str | None = None) -> str:
    """The workspace's directory on this machine, absolute; for a workspace on a server the local directory that runs
    write to.

    name: a directory or an address. Default: CONTEXTA_WORKSPACE, else that of pyproject.toml, else the nearest
    ``.contexta`` from the current directory upwards, else ``.contexta`` here.
    """
    address = server(name)
    if address is not None:
        return os.environ.get("CONTEXTA_LOCAL") or workspace_address.directory(address)
    if name is not None:
        return os.path.abspath(name)
    from_environment = os.environ.get("CONTEXTA_WORKSPACE")
    if from_environment:
        return os.path.abspath(os.path.expanduser(from_environment))
    folder, path = _from_pyproject("workspace", workspace_name)
    if path is None:
        folder, path = folder_with_workspace() or "", WORKSPACE
    return os.path.abspath(path_below(folder, path))


def folder_with_workspace(directory: str | None = None) -> str | None:
    """The nearest folder with a workspace ``.contexta``, from a directory (the current one) upwards; None without one.

    The search ends at the root of a repository, at the boundary of the file system and below the home directory: a
    workspace further up does not collect the runs of all projects. It skips workspaces of other users.
    """
    home, device = os.path.expanduser("~"), None
    for level, folder in enumerate(_folders(directory)):
        try:
            folder_device = os.stat(folder).st_dev
            if level and (folder == home or folder_device != device):
                return None
            device = folder_device
            path = os.path.join(folder, WORKSPACE)
            if any(os.path.exists(os.path.join(path, name)) for name in (JOURNALS, DATABASE)) and (
                not level or _is_own(path)
            ):
                return folder
            if os.path.isdir(os.path.join(folder, ".git")):  # a submodule and a worktree have a file there
                return None
        except OSError:
            return None  # a directory that cannot be read
    return None


def _is_own(path: str) -> bool:
    """Whether a file belongs to this user, or this user is the administrator."""
    return not hasattr(os, "geteuid") or os.geteuid() in (0, os.stat(path).st_uid)


def path_below(folder: str, path: str) -> str:
    """A path as a file in a folder names it; ``~`` is the home of the user."""
    return os.path.join(folder, os.path.expanduser(path))


def server(name: str | None = None) -> str | None:
    """The address of a workspace on a server, from the same sources; else None."""
    address = name or os.environ.get("CONTEXTA_WORKSPACE") or _from_pyproject("workspace", workspace_name)[1]
    return address if workspace_address.is_server(address) else None


def project() -> str:
    """The project of new runs: CONTEXTA_PROJECT, else that of pyproject.toml, else the name of the directory that holds
    the workspace; without a workspace that of the current directory."""
    for name in (os.environ.get("CONTEXTA_PROJECT"), _from_pyproject("project", project_name)[1]):
        if name and slug(name):
            return name
    folder = os.path.basename(folder_with_workspace() or os.getcwd())
    return folder if slug(folder) else "project"


def project_name(value: object, where: str) -> str:
    """The value itself. Raises InvalidInput if it cannot name a project."""
    name = _text(value, where)
    if slug(name) is None:
        raise InvalidInput(f"{where}: {shown(name)} has no letter or digit", hint="e.g. product-categorization")
    return text(name, printable=True)


def workspace_name(value: object, where: str) -> str:
    """The value itself. Raises InvalidInput if it is neither a path nor the address of a server."""
    name = require_storable(_text(value, where))
    if not name:
        raise InvalidInput(f"{where} is empty", hint="name a directory, e.g. .contexta")
    return name


def table(directory: str | None = None) -> ToolTable | None:
    """The table of the nearest pyproject.toml that has one, from a directory (the current one) upwards."""
    return next((source for source in _tables(directory) if isinstance(source, ToolTable)), None)


def problems() -> list[str]:
    """The invalid settings of a training, with the reason. A query refuses them."""
    messages: list[str] = []
    for source in _tables(None):
        if isinstance(source, ToolTable):
            return messages + _problems_of(source)
        messages.append(source)
    return messages


def _problems_of(settings: ToolTable) -> list[str]:
    messages: list[str] = []
    if settings.fault:
        messages.append(f"{settings.file} is no valid TOML: {settings.fault}; its readable part counts")
    for name, check in (("workspace", workspace_name), ("project", project_name)):
        try:
            settings.checked(name, check)
        except InvalidInput as error:
            messages.append(f"{error.what}; the default counts")
    return list(dict.fromkeys(messages))


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{where} is {shown(value)}", hint="give a text")
    return value


def _from_pyproject(name: str, check: Callable[[object, str], str]) -> tuple[str, str | None]:
    """(folder, value) of a setting; (here, None) without a usable setting."""
    settings = table()
    try:
        value = settings.checked(name, check) if settings is not None else None
    except InvalidInput:
        value = None  # ``problems`` reports it
    return ("", None) if settings is None or value is None else (settings.folder, value)


def _tables(directory: str | None) -> Iterator[ToolTable | str]:
    """The tables from a directory upwards, nearest first; for a file that cannot be read, why."""
    for folder in _folders(directory):
        path = os.path.join(folder, _PYPROJECT)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
        except OSError as error:
            yield f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
            continue
        if b"contexta" in data or b"\\u" in data or b"\\U" in data:  # a key may be written with escapes
            values, fault = _parsed(data)
            if values is not None or (fault and b"tool.contexta" in data):
                yield ToolTable(path, {} if values is None else values, fault)


@lru_cache(maxsize=1)  # one process reads several settings of one file
def _parsed(data: bytes) -> tuple[Any, str]:
    """(``tool.contexta``, why the file is not valid TOML); None where the file has no such key."""
    fault = ""
    try:
        content = data.decode()
    except UnicodeDecodeError as error:
        content, fault = data.decode("utf-8", "replace"), str(error)
    document: dict[str, Any] | None = None
    if sys.version_info >= (3, 11):
        import tomllib

        try:
            document = tomllib.loads(content)
        except (ValueError, RecursionError) as error:
            fault = fault or str(error)
    if document is None:
        document, own_fault = toml_reader.read(content)
        fault = fault or own_fault
    tool = document.get("tool")
    return (tool.get("contexta") if isinstance(tool, dict) else None), fault


def _folders(directory: str | None) -> Iterator[str]:
    """A directory (the current one) and those above it; nothing if it was deleted."""
    try:
        folder, below = os.path.abspath(directory) if directory is not None else os.getcwd(), ""
    except FileNotFoundError:
        return
    while folder != below:
        yield folder
        folder, below = os.path.dirname(folder), folder
