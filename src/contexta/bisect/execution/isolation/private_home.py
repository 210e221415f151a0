"""Give each trial a home of its own: copy-on-write where the kernel allows it, otherwise empty.

Copy-on-write: an overlay (overlayfs) over the home in a mount namespace of the trial. The trial reads everything in the
home, and its writes go to a directory that is removed after it. ``core.supervisor`` mounts the overlays.
Empty: a new directory, with copies of the paths that ``CONTEXTA_TRIAL_CACHES`` names.
Directories that variables such as ``TORCH_HOME`` name are treated like the home.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from contexta.core.errors import InvalidInput, shown
from contexta.core.processes import process, supervisor

CACHES_VARIABLE = "CONTEXTA_TRIAL_CACHES"
"""Paths, separated as in ``PATH``, that are copied into an empty home. ``~`` means the home."""
HOME_VARIABLE = "CONTEXTA_TRIAL_HOME"
"""``empty`` gives trials an empty home also where the kernel allows copy-on-write; default ``auto``."""
_MODES = ("auto", "empty")
_CACHE_VARIABLES = (
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
    *("TORCH_HOME", "TORCH_EXTENSIONS_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "CUDA_CACHE_PATH"),
    *("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "TRANSFORMERS_CACHE", "SENTENCE_TRANSFORMERS_HOME"),
    *("KERAS_HOME", "KAGGLEHUB_CACHE", "TFHUB_CACHE_DIR", "SCIKIT_LEARN_DATA", "JAX_COMPILATION_CACHE_DIR"),
    *("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"),
)
"""Variables that name a directory which programs write to."""
_ALWAYS_PRESENT = (".cache", ".config")
_PARENTS_OF_CACHES = ("", ".cache", ".config", ".local", ".local/share")
_PROBE_SECONDS = 30.0
_problems: dict[tuple[int | str, ...], str] = {}  # of ``_overlay_problem``, by file system and directories


class Overlay(NamedTuple):
    """A copy-on-write directory: target shows lower, and writes go to upper. work: scratch directory of the kernel."""

    lower: str
    upper: str
    work: str
    target: str


@dataclass(frozen=True)
class PrivateHome:
    """The home of one trial.

    variables: lead a program there. overlays: mounted before the program starts. why_empty: why the home is empty; ""
    if it shows the real one.
    """

    variables: Mapping[str, str]
    overlays: tuple[Overlay, ...] = ()
    why_empty: str = ""


@dataclass(frozen=True)
class _Layout:
    """The directories of a trial. home: the private home. directories: private directory -> the real one that it shows,
    the home first. variables: that name private directories.
    """

    home: Path
    directories: Mapping[Path, Path]
    variables: Mapping[str, str]


@contextmanager
def private_home(scratch: Path) -> Iterator[PrivateHome]:
    """A home, caches and a directory for temporary files, removed at the end.

    Raises InvalidInput for a wrong value of CONTEXTA_TRIAL_HOME or CONTEXTA_TRIAL_CACHES.
    """
    # A short name: sockets are made among temporary files, and a socket's path has room for some hundred characters
    with (
        tempfile.TemporaryDirectory(prefix="t", dir=scratch, ignore_cleanup_errors=True) as temporary,
        tempfile.TemporaryDirectory(prefix="home-", dir=scratch, ignore_cleanup_errors=True) as homes,
    ):
        temporary_files = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), temporary)
        if os.name == "nt":  # programs on Windows find the home without HOME
            yield PrivateHome(temporary_files)
            return
        layout = _layout(Path.home(), Path(homes, "seen"), os.environ)
        variables = {**temporary_files, **layout.variables}
        shown_directories = _shown_directories(layout, scratch)
        why_empty = _why_empty(tuple(map(str, shown_directories.values())), scratch)
        for directory in layout.directories:
            directory.mkdir(parents=True)
        if why_empty:
            _fill_empty(layout, os.environ.get(CACHES_VARIABLE, ""))
            yield PrivateHome(variables, why_empty=why_empty)
        else:
            yield PrivateHome(variables, tuple(_overlays(layout, shown_directories, Path(homes, "written"))))


def _layout(home: Path, root: Path, environ: Mapping[str, str]) -> _Layout:
    private = root / "home"
    directories, variables = {private: home}, {"HOME": str(private)}
    for name in _CACHE_VARIABLES:
        value = environ.get(name)
        if not value or not Path(value).is_absolute():
            continue  # a relative path is inside the copy of the source
        directory = Path(os.path.normpath(value))
        if directory.is_relative_to(home):
            variables[name] = str(private / directory.relative_to(home))
        else:
            variables[name] = str(root / name)
            directories[root / name] = directory
    return _Layout(private, directories, variables)


# ---------------------------------------------------------------------------------------------- copy-on-write


def _shown_directories(layout: _Layout, scratch: Path) -> dict[Path, Path]:
    """Private directory -> the real one that an overlay shows there, in the order of mounting.

    An overlay shows links as they are, so a write through one would reach the real directory, and shows other file
    systems that are mounted below it as empty directories. Both get overlays of their own.
    """
    directories = {}
    for target, real in layout.directories.items():
        if not os.path.isdir(real):  # noqa: PTH112  # False also for what cannot be read
            continue
        directories[target] = real
        if target == layout.home:
            directories.update((target / name, directory) for name, directory in _linked_directories(real, scratch))
    for real in _mount_points():
        for target, shown_directory in list(directories.items()):
            if real != shown_directory and real.is_relative_to(shown_directory) and os.path.isdir(real):  # noqa: PTH112  # False for what cannot be read
                directories[target / real.relative_to(shown_directory)] = real
    return directories


def _linked_directories(home: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    """(path in the home, real directory) of caches and settings that are links to directories."""
    links: set[str] = set()
    for parent in _PARENTS_OF_CACHES:
        if any(f"{parent}/".startswith(f"{link}/") for link in links):
            continue  # shown as a whole
        try:
            entries = sorted(os.scandir(home / parent), key=lambda entry: entry.name)
        except OSError:
            continue  # the directory does not exist or is not readable
        for entry in entries:
            if not entry.is_symlink() or not (parent or entry.name.startswith(".")):
                continue
            directory = Path(os.path.realpath(entry.path))
            if os.path.isdir(directory) and not scratch.resolve().is_relative_to(directory):  # noqa: PTH112  # as above
                name = f"{parent}/{entry.name}".lstrip("/")
                links.add(name)
                yield name, directory


def _mount_points() -> Iterator[Path]:
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return  # no Linux
    for line in lines:
        path = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), line.split(b" ")[4])
        yield Path(os.fsdecode(path))


def _overlays(layout: _Layout, shown_directories: Mapping[Path, Path], written: Path) -> Iterator[Overlay]:
    overlays: list[Overlay] = []
    for number, (target, real) in enumerate(shown_directories.items()):
        _make_visible(target, overlays)
        overlays.append(_overlay(real, written / str(number), target))
    for name in _ALWAYS_PRESENT:
        if not os.path.lexists(layout.directories[layout.home] / name):
            _make_visible(layout.home / name, overlays)
    return iter(overlays)


def _make_visible(directory: Path, overlays: Sequence[Overlay]) -> None:
    """Make a directory in the topmost overlay that it is in: there it also hides a link of that name."""
    for overlay in reversed(overlays):
        if directory.is_relative_to(overlay.target):
            Path(overlay.upper, directory.relative_to(overlay.target)).mkdir(parents=True, exist_ok=True)
            return


def _overlay(real: Path, layers: Path, target: Path) -> Overlay:
    for name in ("files", "work"):
        (layers / name).mkdir(parents=True)
    return Overlay(str(real), str(layers / "files"), str(layers / "work"), str(target))


def _why_empty(shown_directories: tuple[str, ...], scratch: Path) -> str:
    """Why trials get an empty home here; "" if they get a copy-on-write home."""
    mode = os.environ.get(HOME_VARIABLE) or "auto"
    if mode not in _MODES:
        raise InvalidInput(f"{HOME_VARIABLE} is {shown(mode)}", hint=f"set it to one of: {', '.join(_MODES)}")
    if mode == "empty":
        return f"{HOME_VARIABLE} is empty"
    if not sys.platform.startswith("linux"):
        return "only Linux has copy-on-write directories (overlayfs)"
    key: tuple[int | str, ...] = (scratch.stat().st_dev, *shown_directories)
    if key not in _problems:
        _problems[key] = _overlay_problem(shown_directories, scratch)
    return _problems[key]


def _overlay_problem(shown_directories: Sequence[str], scratch: Path) -> str:
    """Why overlays over these directories cannot be mounted; "" if they can. Mounts them to find out."""
    with tempfile.TemporaryDirectory(prefix="overlays-", dir=scratch, ignore_cleanup_errors=True) as folder:
        overlays = []
        for number, directory in enumerate(shown_directories):
            target = Path(folder, "seen", str(number))
            target.mkdir(parents=True)
            overlays.append(_overlay(Path(directory), Path(folder, "written", str(number)), target))
        code = "import os, sys; sys.exit([path for path in sys.argv[1:] if not os.path.ismount(path)] or None)"
        check = [sys.executable, "-I", "-S", "-c", code, *(overlay.target for overlay in overlays)]
        try:
            done = process.run(supervisor.supervised(check, overlays=overlays), timeout=_PROBE_SECONDS)
        except process.ProcessError as error:
            return error.what
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return "" if done.exit_code == 0 else lines[-1] if lines else f"exit code {done.exit_code}"


# ---------------------------------------------------------------------------------------------- empty


def _fill_empty(layout: _Layout, named: str) -> None:
    """Make the directories of an empty home, and copy the named paths into them."""
    for directory in [*map(Path, layout.variables.values()), *(layout.home / name for name in _ALWAYS_PRESENT)]:
        directory.mkdir(parents=True, exist_ok=True)
    for text in filter(None, named.split(os.pathsep)):
        path = Path(os.path.normpath(Path(text).expanduser()))
        target = _private_path(layout, path)
        if target is None:
            raise InvalidInput(
                f"{CACHES_VARIABLE} names {shown(text)}, which is not a path in the home or in a cache",
                hint="name files and directories in the home; a trial reads other paths as they are",
            )
        if path.is_dir():
            shutil.copytree(path, target, symlinks=True, dirs_exist_ok=True)
        elif path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        else:
            raise InvalidInput(f"{CACHES_VARIABLE} names {shown(text)}, which does not exist")


def _private_path(layout: _Layout, path: Path) -> Path | None:
    """The private path for a path in the real home or in a real cache; None for the whole home and for other paths."""
    for target, real in layout.directories.items():
        if path.is_relative_to(real) and (path != real or target != layout.home):
            return target / path.relative_to(real)
    return None
