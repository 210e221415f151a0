"""Explain why the environments of a study cannot be built here: every missing package, and a hint."""

from __future__ import annotations

import platform
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from contexta.findings import Missing
from contexta.reproduce.plan.unavailable import unavailable_packages
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import BuildFailed, NoSuchVersion, NoWheel, UvError, gist
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.urls import releases_among

_OF_PLATFORM = {  # packages for one platform only
    "Windows": re.compile(
        r"(pywin32|pypiwin32|pywinpty|pywin32-ctypes|winpty|windows-curses|win32-setctime|wincertstore|win-.*|winshell|"
        r"wmi|comtypes|pyreadline|tensorflow-intel|intel-openmp|mkl|vs2015-runtime|winrt-.*|winsdk)\Z"
    ),
    "macOS": re.compile(r"(appnope|pyobjc.*|tensorflow-(macos|metal)|py2app|mlx|mlx-metal|coremltools)\Z"),
    "Linux": re.compile(
        r"(nvidia-.*-cu\d+|triton|uvloop|secretstorage|jeepney|pyinotify|python-apt|ubuntu-.*|evdev)\Z"
    ),
}
_TORCH = re.compile(r"(cu\d+|cpu|xpu|rocm[\d.]+)\Z")
_PYG = re.compile(r"pt(?P<major>\d)(?P<minor>\d+)(?P<build>cu\d+|cpu)\Z")


Side = tuple[Uv, Interpreter, Mapping[str, str]]
"""uv with the options of a side, its interpreter and its pins."""


def not_built(end: str, error: UvError, sides: Mapping[str, Side]) -> UvError:
    """The error for a side that cannot be built. It names all missing releases of all sides."""
    if isinstance(error, NoSuchVersion | NoWheel):
        missing = {name: missing_releases(*side) for name, side in sides.items()}
        if any(missing.values()):
            pinned = {name for _, _, pins in sides.values() for name in pins}
            return type(error)(in_words(missing), hint=way_out(missing, pinned, platform.system()))
    if isinstance(error, BuildFailed):
        hint = "older build tools may work: --build-constraint FILE, with a line like setuptools<58"
        return type(error)(f"{end.upper()} cannot be built: {gist(error, 900)}", hint=error.hint or hint)
    return type(error)(f"{end.upper()} cannot be built: {error.what}", hint=error.hint)


def missing_releases(uv: Uv, python: Interpreter, pins: Mapping[str, str]) -> list[Missing]:
    """The releases of a side that no index has for an interpreter. About 0.1 s each, four at once."""
    return unavailable_packages(uv, python, releases_among(pins), not _never_builds(uv), ())


def in_words(missing: Mapping[str, Sequence[Missing]]) -> str:
    """All missing packages in one sentence. missing: by side."""
    sides: dict[tuple[str, str, str], list[str]] = {}
    for side, packages in missing.items():
        for package in packages:
            sides.setdefault((package.name, package.version, package.detail), []).append(side.upper())
    parts = [f"{name} {version} of {' and '.join(of)} ({why})" for (name, version, why), of in sorted(sides.items())]
    return f"{len(parts)} of the pinned packages cannot be installed here: {'; '.join(parts)}"


def way_out(missing: Mapping[str, Sequence[Missing]], pinned: Collection[str], system: str) -> str:
    """The hint. pinned: all packages of both sides. system: this platform, as in platform.system()."""
    versions = {package.name: package.version for packages in missing.values() for package in packages}
    here = {"Darwin": "macOS"}.get(system, system)
    foreign = {
        platform: sorted({name for name in {*pinned, *versions} if names.match(name)})
        for platform, names in _OF_PLATFORM.items()
        if platform != here and any(names.match(name) for name in versions)
    }
    remarks = [f"these pins are of {platform} ({', '.join(names)})" for platform, names in foreign.items()]
    in_other_index = {name for name, version in versions.items() if usual_index(name, version) is not None}
    may_be_skipped = sorted({*versions, *(name for names in foreign.values() for name in names)} - in_other_index)
    return "; ".join((*remarks, *_indexes(versions), *_skip(may_be_skipped)))


def usual_index(name: str, version: str) -> str | None:
    """The option that names the index of a release with a local version tag; None for a version without one."""
    _, plus, tag = version.partition("+")
    if not plus:
        return None
    if pyg := _PYG.match(tag):
        torch = f"{pyg['major']}.{pyg['minor']}.0"
        return f"--find-links https://data.pyg.org/whl/torch-{torch}+{pyg['build']}.html"
    if name.startswith("jax") and tag.startswith("cuda"):
        return "--find-links https://storage.googleapis.com/jax-releases/jax_cuda_releases.html"
    if name == "dgl":
        return f"--find-links https://data.dgl.ai/wheels/{tag}/repo.html"
    if _TORCH.match(tag):
        return f"--extra-index-url https://download.pytorch.org/whl/{tag}"
    return "--extra-index-url URL"


def _indexes(versions: Mapping[str, str]) -> Iterator[str]:
    options: dict[str, list[str]] = {}
    for name, version in sorted(versions.items()):
        if (option := usual_index(name, version)) is not None:
            options.setdefault(option, []).append(f"{name} {version}")
    for option, releases in options.items():
        yield f"{' and '.join(releases)} may come from another index: write {option} into the file"


def _skip(names: Sequence[str]) -> Iterator[str]:
    if names:
        options = " ".join(f"--skip {name}" for name in names)
        yield f"{options} leaves out on both sides what the training does without"


def _never_builds(uv: Uv) -> bool:
    return "--only-binary=:all:" in uv.options.arguments
