"""Find the Python for a rebuilt environment."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path

from contexta.analysis.environments.rebuilds import same_python
from contexta.contract.environment import UNKNOWN, EnvironmentSnapshot
from contexta.core.errors import ContextaError
from contexta.findings import Missing
from contexta.reproduce.plan.unavailable import Impossible
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import UvError
from contexta.reproduce.uv.interpreters import Interpreter


def find_interpreter(uv: Uv, snapshot: EnvironmentSnapshot, request: str | None, *, drift: bool) -> Interpreter:
    """The recorded Python: the original interpreter if it still exists, otherwise another one of that version.

    request: a version or a path to use instead. drift: accept another patch version.
    Raises Impossible, which names the nearest version on this machine.
    """
    version = snapshot.python_version
    if request is not None:
        python = uv.interpreter(request)
        if same_python(version, python.version) or drift:
            return python
        detail = f"{request} is Python {python.version}"
        raise Impossible(_no_python(version, detail, "--allow-python-drift accepts it"))
    recorded_path = where_it_was(snapshot)
    is_free_threaded = snapshot.interpreter.get("free_threaded_build") is True
    for candidate in ([recorded_path] if recorded_path else []) + [version + ("t" if is_free_threaded else "")]:
        with suppress(ContextaError):
            python = uv.interpreter(candidate)
            if same_python(version, python.version):
                return python
    if version == UNKNOWN:
        fix = "--python VERSION --allow-python-drift takes another one"
        raise Impossible(_no_python(version, "the run did not record its version", fix))
    nearest = _nearest(uv, version)
    install = shlex.join(["uv", "python", "install", version])  # a version that a user wrote may be any text
    if nearest is None:
        raise Impossible(_no_python(version, "it is not on this machine", f"`{install}` installs one"))
    if drift:
        return uv.interpreter(nearest[1])
    fix = f"`{install}` installs it; --allow-python-drift accepts {nearest[0]}"
    raise Impossible(_no_python(version, f"this machine has {nearest[0]}", fix))


def _no_python(version: str, detail: str, fix: str) -> Missing:
    return Missing(name="python", version=version, reason="python", detail=detail, help=fix)


def where_it_was(snapshot: EnvironmentSnapshot) -> str | None:
    """The interpreter that the recorded environment was made with, if there is one at its path now."""
    prefix, version = snapshot.interpreter.get("base_prefix"), snapshot.python_version.split(".")
    if not isinstance(prefix, str) or not Path(prefix).is_absolute() or len(version) < 2:
        return None
    names = ["python.exe"] if os.name == "nt" else [f"bin/python{version[0]}.{version[1]}", "bin/python3"]
    return next((str(path) for name in names if (path := Path(prefix, name)).is_file()), None)


def _nearest(uv: Uv, version: str) -> tuple[str, str] | None:
    """(version, path) of the Python of the same minor version with the nearest patch version; the newer of two."""
    line, _, patch = version.rpartition(".")
    number = int(patch) if patch.isdigit() else 0
    paths = {}
    with suppress(UvError):
        paths = uv.interpreters(line)
    patches = {other: int(other.rpartition(".")[2]) for other in paths if other.rpartition(".")[2].isdigit()}
    if not patches:
        return None
    nearest = min(patches, key=lambda other: (abs(patches[other] - number), -patches[other]))
    return nearest, paths[nearest]
