"""Start the delivery of records to a workspace on a server, in a process of its own that no training waits for.

The process ends when everything is delivered, or when no run is live and the server stays unreachable.
Standard library only, Python 3.8: psycopg is needed only in that process.
"""

from __future__ import annotations

import os
import sys
from functools import partial

import contexta
from contexta.core import settings, workspace_address
from contexta.core.files.atomic_files import make_directory
from contexta.core.processes.process import ProcessError, leave
from contexta.recorder.session.inherited import without_injected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Union

LOG = "delivery.log"  # output of the last delivery, in the workspace's directory
OFF = "CONTEXTA_DELIVERY"  # "off": only `contexta sync` delivers


def configured() -> "Optional[Callable[[], Optional[str]]]":
    """``send`` for the configured workspace; None where it is a directory."""
    server = settings.server()
    return None if server is None else partial(send, settings.workspace(), server)


def send(root: str, server: str, objects: "Union[str, os.PathLike[str], None]" = None) -> "Optional[str]":
    """Start the delivery; a second process for one workspace ends at once. Returns why it could not start, or None.

    root: the directory of the workspace on this machine. Costs a few milliseconds.
    """
    from importlib.util import find_spec

    from contexta.core.requirements import missing_requirements

    if os.environ.get(OFF) == "off":
        return None
    missing = "" if find_spec("psycopg") else "psycopg is not installed here"
    for requirement, instead in missing_requirements().items():
        missing = missing or f"that needs {requirement} (found {instead})"
    if missing:
        return f"nothing is delivered to the server until then: {missing}; `contexta sync` delivers"
    try:
        make_directory(root)
        argv = [sys.executable, "-m", "contexta.cli", "sync", "--follow"]
        leave(argv, cwd=root, env=_variables(root, server, objects), log=os.path.join(root, LOG))
    except (OSError, ProcessError) as error:
        return f"nothing is delivered to the server until then: {error}; `contexta sync` delivers"
    return None


def _variables(root: str, server: str, objects: "Union[str, os.PathLike[str], None]") -> "dict[str, str]":
    """The variables of the process: without those of any run, and with the address, whose password other users cannot
    read there."""
    inherited_variables = without_injected(os.environ)
    variables = {name: value for name, value in inherited_variables.items() if not name.startswith("CONTEXTA_")}
    here = os.path.dirname(os.path.dirname(os.path.abspath(contexta.__file__)))
    path = [entry for entry in variables.pop("PYTHONPATH", "").split(os.pathsep) if entry]
    if os.path.basename(here) not in ("site-packages", "dist-packages"):
        path.append(here)
    if path:
        variables["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in path)
    address = server if objects is None else workspace_address.with_objects(server, os.fspath(objects))
    variables.update({"CONTEXTA_WORKSPACE": address, "CONTEXTA_LOCAL": root})
    return variables
