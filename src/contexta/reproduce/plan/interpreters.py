"""The Python that a recorded environment is built on again."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path

from contexta.analysis.environments.rebuilds import same_python
from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.errors import ContextaError
from contexta.findings import Missing
from contexta.reproduce.plan.unavailable import Impossible
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import UvError
from contexta.reproduce.uv.interpreters import Interpreter


def find_interpreter(uv: Uv, snapshot: EnvironmentSnapshot, asked: str | None, *, drift: bool) -> Interpreter:
    """The recorded Python: the very one that ran if it is still there, else what uv finds.

    asked: a version or a path to take instead. drift: whether another patch version will do.
    Raises Impossible, which says what there is.
    """
    wanted = snapshot.python_version
    if asked is not None:
        found = uv.interpreter(asked)
        if same_python(wanted, found.version) or drift:
            return found
        detail = f"{asked} is Python {found.version}"
        raise Impossible(_no_python(wanted, detail, "--allow-python-drift takes it all the same"))
    there = where_it_was(snapshot)
    for request in ([there] if there else []) + [wanted + ("t" if _is_free_threaded(snapshot) else "")]:
        with suppress(ContextaError):
            found = uv.interpreter(request)
            if same_python(wanted, found.version):
                return found
    nearest = _nearest(uv, wanted)
    install = shlex.join(["uv", "python", "install", wanted])  # a version written by hand may be any text
    if nearest is None:
        raise Impossible(_no_python(wanted, "there is none on this machine", f"`{install}` gets one"))
    if drift:
        return uv.interpreter(nearest[1])
    fix = f"`{install}` gets it; --allow-python-drift takes {nearest[0]}"
    raise Impossible(_no_python(wanted, f"this machine has {nearest[0]}", fix))


def _no_python(version: str, detail: str, fix: str) -> Missing:
    return Missing(name="python", version=version, reason="python", detail=detail, help=fix)


def where_it_was(snapshot: EnvironmentSnapshot) -> str | None:
    """The interpreter that the recorded environment was made of, if something is there now."""
    prefix, version = snapshot.interpreter.get("base_prefix"), snapshot.python_version.split(".")
    if not isinstance(prefix, str) or not Path(prefix).is_absolute() or len(version) < 2:
        return None
    names = ["python.exe"] if os.name == "nt" else [f"bin/python{version[0]}.{version[1]}", "bin/python3"]
    return next((str(path) for name in names if (path := Path(prefix, name)).is_file()), None)


def _is_free_threaded(snapshot: EnvironmentSnapshot) -> bool:
    return snapshot.interpreter.get("free_threaded_build") is True


def _nearest(uv: Uv, wanted: str) -> tuple[str, str] | None:
    """(version, path) of the Python of the same line whose patch version is nearest; the newer of two."""
    line, _, patch = wanted.rpartition(".")
    number = int(patch) if patch.isdigit() else 0
    found = {}
    with suppress(UvError):
        found = uv.interpreters(line)
    patches = {version: int(version.rpartition(".")[2]) for version in found if version.rpartition(".")[2].isdigit()}
    if not patches:
        return None
    version = min(patches, key=lambda each: (abs(patches[each] - number), -patches[each]))
    return version, found[version]
