"""Whether what ran, ran in the environment that was meant for it. Pure.

A trial or a rerun is *confirmed from inside* when the recorder saw a Python of the intended environment in it, and none
outside of it that may have trained. Which Pythons may have: all but helpers (pip, uv, poetry ...), and a program from
elsewhere that recorded no metric, imported nothing that the environment fixes and nothing that lies where the command
runs (a command-line tool with an environment of its own). Where no Python was seen at all, it is *confirmed from
outside only*: the environment was put together as intended, the command was given its Python, and that is all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from packaging.utils import canonicalize_name

from contexta.contract.environment import same_version
from contexta.reproduce.uv.urls import is_address

State = Literal["inside", "outside", "no"]
_NAMED = 3  # packages in one reason


@dataclass(frozen=True)
class Intended:
    """The environment that a command is to run in.

    prefix: its directory. python: its interpreter's full version. packages: what it fixes, name -> version. commits:
    of those that come from one. absent: packages that it must not have. variables: that differ from trial to trial, as
    the recorder writes them; None for one that must not be set. places: directories that the source lies in. modules:
    module -> the package that is imported by that name.
    """

    prefix: str
    python: str
    packages: Mapping[str, str]
    places: tuple[str, ...]
    commits: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    variables: Mapping[str, str | None] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SeenProcess:
    """A Python that the recorder was in.

    kind, program: what it ran: ``script``, ``module`` or ``code``. packages, commits, variables: as it began.
    has_metrics: whether it recorded any. imports: distributions; own: modules that belong to none, with their files;
    both None where its end was not seen.
    """

    prefix: str
    python: str
    kind: str
    program: str
    packages: Mapping[str, str]
    commits: Mapping[str, str]
    variables: Mapping[str, str]
    has_metrics: bool = False
    imports: frozenset[str] | None = None
    own: Mapping[str, str] | None = None


@dataclass(frozen=True)
class UnseenProcess:
    """A Python whose environment the recorder did not see, where it has only the place of it. prefix: that place.
    is_worker: a worker of ``multiprocessing``, which the recorder passes over, or one where capturing failed."""

    prefix: str
    kind: str
    program: str
    cwd: str = ""
    is_worker: bool = False


@dataclass(frozen=True)
class Observations:
    """What was seen of one trial. writes: paths outside of its own directories that it wrote to."""

    seen: tuple[SeenProcess, ...] = ()
    unseen: tuple[UnseenProcess, ...] = ()
    writes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Confirmation:
    """state: ``inside``, ``outside`` (only), or ``no``: it ran elsewhere. reason: what was seen, against what was
    intended; for ``outside`` why the recorder was in no process. location: the environment it ran in instead. shadowed:
    packages of the environment that what ran did not use, as the source has modules of their names."""

    state: State
    reason: str = ""
    location: str = ""
    shadowed: tuple[str, ...] = ()


def confirm(intended: Intended, observed: Observations) -> Confirmation:
    """Whether a command ran in the environment that was meant for it."""
    matching, shadowed = 0, set[str]()
    for process in observed.seen:
        wrong = difference(intended, process)
        if wrong is None:
            matching += 1
            shadowed |= {f"{intended.modules[name]} by {path}" for name, path in _shadowing(intended, process)}
        elif _may_have_trained(intended, process):
            return Confirmation("no", f"{_named(process.kind, process.program)} {wrong}", process.prefix)
    for unseen in observed.unseen:
        if not _same_path(unseen.prefix, intended.prefix) and _may_train(intended, unseen, matching):
            what = _named(unseen.kind, unseen.program)
            told = f"{what} ran on the Python of {unseen.prefix}, not on that of {_here(intended)}"
            return Confirmation("no", told, unseen.prefix)
    hidden = [each for each in observed.unseen if not each.is_worker and _may_train(intended, each, matching)]
    hid = tuple(sorted(shadowed))
    if hidden:
        what = _named(hidden[0].kind, hidden[0].program)
        return Confirmation("outside", f"the recorder could not enter the process of {what}", shadowed=hid)
    if not matching:
        return Confirmation("outside", "the recorder was in no Python process of the command")
    return Confirmation("inside", shadowed=hid)


def _shadowing(intended: Intended, process: SeenProcess) -> Iterator[tuple[str, str]]:
    """(module, file) of what a process took from the source although a package of that name is installed."""
    for module, path in (process.own or {}).items():
        if module in intended.modules:
            yield module, path


def difference(intended: Intended, process: SeenProcess) -> str | None:
    """In what a process ran otherwise than intended; None where in nothing."""
    if not _same_path(process.prefix, intended.prefix):
        wrong = differing_packages(intended, process.packages, process.commits)
        more = f": {wrong}" if wrong else ""
        return (
            f"ran on the Python {process.python} of {process.prefix}, not on that of {_here(intended)} "
            f"({intended.python}){more}"
        )
    if process.python != intended.python:
        return f"ran on Python {process.python}, not on {intended.python}"
    if (wrong := differing_packages(intended, process.packages, process.commits)) is not None:
        return f"ran with {wrong}"
    for module, path in _shadowing(intended, process):
        if not _is_below(path, intended.places):
            return f"imported {module} from {path}, not the {intended.modules[module]} of its environment"
    for name, value in intended.variables.items():
        if process.variables.get(name) != value:
            told = "unset" if value is None else f"{value!r}"
            was = f"{process.variables[name]!r}" if name in process.variables else "unset"
            return f"ran with the variable {name} {was}, which was to be {told}"
    return None


def differing_packages(
    intended: Intended, packages: Mapping[str, str], commits: Mapping[str, str] | None = None
) -> str | None:
    """Which packages are not as intended, a few of them; None where all are. What else is there does not matter."""
    wrong = list(_wrong_packages(intended, packages, commits or {}))
    more = [f"{len(wrong) - _NAMED} more"] if len(wrong) > _NAMED else []
    return "; ".join([*wrong[:_NAMED], *more]) or None


def _wrong_packages(intended: Intended, packages: Mapping[str, str], commits: Mapping[str, str]) -> Iterator[str]:
    for name, version in intended.packages.items():
        was = packages.get(name)
        if was is None or not same_version(was, version):
            yield f"{name} {was or 'absent'} instead of {version}"
        elif (commit := intended.commits.get(name)) is not None and commits.get(name, commit) != commit:
            yield f"{name} at commit {commits[name][:12]} instead of {commit[:12]}"
    for name in sorted(intended.absent & packages.keys()):
        yield f"{name} {packages[name]}, which was to be absent"


def _may_have_trained(intended: Intended, process: SeenProcess) -> bool:
    """Whether a process that ran otherwise than intended is more than a tool from elsewhere beside the training."""
    if process.has_metrics or process.imports is None or process.own is None:
        return True
    if process.kind != "script" or process.program in ("", "-") or _same_path(process.prefix, intended.prefix):
        return True
    fixed = {*intended.packages, *intended.absent}
    files = (process.program, *process.own.values())
    return bool(process.imports & fixed) or any(_is_below(path, intended.places) for path in files)


def _may_train(intended: Intended, unseen: UnseenProcess, matching: int) -> bool:
    """A script from elsewhere is a tool, where the training was seen."""
    is_tool = unseen.kind == "script" and unseen.program not in ("", "-") and not unseen.is_worker
    is_tool = is_tool and not _is_below(str(Path(unseen.cwd, unseen.program)), intended.places)
    return not (is_tool and matching)


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """Whether a file lies in one of some directories; one by a relative path does."""
    if not Path(path).is_absolute():
        return True
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(folder)) for folder in folders)


def _same_path(one: str, other: str) -> bool:
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))


def _here(intended: Intended) -> str:
    return f"the intended environment {intended.prefix}"


def _named(kind: str, program: str) -> str:
    if kind == "code":
        return "python -c"
    if program in ("", "-"):
        return "python"
    return f"python -m {program}" if kind == "module" else Path(program).name


def import_names(package: str, top_levels: Iterable[str]) -> frozenset[str]:
    """Of the modules that a package installs those that are surely its own: one of its name, or the only one. Others
    (``tests``, ``utils``) may be a project's own, too. top_levels: files and directories as they are installed."""
    modules = {
        name.partition(".")[0] for name in top_levels if name.endswith((".py", ".so", ".pyd")) or "." not in name
    }
    public = {name for name in modules if name.isidentifier() and not name.startswith("_")}
    return frozenset(name for name in public if len(public) == 1 or canonicalize_name(name) == package)


def fixed_commits(pins: Mapping[str, str]) -> dict[str, str]:
    """Of pins that are addresses of a commit: the commit."""
    found = {}
    for name, pin in pins.items():
        address = pin.partition("#")[0]
        if is_address(pin) and address.startswith("git+"):
            found[name] = address.rpartition("@")[2]
    return found


def summary(states: Iterable[State | None]) -> State | None:
    """What several trials say together: the weakest of them; None where one was run before anyone looked."""
    known: Sequence[State | None] = list(states)
    if not known or None in known:
        return None
    return "no" if "no" in known else "outside" if "outside" in known else "inside"


__all__ = [
    "Confirmation",
    "Intended",
    "Observations",
    "SeenProcess",
    "State",
    "UnseenProcess",
    "confirm",
    "difference",
    "differing_packages",
    "fixed_commits",
    "import_names",
    "summary",
]
