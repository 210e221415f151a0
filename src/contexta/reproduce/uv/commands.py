"""Run uv: the only module that knows its arguments.

Names, versions and interpreters are data. They are checked against their standards and are passed to uv as lines of a
requirements file, never as arguments, which uv could parse as options.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from contexta.core.errors import InvalidInput, shown
from contexta.core.processes import process
from contexta.core.processes.supervisor import supervised
from contexta.reproduce.uv.error_messages import (
    BuildFailed,
    IndexUnreachable,
    NoSuchVersion,
    NoWheel,
    UvError,
    UvMissing,
    error_of,
)
from contexta.reproduce.uv.indexes import NO_INDEX, STRATEGY, index_variables
from contexta.reproduce.uv.interpreters import Interpreter, interpreter_at, pyenv_interpreters, pyenv_python
from contexta.reproduce.uv.release_files import IndexedRelease, releases_in
from contexta.reproduce.uv.requirement_options import NO_OPTIONS, InstallOptions, requirement_lines
from contexta.reproduce.uv.urls import is_address

LEAST_VERSION = "0.11.15"
"""Below it, entry points of a wheel may write outside the environment."""

_GET_IT = f"install uv {LEAST_VERSION} or newer: `pip install -U uv`"
_MINUTES = 60.0


@dataclass(frozen=True)
class Uv:
    """A uv that is new enough.

    offline: use no network. timeout: seconds for each step. settings: more environment variables. options: of the
    packages that it installs.
    """

    path: str
    version: str
    offline: bool = False
    timeout: float = 60 * _MINUTES
    settings: tuple[tuple[str, str], ...] = ()
    options: InstallOptions = NO_OPTIONS
    kept_wheels: str | None = None
    """A directory of wheels that are used before those of an index."""

    def create(self, python: str, at: Path) -> None:
        """Create an empty virtual environment in a new or an existing directory. Existing files stay. About 30 ms."""
        self._run("venv", "--no-project", "--quiet", "--allow-existing", "--python", python, str(at))

    def install(
        self,
        into: Path,
        pins: Mapping[str, str],
        *,
        compile_bytecode: bool = True,
        build: bool = False,
        indexes: Sequence[str] = (),
        before: str | None = None,
    ) -> tuple[str, ...]:
        """Install exactly these releases, without their dependencies; wheels only, unless ``build``.

        The environment shares no file with uv's cache. Returns the warnings of uv.
        indexes: ``NAME=URL``, queried before the configured ones. before: only releases published before an RFC 3339
        date, build tools included.
        Raises NoSuchVersion, NoWheel, IndexUnreachable, HashMismatch or BuildFailed; UvError for anything else.
        """
        options = [] if build else ["--only-binary=:all:"]
        options += [f"--exclude-newer={before}"] if before is not None else []
        options += ["--compile-bytecode"] if compile_bytecode else []
        lines = requirement_lines(pins, dict(self.options.hashes))
        return self._install(into, [*options, "--requirements=-"], lines, indexes)

    def install_linked(self, into: Path, lines: Sequence[str]) -> tuple[str, ...]:
        """Install from addresses (see ``urls``). Builds sources without a wheel. Raises as ``install``."""
        # Files of this machine may have changed since uv built them.
        local = [line.partition(" @ ")[0] for line in lines if " @ file:" in line]
        options = [f"--{action}-package={name}" for name in local for action in ("refresh", "reinstall")]
        text = "".join(f"{line}\n" for line in lines)
        return self._install(into, ["--compile-bytecode", *options, "--requirements=-"], text)

    def install_editable(self, into: Path, source: Path) -> tuple[str, ...]:
        """Install a directory as an editable package. Raises as ``install``."""
        return self._install(into, [f"--editable={source}"], None)

    def _install(
        self, into: Path, options: Sequence[str], lines: str | None, indexes: Sequence[str] = ()
    ) -> tuple[str, ...]:
        finished = self._run(
            *("pip", "install", "--no-deps", "--link-mode=copy", "--python", str(python_in(into))),
            *self.options.arguments,
            *options,
            lines=lines,
            indexes=indexes,
        )
        return _warnings(finished)

    def has_wheel(self, python: str, name: str, pin: str) -> bool:
        """Whether a release or an address would install on an interpreter; for sources only a build shows it.

        Raises IndexUnreachable where that is unknown.
        """
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
        """Raise what ``install`` would raise for one release, without installing it."""
        self._dry_run(python, requirement_lines({name: version}), [] if build else ["--only-binary=:all:"], indexes)

    def require_linked(self, python: str, line: str) -> None:
        """Raise what ``install_linked`` would raise before it builds anything."""
        self._dry_run(python, f"{line}\n")

    def warnings(self, python: str, pins: Mapping[str, str]) -> tuple[str, ...]:
        """The warnings of an installation, for example that releases are yanked. Raises as ``install``."""
        return _warnings(self._dry_run(python, requirement_lines(pins)))

    def _dry_run(
        self, python: str, lines: str, options: Sequence[str] = (), indexes: Sequence[str] = ()
    ) -> process.Finished:
        # Into an empty directory, so that the packages of the interpreter are ignored. uv leaves a lock in it.
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
    ) -> list[IndexedRelease]:
        """These releases with their files in the index. Raises as ``install``.

        platform: as ``--python-platform`` takes it; None for this one.
        """
        version = re.match(r"\d+(\.\d+){0,2}", python_version)
        finished = self._run(
            *("pip", "compile", "--no-deps", "--no-header", "--format=pylock.toml"),
            *self.options.arguments,
            *([] if build else ["--only-binary=:all:"]),
            *([f"--python-version={version[0]}"] if version else []),
            *([f"--python-platform={platform}"] if platform else []),
            "-",
            lines=requirement_lines(pins),
            indexes=indexes,
        )
        return list(releases_in(finished.stdout.decode()))

    def resolve(
        self,
        python: str,
        lines: Sequence[str],
        overrides: Sequence[str] = (),
        preferred: Sequence[str] = (),
        before: str | None = None,
        *,
        python_version: str | None = None,
        is_build_allowed: bool = True,
        undated: Collection[str] | None = None,
        constraints: Sequence[str] = (),
    ) -> str:
        """Resolve requirements for an interpreter, into ``name==version  # via REQUIRER`` lines.

        overrides: requirements that replace those of packages. preferred: pins that stay if they fit.
        constraints: requirements of packages that are only installed if something else requires them.
        before: only releases published before an RFC 3339 date, except those that the lines pin, or of the packages
        ``undated``.
        python_version: another version than that of the interpreter. is_build_allowed: whether uv may run the build
        tools of a source distribution to read its requirements.
        Raises as ``install``; UvError with uv's explanation if no versions fit.
        """
        with tempfile.TemporaryDirectory(prefix="contexta-") as folder:
            forced, limits, out = (Path(folder, f"{name}.txt") for name in ("overrides", "constraints", "resolved"))
            forced.write_text("".join(f"{line}\n" for line in overrides), encoding="utf-8")
            out.write_text("".join(f"{line}\n" for line in preferred), encoding="utf-8")
            limits.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
            self._run(
                *("pip", "compile", "--quiet", "--no-header", "--annotation-style=line"),
                *self.options.arguments,
                *([f"--overrides={forced}"] if overrides else []),
                *([f"--constraints={limits}"] if constraints else []),
                *(
                    [f"--exclude-newer={before}", *_whenever(_pinned(lines) if undated is None else undated)]
                    if before is not None
                    else []
                ),
                *([f"--python-version={python_version}"] if python_version is not None else []),
                *([] if is_build_allowed else ["--no-build"]),
                f"--output-file={out}",
                "--python",
                python,
                "-",
                lines="".join(f"{line}\n" for line in lines),
            )
            return out.read_text(encoding="utf-8")

    def newest(self, python: str, requirement: str, *, build: bool = False, before: str | None = None) -> str | None:
        """The version of the newest release that fits a requirement and has a wheel for an interpreter; None if none.

        build: or has its source. before: only releases published before an RFC 3339 date. Yanked releases do not count,
        and pre-releases only if there are no others. Raises IndexUnreachable where that is unknown.
        """
        name = Requirement(requirement).name
        try:
            finished = self._run(
                *("pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate"),
                *self.options.arguments,
                *([] if build else ["--only-binary=:all:"]),
                *([f"--exclude-newer={before}"] if before is not None else []),
                *("--python", python, "-"),
                lines=f"{requirement}\n",
            )
        except (NoWheel, NoSuchVersion):
            return None
        lines = finished.stdout.decode().splitlines()
        return next((line.partition("==")[2] for line in lines if line.startswith(f"{name}==")), None)

    def export(self, folder: Path, options: Sequence[str]) -> str:
        """The packages of the uv.lock in a folder, as pylock.toml (PEP 751). Raises UvError for a damaged lock."""
        finished = self._run(
            *("export", "--frozen", "--offline", "--no-config", "--no-default-groups", "--format=pylock.toml"),
            *("--no-header", f"--directory={folder}", *options),
        )
        return finished.stdout.decode()

    def installed(self, environment: Path) -> dict[str, str]:
        """Normalised name -> version of all packages in an environment, as uv reads it. About 20 ms."""
        listed = self._run("pip", "list", "--format=json", "--python", str(python_in(environment)))
        return {entry["name"]: entry["version"] for entry in json.loads(listed.stdout)}

    def interpreter(self, request: str) -> Interpreter:
        """The Python of a version or at a path. Downloads nothing. Raises InvalidInput when there is none."""
        return interpreter_at(request if Path(request).is_file() else self._find_python(request))

    def _find_python(self, version: str) -> str:
        if not re.fullmatch(r"\d+(\.\d+){0,2}((a|b|rc)\d+)?t?", version):
            raise InvalidInput(
                f"{shown(version)} is no Python", hint="give a version such as 3.11.7, or the path of an interpreter"
            )
        try:
            return self._run("python", "find", "--no-project", "--", version).stdout.decode().strip()
        except UvError as error:
            if (path := pyenv_python(version)) is not None:
                return path
            raise InvalidInput(
                f"there is no Python {version} on this machine",
                hint=f"`uv python install {shlex.quote(version)}` installs it",
            ) from error

    def interpreters(self, line: str) -> dict[str, str]:
        """Version -> path of every CPython of a line (3.11) on this machine. Downloads nothing."""
        if not re.fullmatch(r"\d+\.\d+", line):
            return {}
        listed = self._run("python", "list", "--only-installed", "--output-format=json", "--", line)
        entries = [entry for entry in json.loads(listed.stdout) if entry.get("implementation") == "cpython"]
        of_pyenv = {version: path for version, path in pyenv_interpreters().items() if version.startswith(f"{line}.")}
        return {**of_pyenv, **{entry["version"]: entry["path"] for entry in reversed(entries) if entry.get("path")}}

    def _run(self, *arguments: str, lines: str | None = None, indexes: Sequence[str] = ()) -> process.Finished:
        variables = {**os.environ, **dict(self.settings), **dict(self.options.variables)}
        environment = {name: value for name, value in variables.items() if name not in _NOT_FOR_UV}
        environment.update(index_variables(indexes, variables, Path.cwd()))
        if self.kept_wheels is not None:
            links = [self.kept_wheels, environment.get("UV_FIND_LINKS", "")]
            environment["UV_FIND_LINKS"] = ",".join(filter(None, links))
        environment["UV_PYTHON_DOWNLOADS"] = "never"  # uv does not choose the interpreter
        try:
            return self._once(arguments, environment, lines)
        except NoSuchVersion as error:
            if STRATEGY not in environment:
                raise
            # When uv asks all indexes at once, it does not report that some were not reachable, or refused.
            if self.offline or environment.get("UV_OFFLINE"):
                raise IndexUnreachable(error.what, hint="check the network") from error
            try:
                self._once(arguments, {**environment, STRATEGY: "first-index"}, lines)
            except IndexUnreachable:
                raise
            except UvError:
                pass  # that the first index alone lacks it is irrelevant
            raise

    def _once(self, arguments: Sequence[str], environment: Mapping[str, str], lines: str | None) -> process.Finished:
        if self.options.build_constraints and arguments[:2] == ("pip", "install"):
            with tempfile.TemporaryDirectory(prefix="contexta-") as folder:
                path = Path(folder, "build-constraints.txt")
                path.write_text(self.options.build_constraints, encoding="utf-8")
                return self._process((*arguments, f"--build-constraints={path}"), environment, lines)
        return self._process(arguments, environment, lines)

    def _process(self, arguments: Sequence[str], environment: Mapping[str, str], lines: str | None) -> process.Finished:
        argv = [self.path, "--no-progress", "--color=never", *(["--offline"] if self.offline else []), *arguments]
        if environment.get(NO_INDEX) and arguments[:2] in (("pip", "install"), ("pip", "compile")):
            argv.append("--no-index")  # uv has no variable for it
        if arguments[:2] == ("pip", "install"):
            argv = supervised(argv)  # a build may take long; it ends when this process is killed
        try:
            finished = process.run(
                argv,
                timeout=self.timeout,
                env=environment,
                input=lines.encode() if lines is not None else None,
                kill_daemons=True,
            )
        except process.TimedOut as late:
            raise BuildFailed(
                f"uv {' '.join(arguments[:2])} did not end within {self.timeout:g} s: it was terminated",
                hint="--timeout SECONDS allows more",
            ) from late
        if finished.exit_code != 0:
            raise error_of(arguments, finished.stderr.decode(errors="replace").strip())
        return finished


_NOT_FOR_UV = frozenset({"VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON"})


def find_uv(*, offline: bool = False, timeout: float = 60 * _MINUTES, settings: tuple[tuple[str, str], ...] = ()) -> Uv:
    """The first uv that is new enough: that of the installed ``uv`` package, else that on PATH.

    Raises UvMissing when there is none of at least LEAST_VERSION.
    """
    too_old = []
    for path in dict.fromkeys(path for path in (_packaged(), shutil.which("uv")) if path is not None):
        try:
            answer = process.run([path, "--version"], timeout=_MINUTES).stdout.decode(errors="replace").strip()
        except process.ProcessError as error:
            too_old.append(error.what)
            continue
        version = re.search(r"\d+\.\d+\.\d+", answer)
        if version is not None and Version(version[0]) >= Version(LEAST_VERSION):
            return Uv(path, version[0], offline, timeout, settings)
        too_old.append(answer or f"{path}, which does not print its version")
    if not too_old:
        raise UvMissing("uv is not installed: environments cannot be built without it", hint=_GET_IT)
    raise UvMissing(f"found {' and '.join(too_old)}, at least {LEAST_VERSION} is needed", hint=_GET_IT)


def python_in(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _whenever(names: Iterable[str]) -> list[str]:
    """Options that allow the releases of packages, whenever they were published."""
    return [f"--exclude-newer-package={name}=9999-01-01T00:00:00Z" for name in names]


def _pinned(lines: Sequence[str]) -> list[str]:
    return [Requirement(line).name for line in lines if "==" in line and " @ " not in line]


def _packaged() -> str | None:
    try:
        from uv import find_uv_bin
    except ImportError:
        return None
    try:
        return str(find_uv_bin())
    except FileNotFoundError:
        return None


def _warnings(finished: process.Finished) -> tuple[str, ...]:
    lines = finished.stderr.decode(errors="replace").splitlines()
    return tuple(line.partition(":")[2].strip() for line in lines if line.startswith("warning:"))
