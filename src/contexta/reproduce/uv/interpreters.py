"""Query Python interpreters for their version and platform, and find the interpreters of pyenv."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contexta.core.errors import InvalidInput, shown
from contexta.core.processes import process

_SECONDS = 60.0
_PYENV_VERSION = re.compile(r"\d+\.\d+\.\d+t?")
_MARKERS = """
import json, os, platform, sys
v = sys.implementation.version
print(json.dumps({
    "implementation_name": sys.implementation.name,
    "implementation_version": "%d.%d.%d" % v[:3] + ("" if v[3] == "final" else v[3][0] + str(v[4])),
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_release": platform.release(),
    "platform_system": platform.system(),
    "platform_version": platform.version(),
    "python_full_version": platform.python_version(),
    "platform_python_implementation": platform.python_implementation(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
}))
"""
"""Prints the PEP 508 environment of an interpreter, on every Python 3."""


@dataclass(frozen=True)
class Interpreter:
    """A Python. markers: its PEP 508 environment."""

    path: str
    version: str
    markers: Mapping[str, str]


def interpreter_at(path: str) -> Interpreter:
    """The Python at a path. Raises InvalidInput if it does not work."""
    try:
        answer = process.run([path, "-I", "-c", _MARKERS], timeout=_SECONDS)
    except process.ProcessError as error:
        raise InvalidInput(f"{shown(path)} is no working Python: {error.what}") from error
    if answer.exit_code != 0:
        lines = answer.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        raise InvalidInput(f"{shown(path)} is no working Python: {lines[-1]}")
    try:
        markers = json.loads(answer.stdout)
        return Interpreter(path, markers["python_full_version"], markers)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{shown(path)} is not a Python: it does not print its version") from error


def pyenv_interpreters() -> dict[str, str]:
    """Version -> path of the interpreters of pyenv, the newest first; {} without pyenv.

    uv finds only pyenv's shims, and these refuse every version that is not active. Pre-releases and other
    implementations than CPython are left out.
    """
    inner = "python.exe" if os.name == "nt" else "bin/python"
    try:
        root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
        names = [
            path.name for path in root.iterdir() if _PYENV_VERSION.fullmatch(path.name) and (path / inner).is_file()
        ]
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return {}
    newest = sorted(names, key=lambda name: [int(part) for part in name.rstrip("t").split(".")], reverse=True)
    return {name: str(root / name / inner) for name in newest}


def pyenv_python(version: str) -> str | None:
    """The newest interpreter of pyenv with a version such as 3, 3.11 or 3.11.7; ``t``: the free-threaded build."""
    numbers, is_free_threaded = version.rstrip("t"), version.endswith("t")
    fitting = (
        path
        for name, path in pyenv_interpreters().items()
        if name.endswith("t") == is_free_threaded and f"{name.rstrip('t')}.".startswith(f"{numbers}.")
    )
    return next(fitting, None)
