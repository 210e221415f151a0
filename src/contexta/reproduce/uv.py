"""uv: the only place that knows its arguments.

::

    ProcessError
    └── UvError
        ├── UvMissing          not on PATH, not installed as a package, or too old
        ├── IndexUnreachable   nobody answered: nothing is known about the release
        ├── NoSuchVersion      the index answered: there is no such release
        ├── NoWheel            the release has no wheel for this interpreter and platform
        └── HashMismatch       what came is not what the index promised

Names, versions and interpreters are data: they are checked against their standards and go to uv as the lines of a
requirements file, never as arguments that could be taken for options.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from contexta import process
from contexta.errors import InvalidInput, shown

LEAST_VERSION = "0.11.15"
"""Below it, entry points of a wheel may write outside the environment."""

_GET_IT = f"install uv {LEAST_VERSION} or newer: `pip install -U uv`"
_MINUTES = 60.0
_SIGNS: tuple[tuple[str, str], ...] = (  # what uv says, lower case -> what it means; the first that fits counts
    ("hash mismatch", "hash"),
    ("error sending request", "unreachable"),
    ("failed to fetch", "unreachable"),
    ("dns error", "unreachable"),
    ("could not connect", "unreachable"),
    ("network connectivity is disabled", "unreachable"),
    ("network was disabled", "unreachable"),
    ("no wheels with a matching", "wheel"),
    ("no usable wheels", "wheel"),
    ("no wheels are available", "wheel"),
    ("building from source is disabled", "wheel"),
    ("does not satisfy python", "wheel"),
    ("there is no version of", "version"),
    ("not found in the package registry", "version"),
    ("was not found in the provided package locations", "version"),
)


class UvError(process.ProcessError):
    """uv did not do what was asked; the message carries what it said."""


class UvMissing(UvError):
    """uv is not there, or too old."""


class IndexUnreachable(UvError):
    """No index answered, so nothing is known about the release."""


class NoSuchVersion(UvError):
    """The index has no such release."""


class NoWheel(UvError):
    """The release has no wheel for this interpreter and platform."""


class HashMismatch(UvError):
    """What the index sent is not what it promised."""


_MEANS: dict[str, type[UvError]] = {
    "hash": HashMismatch,
    "unreachable": IndexUnreachable,
    "wheel": NoWheel,
    "version": NoSuchVersion,
}


@dataclass(frozen=True)
class Interpreter:
    """A Python as uv found it. markers: its PEP 508 environment."""

    path: str
    version: str
    markers: Mapping[str, str]


@dataclass(frozen=True)
class Uv:
    """A uv that is new enough. offline: ask no index, take only what its cache has."""

    path: str
    version: str
    offline: bool = False

    def create(self, python: str, at: Path) -> None:
        """An empty virtual environment; ``at`` must not exist yet. About 30 ms."""
        self._run("venv", "--no-project", "--quiet", "--python", python, str(at))

    def install(self, into: Path, pins: Mapping[str, str], *, compile_bytecode: bool = True) -> None:
        """Exactly these releases, nothing they ask for, wheels only.

        Raises NoSuchVersion, NoWheel, IndexUnreachable or HashMismatch; UvError for anything else.
        """
        self._run(
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--link-mode=hardlink",
            *(["--compile-bytecode"] if compile_bytecode else []),
            "--python",
            str(python_in(into)),
            "--requirements=-",
            lines=requirement_lines(pins),
        )

    def has_wheel(self, python: str, name: str, version: str) -> bool:
        """Whether one release would install on an interpreter. Raises IndexUnreachable when nobody can say."""
        try:
            self._run(
                "pip",
                "install",
                "--quiet",
                "--dry-run",
                "--no-deps",
                "--only-binary=:all:",
                "--target=.",  # so that what the interpreter itself holds plays no part; a dry run writes nothing
                "--python",
                python,
                "--requirements=-",
                lines=requirement_lines({name: version}),
            )
        except (NoWheel, NoSuchVersion):
            return False
        return True

    def installed(self, environment: Path) -> dict[str, str]:
        """Normalised name -> version of everything in an environment, as uv reads it. About 20 ms."""
        listed = self._run("pip", "list", "--format=json", "--python", str(python_in(environment)))
        return {entry["name"]: entry["version"] for entry in json.loads(listed)}

    def interpreter(self, request: str) -> Interpreter:
        """The Python for a version or a path. Downloads nothing.

        Raises InvalidInput when there is none.
        """
        if not re.fullmatch(r"\d+(\.\d+){0,2}((a|b|rc)\d+)?t?", request) and not Path(request).is_file():
            raise InvalidInput(
                f"{shown(request)} is no Python", hint="give a version as 3.11.7, or an interpreter's path"
            )
        try:
            found = self._run("python", "find", "--no-project", "--no-python-downloads", "--", request).strip()
        except UvError as error:
            raise InvalidInput(
                f"there is no Python {request} on this machine",
                hint=f"`uv python install {request}` gets one" if os.sep not in request else "check the path",
            ) from error
        asked = process.run([found, "-I", "-c", _MARKERS], timeout=_MINUTES)
        if asked.exit_code != 0:
            raise InvalidInput(f"{shown(found)} is no working Python: {_last_line(asked.stderr)}")
        markers = json.loads(asked.stdout)
        return Interpreter(found, markers["python_full_version"], markers)

    def _run(self, *arguments: str, lines: str | None = None) -> str:
        argv = [self.path, "--no-progress", "--color=never", *(["--offline"] if self.offline else []), *arguments]
        environment = {key: value for key, value in os.environ.items() if key not in _NOT_FOR_UV}
        done = process.run(
            argv, timeout=60 * _MINUTES, env=environment, input=lines.encode() if lines is not None else None
        )
        if done.exit_code != 0:
            raise _error(arguments, done.stderr.decode(errors="replace").strip())
        return done.stdout.decode()


_NOT_FOR_UV = frozenset({"VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON"})
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


def find_uv(*, offline: bool = False) -> Uv:
    """The first uv that is new enough: the one of the ``uv`` package, installed beside Contexta, else that on PATH.

    Raises UvMissing when there is none, or none of at least LEAST_VERSION.
    """
    found = []
    for path in dict.fromkeys(path for path in (_packaged(), shutil.which("uv")) if path is not None):
        said = process.run([path, "--version"], timeout=_MINUTES).stdout.decode(errors="replace").strip()
        version = re.search(r"\d+\.\d+\.\d+", said)
        if version is not None and Version(version[0]) >= Version(LEAST_VERSION):
            return Uv(path, version[0], offline)
        found.append(said or f"{path}, which does not tell its version")
    if not found:
        raise UvMissing("uv is not installed: environments cannot be built without it", hint=_GET_IT)
    raise UvMissing(f"found {' and '.join(found)}, at least {LEAST_VERSION} is needed", hint=_GET_IT)


def python_in(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def requirement_lines(pins: Mapping[str, str]) -> str:
    """Pins as a requirements file of nothing but ``name==version`` lines.

    Raises InvalidInput for a name or version that its standard does not allow (PEP 508, PEP 440).
    """
    lines = []
    for name, version in pins.items():
        try:
            line = f"{name}=={Version(version)}"
            parsed = Requirement(line)
        except (InvalidVersion, InvalidRequirement) as error:
            raise InvalidInput(f"{shown(name)} {shown(version)} is no release that can be installed") from error
        if parsed.name != name or parsed.url or parsed.marker or parsed.extras:
            raise InvalidInput(f"{shown(name)} is no package name")
        lines.append(f"{line}\n")
    return "".join(lines)


def _packaged() -> str | None:
    try:
        from uv import find_uv_bin
    except ImportError:
        return None
    try:
        return str(find_uv_bin())
    except FileNotFoundError:
        return None


def _error(arguments: tuple[str, ...], said: str) -> UvError:
    low = " ".join(said.lower().split())
    kind = next((_MEANS[meaning] for sign, meaning in _SIGNS if sign in low), UvError)
    hint = "check the network, or the index settings of uv" if kind is IndexUnreachable else None
    return kind(f"uv {arguments[0]} failed: {' '.join(said.split()) or 'it said nothing'}"[:2000], hint=hint)


def _last_line(said: bytes) -> str:
    return (said.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
