"""uv: the only place that knows its arguments.

Names, versions and interpreters are data: they are checked against their standards and go to uv as the lines of a
requirements file, never as arguments that could be taken for options.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from contexta.core import process
from contexta.core.errors import InvalidInput, shown
from contexta.core.supervisor import kept
from contexta.reproduce.uv.error_messages import (
    BuildFailed,
    Gone,
    HashMismatch,
    HostRefused,
    HostUnreachable,
    IndexRefused,
    IndexUnreachable,
    NoRoom,
    NoSuchProject,
    NoSuchVersion,
    NoWheel,
    RepositoryLost,
    UvError,
    UvMissing,
    error_of,
    gist,
)
from contexta.reproduce.uv.indexes import NO_INDEX, STRATEGY, index_variables
from contexta.reproduce.uv.markers import MARKERS
from contexta.reproduce.uv.pyenv import kept_by_pyenv, pyenv_python
from contexta.reproduce.uv.requirement_options import NO_OPTIONS, InstallOptions, requirement_lines
from contexta.reproduce.uv.urls import is_address

__all__ = [
    "LEAST_VERSION",
    "BuildFailed",
    "Gone",
    "HashMismatch",
    "HostRefused",
    "HostUnreachable",
    "IndexRefused",
    "IndexUnreachable",
    "Interpreter",
    "NoRoom",
    "NoSuchProject",
    "NoSuchVersion",
    "NoWheel",
    "RepositoryLost",
    "Uv",
    "UvError",
    "UvMissing",
    "find_uv",
    "gist",
    "python_in",
    "requirement_lines",
]

LEAST_VERSION = "0.11.15"
"""Below it, entry points of a wheel may write outside the environment."""

_GET_IT = f"install uv {LEAST_VERSION} or newer: `pip install -U uv`"
_MINUTES = 60.0


@dataclass(frozen=True)
class Interpreter:
    """A Python as uv found it. markers: its PEP 508 environment."""

    path: str
    version: str
    markers: Mapping[str, str]


@dataclass(frozen=True)
class Uv:
    """A uv that is new enough. offline: ask no index. timeout: seconds for each step. settings: more variables.
    options: of what it installs."""

    path: str
    version: str
    offline: bool = False
    timeout: float = 60 * _MINUTES
    settings: tuple[tuple[str, str], ...] = ()
    options: InstallOptions = NO_OPTIONS

    def create(self, python: str, at: Path) -> None:
        """An empty virtual environment, in a new directory or beside what is in an existing one. About 30 ms."""
        self._run("venv", "--no-project", "--quiet", "--allow-existing", "--python", python, str(at))

    def install(
        self,
        into: Path,
        pins: Mapping[str, str],
        *,
        compile_bytecode: bool = True,
        build: bool = False,
        indexes: Sequence[str] = (),
        apart: bool = False,
        before: str | None = None,
    ) -> tuple[str, ...]:
        """Exactly these releases, nothing they ask for; wheels only, unless ``build``. Returns what uv warned of.

        indexes: ``NAME=URL``, asked before the configured ones. apart: share no file with uv's cache. before: take only
        what was published before, as RFC 3339 has dates, the tools that build something included.
        Raises NoSuchVersion, NoWheel, IndexUnreachable, HashMismatch or BuildFailed; UvError for anything else.
        """
        options = [] if build else ["--only-binary=:all:"]
        options += [f"--exclude-newer={before}"] if before is not None else []
        lines = requirement_lines(pins, dict(self.options.hashes))
        return self._install(into, options, lines, compile_bytecode, indexes, apart=apart)

    def install_linked(self, into: Path, lines: Sequence[str], *, apart: bool = False) -> tuple[str, ...]:
        """Exactly what stands at these addresses (``addresses``), built where it is no wheel. Raises as ``install``."""
        # What lies on this machine may have changed since uv built it.
        here = [line.partition(" @ ")[0] for line in lines if " @ file:" in line]
        options = [f"--{what}-package={name}" for name in here for what in ("refresh", "reinstall")]
        return self._install(into, options, "".join(f"{line}\n" for line in lines), True, apart=apart)

    def install_editable(self, into: Path, source: Path) -> tuple[str, ...]:
        """A directory as an editable package. Raises as ``install``."""
        return self._install(into, [f"--editable={source}"], None, False)

    def _install(
        self,
        into: Path,
        options: Sequence[str],
        lines: str | None,
        compile_bytecode: bool,
        indexes: Sequence[str] = (),
        *,
        apart: bool = False,
    ) -> tuple[str, ...]:
        said = self._run(
            "pip",
            "install",
            "--no-deps",
            f"--link-mode={'copy' if apart else 'hardlink'}",
            *(["--compile-bytecode"] if compile_bytecode else []),
            "--python",
            str(python_in(into)),
            *self.options.arguments,
            *options,
            *(["--requirements=-"] if lines is not None else []),
            lines=lines,
            indexes=indexes,
        )
        return _warnings(said)

    def has_wheel(self, python: str, name: str, pin: str) -> bool:
        """Whether a release, or what comes from an address, would install on an interpreter; of source only building
        it tells for sure. Raises IndexUnreachable when nobody can say."""
        try:
            if is_address(pin):
                self.require_linked(python, f"{name} @ {pin}")
            else:
                self.require(python, name, pin)
        except (NoWheel, NoSuchVersion, BuildFailed):
            return False
        return True

    def require(
        self, python: str, name: str, version: str, *, build: bool = False, indexes: Sequence[str] = ()
    ) -> None:
        """Raises what ``install`` would, of one release, without installing it."""
        self._dry_run(python, requirement_lines({name: version}), [] if build else ["--only-binary=:all:"], indexes)

    def require_linked(self, python: str, line: str) -> None:
        """Raises what ``install_linked`` would, as far as that shows before it is built."""
        self._dry_run(python, f"{line}\n")

    def warnings(self, python: str, pins: Mapping[str, str]) -> tuple[str, ...]:
        """What uv would warn of when it installed these, as that they are yanked. Raises as ``install``."""
        return _warnings(self._dry_run(python, requirement_lines(pins)))

    def _dry_run(
        self, python: str, lines: str, options: Sequence[str] = (), indexes: Sequence[str] = ()
    ) -> process.Finished:
        # Into an empty directory, so that what the interpreter itself holds plays no part. uv leaves a lock in it.
        with tempfile.TemporaryDirectory(prefix="contexta-") as empty:
            return self._run(
                *("pip", "install", "--dry-run", "--no-deps", f"--target={empty}", "--python", python),
                *self.options.arguments,
                *options,
                "--requirements=-",
                lines=lines,
                indexes=indexes,
            )

    def compile(
        self,
        python_version: str,
        pins: Mapping[str, str],
        *,
        build: bool = False,
        indexes: Sequence[str] = (),
        platform: str | None = None,
    ) -> str:
        """The index's files of these releases with their hashes, as pylock.toml (PEP 751). Raises as ``install``.

        platform: as ``--python-platform`` takes it; None for this one.
        """
        version = re.match(r"\d+(\.\d+){0,2}", python_version)
        said = self._run(
            "pip",
            "compile",
            "--no-deps",
            "--no-header",
            "--format=pylock.toml",
            *self.options.arguments,
            *([] if build else ["--only-binary=:all:"]),
            *([f"--python-version={version[0]}"] if version else []),
            *([f"--python-platform={platform}"] if platform else []),
            "-",
            lines=requirement_lines(pins),
            indexes=indexes,
        )
        return said.stdout.decode()

    def resolve(
        self,
        python: str,
        lines: Sequence[str],
        overrides: Sequence[str] = (),
        preferred: Sequence[str] = (),
        before: str | None = None,
    ) -> str:
        """Everything that some requirements need on an interpreter, as ``name==version  # via REQUIRER`` lines.

        overrides: requirements that hold whatever others say. preferred: pins that are kept where they fit.
        before: only what was published before, as RFC 3339 has dates, except for releases that the lines pin.
        Raises as ``install``; UvError with uv's explanation where no versions fit.
        """
        with tempfile.TemporaryDirectory(prefix="contexta-") as folder:
            forced, out = Path(folder, "overrides.txt"), Path(folder, "resolved.txt")
            forced.write_text("".join(f"{line}\n" for line in overrides), encoding="utf-8")
            out.write_text("".join(f"{line}\n" for line in preferred), encoding="utf-8")
            self._run(
                *("pip", "compile", "--quiet", "--no-header", "--annotation-style=line"),
                *self.options.arguments,
                *([f"--overrides={forced}"] if overrides else []),
                *([f"--exclude-newer={before}", *_whenever(lines)] if before is not None else []),
                f"--output-file={out}",
                "--python",
                python,
                "-",
                lines="".join(f"{line}\n" for line in lines),
            )
            return out.read_text(encoding="utf-8")

    def newest(self, python: str, requirement: str, *, build: bool = False, before: str | None = None) -> str | None:
        """The version of the newest release that fits a requirement and has a wheel for an interpreter; None where
        there is none. See ``newest.py``.

        build: or its source. before: only what was published before, as RFC 3339 has dates. Yanked ones do not count,
        nor pre-releases where there are others. Raises IndexUnreachable when nobody can say.
        """
        name = Requirement(requirement).name
        try:
            told = self._run(
                *("pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate"),
                *self.options.arguments,
                *([] if build else ["--only-binary=:all:"]),
                *([f"--exclude-newer={before}"] if before is not None else []),
                *("--python", python, "-"),
                lines=f"{requirement}\n",
            )
        except (NoWheel, NoSuchVersion):
            return None
        lines = told.stdout.decode().splitlines()
        return next((line.partition("==")[2] for line in lines if line.startswith(f"{name}==")), None)

    def export(self, folder: Path, options: Sequence[str]) -> str:
        """What the uv.lock in a folder installs, as pylock.toml (PEP 751). Raises UvError for a damaged lock."""
        said = self._run(
            *("export", "--frozen", "--offline", "--no-config", "--no-default-groups", "--format=pylock.toml"),
            *("--no-header", f"--directory={folder}", *options),
        )
        return said.stdout.decode()

    def installed(self, environment: Path) -> dict[str, str]:
        """Normalised name -> version of everything in an environment, as uv reads it. About 20 ms."""
        listed = self._run("pip", "list", "--format=json", "--python", str(python_in(environment)))
        return {entry["name"]: entry["version"] for entry in json.loads(listed.stdout)}

    def interpreter(self, request: str) -> Interpreter:
        """The Python for a version or a path. Downloads nothing.

        Raises InvalidInput when there is none.
        """
        found = request if Path(request).is_file() else self._find_python(request)
        try:
            asked = process.run([found, "-I", "-c", MARKERS], timeout=_MINUTES)
        except process.ProcessError as error:
            raise InvalidInput(f"{shown(found)} is no working Python: {error.what}") from error
        if asked.exit_code != 0:
            raise InvalidInput(f"{shown(found)} is no working Python: {_last_line(asked.stderr)}")
        try:
            markers = json.loads(asked.stdout)
            return Interpreter(found, markers["python_full_version"], markers)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(f"{shown(found)} is no Python: it does not say what it is") from error

    def _find_python(self, version: str) -> str:
        if not re.fullmatch(r"\d+(\.\d+){0,2}((a|b|rc)\d+)?t?", version):
            raise InvalidInput(
                f"{shown(version)} is no Python", hint="give a version as 3.11.7, or an interpreter's path"
            )
        try:
            return self._run("python", "find", "--no-project", "--", version).stdout.decode().strip()
        except UvError as error:
            if (found := pyenv_python(version)) is not None:
                return found
            raise InvalidInput(
                f"there is no Python {version} on this machine",
                hint=f"`uv python install {shlex.quote(version)}` gets one",
            ) from error

    def interpreters(self, line: str) -> dict[str, str]:
        """Version -> path of every CPython of a line (3.11) on this machine. Downloads nothing."""
        if not re.fullmatch(r"\d+\.\d+", line):
            return {}
        listed = self._run("python", "list", "--only-installed", "--output-format=json", "--", line)
        entries = [each for each in json.loads(listed.stdout) if each.get("implementation") == "cpython"]
        of_pyenv = {version: path for version, path in kept_by_pyenv().items() if version.startswith(f"{line}.")}
        return {**of_pyenv, **{each["version"]: each["path"] for each in reversed(entries) if each.get("path")}}

    def _run(self, *arguments: str, lines: str | None = None, indexes: Sequence[str] = ()) -> process.Finished:
        told = {**os.environ, **dict(self.settings), **dict(self.options.variables)}
        environment = {key: value for key, value in told.items() if key not in _NOT_FOR_UV}
        environment.update(index_variables(indexes, told, Path.cwd()))
        environment["UV_PYTHON_DOWNLOADS"] = "never"  # which Python it is, is never uv's to decide
        try:
            return self._once(arguments, environment, lines)
        except NoSuchVersion as error:
            if STRATEGY not in environment:
                raise
            # Asking all indexes at once, uv does not say that some of them were not asked, or refused.
            if self.offline or environment.get("UV_OFFLINE"):
                raise IndexUnreachable(error.what, hint="check the network") from error
            try:
                self._once(arguments, {**environment, STRATEGY: "first-index"}, lines)
            except IndexUnreachable:
                raise
            except UvError:
                pass  # what the first index lacks by itself says nothing
            raise

    def _once(self, arguments: Sequence[str], environment: Mapping[str, str], lines: str | None) -> process.Finished:
        if self.options.build_constraints and arguments[:2] == ("pip", "install"):
            with tempfile.TemporaryDirectory(prefix="contexta-") as folder:
                path = Path(folder, "build-constraints.txt")
                path.write_text(self.options.build_constraints, encoding="utf-8")
                return self._told((*arguments, f"--build-constraints={path}"), environment, lines)
        return self._told(arguments, environment, lines)

    def _told(self, arguments: Sequence[str], environment: Mapping[str, str], lines: str | None) -> process.Finished:
        argv = [self.path, "--no-progress", "--color=never", *(["--offline"] if self.offline else []), *arguments]
        if environment.get(NO_INDEX) and arguments[:2] in (("pip", "install"), ("pip", "compile")):
            argv.append("--no-index")  # uv reads no variable for it
        if arguments[:2] == ("pip", "install"):
            argv = kept(argv)  # what it builds from source may take long, and ends when this process is killed
        try:
            done = process.run(
                argv,
                timeout=self.timeout,
                env=environment,
                input=lines.encode() if lines is not None else None,
                strays=True,
            )
        except process.TimedOut as late:
            raise BuildFailed(
                f"uv {' '.join(arguments[:2])} did not end within {self.timeout:g} s: it was ended with all it started",
                hint="--timeout SECONDS gives it longer",
            ) from late
        if done.exit_code != 0:
            raise error_of(arguments, done.stderr.decode(errors="replace").strip())
        return done


_NOT_FOR_UV = frozenset({"VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON"})


def find_uv(*, offline: bool = False, timeout: float = 60 * _MINUTES, settings: tuple[tuple[str, str], ...] = ()) -> Uv:
    """The first uv that is new enough: the one of the ``uv`` package, installed beside Contexta, else that on PATH.

    Raises UvMissing when there is none, or none of at least LEAST_VERSION.
    """
    found = []
    for path in dict.fromkeys(path for path in (_packaged(), shutil.which("uv")) if path is not None):
        try:
            said = process.run([path, "--version"], timeout=_MINUTES).stdout.decode(errors="replace").strip()
        except process.ProcessError as error:
            found.append(error.what)
            continue
        version = re.search(r"\d+\.\d+\.\d+", said)
        if version is not None and Version(version[0]) >= Version(LEAST_VERSION):
            return Uv(path, version[0], offline, timeout, settings)
        found.append(said or f"{path}, which does not tell its version")
    if not found:
        raise UvMissing("uv is not installed: environments cannot be built without it", hint=_GET_IT)
    raise UvMissing(f"found {' and '.join(found)}, at least {LEAST_VERSION} is needed", hint=_GET_IT)


def python_in(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _whenever(lines: Sequence[str]) -> list[str]:
    """Options that take what is pinned, whenever it was published."""
    names = [Requirement(line).name for line in lines if "==" in line and " @ " not in line]
    return [f"--exclude-newer-package={name}=9999-01-01T00:00:00Z" for name in names]


def _packaged() -> str | None:
    try:
        from uv import find_uv_bin
    except ImportError:
        return None
    try:
        return str(find_uv_bin())
    except FileNotFoundError:
        return None


def _warnings(said: process.Finished) -> tuple[str, ...]:
    lines = said.stderr.decode(errors="replace").splitlines()
    return tuple(line.partition(":")[2].strip() for line in lines if line.startswith("warning:"))


def _last_line(said: bytes) -> str:
    return (said.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
