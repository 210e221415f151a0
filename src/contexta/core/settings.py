"""Where runs are recorded, as a training process finds it: the same sources as ``contexta.config``, without its
dependencies. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import re
import sys

from contexta.core import workspace_address
from contexta.core.references import slug
from contexta.recorder.notes import note, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from contexta.recorder.notes import Note

TOPIC = "settings"
WORKSPACE = ".contexta"
JOURNALS = "journal"
OBJECTS = "objects"
DATABASE = "contexta.db"
_PYPROJECT = "pyproject.toml"
ENDED = "ended"  # below the journals: files that are taken in whole and of which nothing follows


def workspace(given: str | None = None) -> str:
    """The workspace's directory on this machine, absolute: the one given, else CONTEXTA_WORKSPACE, else that of
    pyproject.toml, else ``.contexta`` here. Of a workspace on a server: where runs write until the server has it."""
    address = server(given)
    if address is not None:
        return os.environ.get("CONTEXTA_LOCAL") or workspace_address.directory(address)
    if given is not None:
        return os.path.abspath(given)
    from_environment = os.environ.get("CONTEXTA_WORKSPACE")
    if from_environment:
        return os.path.abspath(os.path.expanduser(from_environment))
    folder, value = _from_pyproject("workspace")
    return os.path.abspath(os.path.join(folder, os.path.expanduser(value)) if value else WORKSPACE)


def server(given: str | None = None) -> str | None:
    """The address of the workspace, where it is one on a server; from the same sources."""
    found = given or os.environ.get("CONTEXTA_WORKSPACE") or _from_pyproject("workspace")[1]
    return found if workspace_address.is_server(found) else None


def project() -> str:
    """The project of new runs: CONTEXTA_PROJECT, else that of pyproject.toml, else the current directory's name."""
    given = os.environ.get("CONTEXTA_PROJECT") or _from_pyproject("project")[1]
    if given and slug(given):
        return given
    here = os.path.basename(os.getcwd())
    return here if slug(here) else "project"


def doubts() -> list[Note]:
    """A note where the pyproject.toml that has our table cannot be relied on.

    Questions refuse such a file; a run is recorded by what can be read of it by hand. Before Python 3.11, which brought
    a reader of TOML, only what is no text is told. With one it costs about 5 ms, else next to nothing.
    """
    for folder in _folders():
        path = os.path.join(folder, _PYPROJECT)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
        except OSError as error:
            return [note(TOPIC, f"{path} cannot be read: {reason(error)}")]
        if b"tool.contexta" not in data:
            continue
        try:
            text = data.decode()
            if sys.version_info >= (3, 11):
                import tomllib

                tomllib.loads(text)
        except ValueError as error:
            return [note(TOPIC, f"{path} is no valid TOML: {error}; what can be read of it counts")]
        return []
    return []


def _from_pyproject(name: str) -> tuple[str, str | None]:
    """(folder, value) of a text in [tool.contexta] of the nearest pyproject.toml that has that table.

    Read by hand, as Python 3.8 has no TOML reader: two names with plain texts. A file that is no valid TOML must not
    stop the training; ``doubts`` tells.
    """
    folder = ""
    for folder in _folders():
        try:
            with open(os.path.join(folder, _PYPROJECT), encoding="utf-8") as file:
                table = re.search(r"^\[tool\.contexta\][^\n]*\n(.*?)(?=^\[|\Z)", file.read(), re.DOTALL | re.MULTILINE)
        except (OSError, UnicodeDecodeError):
            continue
        if table is not None:
            found = re.search(rf"""^\s*{name}\s*=\s*(["'])(.*?)\1""", table.group(1), re.MULTILINE)
            return folder, found.group(2) if found else None
    return folder, None


def _folders() -> Iterator[str]:
    """The current directory and those above it; nothing where it was deleted."""
    try:
        folder, below = os.getcwd(), ""
    except FileNotFoundError:
        return
    while folder != below:
        yield folder
        folder, below = os.path.dirname(folder), folder
