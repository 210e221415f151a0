"""Confirm that a command ran in the environment intended for it. Pure.

A trial or a rerun is *confirmed from inside* when the recorder observed a Python of the intended environment in it, and
no other Python that may have trained. Helpers (pip, uv, poetry ...) may not have trained. Neither may a command-line
tool with an environment of its own: it recorded no metric, and imported neither a package that the environment fixes
nor a module from the directory of the command. If the recorder observed no Python, the environment is *confirmed from
outside only*: it was built as intended, and the command was started with its Python.
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
    """The environment intended for a command.

    prefix: its directory. python: full version. packages: name -> version. commits: of packages that come from a
    commit. absent: packages that it must not have. variables: those that differ between trials, as the recorder writes
    them; None for one that must not be set. places: directories of the source. modules: module -> its package.
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
    """A Python that the recorder ran in.

    kind: ``script``, ``module`` or ``code``. program: the name of its program. packages, commits, variables: at its
    start. imports: distributions. own: modules of no distribution -> file. Both are None if its end was not recorded.
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
    """A Python whose environment the recorder did not observe. prefix: the directory of that environment.

    is_worker: it is a worker of ``multiprocessing``, which the recorder skips, or one where capturing failed.
    """

    prefix: str
    kind: str
    program: str
    cwd: str = ""
    is_worker: bool = False


@dataclass(frozen=True)
class Observations:
    """The observations of one trial. writes: paths outside of its own directories that it wrote to."""

    seen: tuple[SeenProcess, ...] = ()
    unseen: tuple[UnseenProcess, ...] = ()
    writes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Confirmation:
    """The result.

    state: ``inside``, ``outside`` (only), or ``no``: it ran elsewhere. reason: the difference; for ``outside`` why the
    recorder was in no process. location: the environment that it ran in instead. shadowed: packages of the environment
    that were not used, because the source has modules of their names.
    """

    state: State
    reason: str = ""
    location: str = ""
    shadowed: tuple[str, ...] = ()


def confirm(intended: Intended, observed: Observations) -> Confirmation:
    """Whether a command ran in the environment intended for it."""
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
            program = _named(unseen.kind, unseen.program)
            reason = f"{program} ran on the Python of {unseen.prefix}, not on that of {_here(intended)}"
            return Confirmation("no", reason, unseen.prefix)
    names = tuple(sorted(shadowed))
    for unseen in observed.unseen:
        if not unseen.is_worker and _may_train(intended, unseen, matching):
            reason = f"the recorder could not enter the process of {_named(unseen.kind, unseen.program)}"
            return Confirmation("outside", reason, shadowed=names)
    if not matching:
        return Confirmation("outside", "the recorder was in no Python process of the command")
    return Confirmation("inside", shadowed=names)


def _shadowing(intended: Intended, process: SeenProcess) -> Iterator[tuple[str, str]]:
    """(module, file) of modules that a process imported from the source although a package has that name."""
    for module, path in (process.own or {}).items():
        if module in intended.modules:
            yield module, path


def difference(intended: Intended, process: SeenProcess) -> str | None:
    """How a process differs from the intended environment; None without a difference."""
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
            intended_value = "unset" if value is None else f"{value!r}"
            actual_value = f"{process.variables[name]!r}" if name in process.variables else "unset"
            return f"ran with the variable {name} {actual_value}, which should be {intended_value}"
    return None


def differing_packages(
    intended: Intended, packages: Mapping[str, str], commits: Mapping[str, str] | None = None
) -> str | None:
    """A few packages that differ from the intended ones; None without any. Further packages do not matter."""
    wrong = list(_wrong_packages(intended, packages, commits or {}))
    more = [f"{len(wrong) - _NAMED} more"] if len(wrong) > _NAMED else []
    return "; ".join([*wrong[:_NAMED], *more]) or None


def _wrong_packages(intended: Intended, packages: Mapping[str, str], commits: Mapping[str, str]) -> Iterator[str]:
    for name, version in intended.packages.items():
        actual = packages.get(name)
        if actual is None or not same_version(actual, version):
            yield f"{name} {actual or 'absent'} instead of {version}"
        elif (commit := intended.commits.get(name)) is not None and commits.get(name, commit) != commit:
            yield f"{name} at commit {commits[name][:12]} instead of {commit[:12]}"
    for name in sorted(intended.absent & packages.keys()):
        yield f"{name} {packages[name]}, which should be absent"


def _may_have_trained(intended: Intended, process: SeenProcess) -> bool:
    """Whether a process in another environment may be the training, and not just a tool."""
    if process.has_metrics or process.imports is None or process.own is None:
        return True
    if process.kind != "script" or process.program in ("", "-") or _same_path(process.prefix, intended.prefix):
        return True
    fixed = {*intended.packages, *intended.absent}
    files = (process.program, *process.own.values())
    return bool(process.imports & fixed) or any(_is_below(path, intended.places) for path in files)


def _may_train(intended: Intended, unseen: UnseenProcess, matching: int) -> bool:
    """Whether an unseen process may be the training. If the training was observed, another script is a tool."""
    is_tool = unseen.kind == "script" and unseen.program not in ("", "-") and not unseen.is_worker
    is_tool = is_tool and not _is_below(str(Path(unseen.cwd, unseen.program)), intended.places)
    return not (is_tool and matching)


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """Whether a file is in one of some directories. A relative path counts as inside."""
    if not Path(path).is_absolute():
        return True
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(os.path.realpath(folder)) for folder in folders)


def _same_path(left: str, right: str) -> bool:
    return os.path.normcase(os.path.realpath(left)) == os.path.normcase(os.path.realpath(right))


def _here(intended: Intended) -> str:
    return f"the intended environment {intended.prefix}"


def _named(kind: str, program: str) -> str:
    if kind == "code":
        return "python -c"
    if program in ("", "-"):
        return "python"
    return f"python -m {program}" if kind == "module" else Path(program).name


def import_names(package: str, top_levels: Iterable[str]) -> frozenset[str]:
    """The modules that certainly belong to a package: the module of its name, or its only module.

    Others (``tests``, ``utils``) may belong to a project as well. top_levels: installed files and directories.
    """
    modules = {
        name.partition(".")[0] for name in top_levels if name.endswith((".py", ".so", ".pyd")) or "." not in name
    }
    public = {name for name in modules if name.isidentifier() and not name.startswith("_")}
    return frozenset(name for name in public if len(public) == 1 or canonicalize_name(name) == package)


def fixed_commits(pins: Mapping[str, str]) -> dict[str, str]:
    """Name -> commit of the pins that are addresses of a commit."""
    commits = {}
    for name, pin in pins.items():
        address = pin.partition("#")[0]
        if is_address(pin) and address.startswith("git+"):
            commits[name] = address.rpartition("@")[2]
    return commits


def summary(states: Iterable[State | None]) -> State | None:
    """The weakest state of several trials; None if a trial was not compared."""
    all_states = {*states}
    if not all_states or None in all_states:
        return None
    return "no" if "no" in all_states else "outside" if "outside" in all_states else "inside"


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
