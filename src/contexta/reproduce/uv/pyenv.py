"""The Pythons that pyenv keeps. uv finds pyenv's shims only, and these refuse every version that is not switched on."""

from __future__ import annotations

import os
import re
from pathlib import Path

_VERSION = re.compile(r"\d+\.\d+\.\d+t?")


def kept_by_pyenv() -> dict[str, str]:
    """Version -> path of the interpreter, the newest first; {} without pyenv. Pre-releases and other kinds of Python
    than CPython have names that are no plain version, and are left out."""
    place = "python.exe" if os.name == "nt" else "bin/python"
    try:
        root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
        names = [path.name for path in root.iterdir() if _VERSION.fullmatch(path.name) and (path / place).is_file()]
    except (OSError, RuntimeError):  # RuntimeError: nobody's home
        return {}
    newest = sorted(names, key=lambda name: [int(part) for part in name.rstrip("t").split(".")], reverse=True)
    return {name: str(root / name / place) for name in newest}


def pyenv_python(version: str) -> str | None:
    """The newest of those that a version names: 3, 3.11 or 3.11.7, with a ``t`` for the free-threaded build."""
    numbers, free = version.rstrip("t"), version.endswith("t")
    fitting = (
        path
        for name, path in kept_by_pyenv().items()
        if name.endswith("t") == free and f"{name.rstrip('t')}.".startswith(f"{numbers}.")
    )
    return next(fitting, None)
