"""A recorded environment as a lock: the index's files and hashes, the recorded build among them where it is found."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from contexta.analysis.environments.platforms import is_foreign, platform_of
from contexta.contract.environment import Distribution, EnvironmentSnapshot
from contexta.core.errors import InvalidInput
from contexta.findings import Lock, LockFormat, Missing
from contexta.recorder.probes.machine import platform_name
from contexta.reproduce.environments.wheel_digest import build_of
from contexta.reproduce.lock.formats import File, Locked, written
from contexta.reproduce.plan.plan import Plan, plan_of
from contexta.reproduce.plan.unavailable import as_missing
from contexta.reproduce.rebuild import RebuildOptions, RecordedEnvironment
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import IndexUnreachable, UvError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_AT_ONCE = 8
_ANY_PLATFORM = "recorded"  # stands for every platform tag that the recorded platform takes
_CONDA_FILE = re.compile(r"(?P<channel>.+)/[^/]+/(?P<file>[^/]+?)(?:\.conda|\.tar\.bz2)\Z")
_MOST_WHEELS = 4  # whose RECORD is read before a build counts as not found


def lock(recorded: RecordedEnvironment, form: LockFormat, options: RebuildOptions, uv: Uv) -> Lock:
    """Write the environment of a run as a lock. Asks the index through uv, and for the RECORD of each wheel.

    Raises IndexUnreachable when no index answers, ContextaError for pylock without a packaging that knows it,
    InvalidInput for a Dockerfile of what ran on another system than Linux.
    """
    snapshot = recorded.snapshot
    platform = platform_of(snapshot.platform)
    if form == "dockerfile" and platform.system not in ("linux", ""):
        raise InvalidInput(
            f"{recorded.run_ref} was recorded on {snapshot.platform}, and images of a Dockerfile run Linux",
            hint="lock it as pylock, requirements, uv or conda",
        )
    plan = plan_of(snapshot, recorded.source, indexes=bool(options.indexes))
    foreign = is_foreign(snapshot.platform, platform_name())
    locked, lost = _of_index(uv, plan, options, platform.uv_name if foreign else None)
    builds = {each.name: each.build for each in snapshot.distributions}
    takes = _taken_by(snapshot)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda each: _narrow(each, builds.get(each.name), takes), locked))
    linked = [_linked(name, line, snapshot) for name, line in plan.linked.items()]
    everything = sorted([*locked, *linked], key=lambda each: each.name)
    missing = (*plan.missing, *_not_portable(plan), *lost)
    if form == "conda":
        theirs = [_of_conda(each) for each in snapshot.distributions if each.origin.kind == "conda"]
        everything = sorted([*everything, *theirs], key=lambda each: each.name)
        missing = tuple(each for each in missing if each.reason != "conda")
    held = [each for each in everything if _holds(form, each)]
    missing += tuple(_without_hash(form, each) for each in everything if each not in held)
    everything = held
    notes = (_of_another_platform(snapshot.platform),) if foreign else ()
    return Lock(
        run_ref=recorded.run_ref,
        format=form,
        content=written(form, recorded, everything, missing, notes),
        python_version=snapshot.python_version,
        package_count=len(snapshot.packages),
        exact=tuple(each.name for each in everything if each.exact),
        open={each.name: each.why for each in everything if not each.exact},
        missing=missing,
        notes=notes,
    )


def _of_another_platform(recorded: str) -> str:
    return f"recorded on {recorded}, locked on {platform_name()}: the files are for {recorded}, and were not tried here"


def _holds(form: LockFormat, each: Locked) -> bool:
    """Whether a format can hold a package. pylock wants a hash of every archive, pip one of every line or of none."""
    if form in ("uv", "conda") or each.hashes:
        return True
    return form != "requirements" and (each.address or "").startswith("git+")


def _without_hash(form: LockFormat, each: Locked) -> Missing:
    others = "pylock or uv" if form == "requirements" and (each.address or "").startswith("git+") else "uv"
    by_itself = shlex.join(["pip", "install", "--no-deps", f"{each.name} @ {each.address}"])
    return Missing(
        name=each.name,
        version=each.version,
        reason="no hash",
        detail=f"a lock as {form} holds nothing without a hash, and {each.address} has none",
        help=f"--format {others} holds it; or install it by itself: {by_itself}",
    )


def _of_index(uv: Uv, plan: Plan, options: RebuildOptions, platform: str | None) -> tuple[list[Locked], list[Missing]]:
    """Every release with its files; and those that the index lacks; asked one by one once one does."""
    found: list[Locked] = []
    lost: list[Missing] = []
    for pins, indexes in ((plan.pins, ()), (plan.tagged, options.indexes)):
        if not pins:
            continue
        try:
            found += _compiled(uv, plan, pins, options, indexes, platform)
        except IndexUnreachable:
            raise
        except UvError:
            ask = partial(_alone, uv, plan, options, (*indexes, *options.indexes), platform)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                answers = list(pool.map(ask, pins.items()))
            found += [each for each in answers if isinstance(each, Locked)]
            lost += [each for each in answers if isinstance(each, Missing)]
    return found, lost


def _alone(
    uv: Uv, plan: Plan, options: RebuildOptions, indexes: Sequence[str], platform: str | None, release: tuple[str, str]
) -> Locked | Missing | None:
    try:
        return next(_compiled(uv, plan, dict([release]), options, indexes, platform), None)
    except UvError as error:
        return as_missing(plan, error, release[0])


def _compiled(
    uv: Uv, plan: Plan, pins: Mapping[str, str], options: RebuildOptions, indexes: Sequence[str], platform: str | None
) -> Iterator[Locked]:
    places = tuple(dict.fromkeys(indexes))
    text = uv.compile(plan.python, pins, build=options.build, indexes=places, platform=platform)
    for package in tomllib.loads(text).get("packages", ()):
        each = Locked(package["name"], package["version"], files=[_file(wheel) for wheel in package.get("wheels", ())])
        if "sdist" in package and options.build:
            each.source = _file(package["sdist"])
        yield each


def _file(entry: Mapping[str, Any]) -> File:
    url = entry.get("url") or Path(entry["path"]).absolute().as_uri()
    name = entry.get("name") or unquote(urlsplit(url).path.rpartition("/")[2])
    return File(url, name, entry["hashes"].get("sha256", ""), entry.get("size"))


def _narrow(each: Locked, build: str | None, takes: Takes) -> None:
    """Leave the file that was installed, where its RECORD tells; else those that fit the recorded interpreter.

    The source is left where no wheel fits.
    """
    fitting = sorted((rank, file.name, file) for file in each.files if (rank := takes(file)) is not None)
    if each.source is not None and not fitting:
        each.files, each.why = [], "built from its source: the files depend on the tools that build it"
        return
    each.files, each.source = [file for _, _, file in fitting] or each.files, None
    if build is None:
        each.why = "no digest of its files was recorded"
        return
    reasons = []
    for file in each.files[:_MOST_WHEELS]:
        try:
            if build_of(file.url) == build:
                each.files, each.exact = [file], True
                return
        except (OSError, ValueError) as error:
            reasons.append(str(error))
    each.why = reasons[0] if reasons else "no wheel of the index has the recorded files" if each.files else "no wheel"


Takes = Callable[[File], int | None]
"""How well a wheel fits: 0 is best; None for one that cannot be installed."""


def _taken_by(snapshot: EnvironmentSnapshot) -> Takes:
    """Which wheels the recorded interpreter takes on the recorded platform."""
    if snapshot.interpreter.get("implementation", "cpython") != "cpython":
        return lambda _: 0
    platform = platform_of(snapshot.platform)
    names = list(platform_tags()) if snapshot.platform == platform_name() else [_ANY_PLATFORM]
    ranks = {tag: rank for rank, tag in enumerate(_tags(snapshot, names))}

    def takes(file: File) -> int | None:
        try:
            tags = parse_wheel_filename(file.name)[3]
        except InvalidWheelFilename:
            return None
        if names == [_ANY_PLATFORM]:
            tags = frozenset(
                Tag(tag.interpreter, tag.abi, tag.platform if tag.platform == "any" else _ANY_PLATFORM)
                for tag in tags
                if platform.takes(tag.platform)
            )
        return min((ranks[tag] for tag in tags if tag in ranks), default=None)

    return takes


def _tags(snapshot: EnvironmentSnapshot, platforms: Sequence[str]) -> list[Tag]:
    """What the recorded interpreter takes, best first."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", snapshot.python_version)[:2])
    threaded = ["t"] if snapshot.interpreter.get("free_threaded_build") is True else [""]
    abis = [f"cp{numbers[0]}{numbers[1]}{mark}" for mark in threaded]
    interpreter = f"cp{numbers[0]}{numbers[1]}"
    return [*cpython_tags(numbers, abis, platforms), *compatible_tags(numbers, interpreter, platforms)]


def _of_conda(found: Distribution) -> Locked:
    """A package of conda, by its file where that was recorded."""
    match = _CONDA_FILE.match(found.origin.url or "")
    parts = match["file"].rsplit("-", 2) if match else []
    if match is None or len(parts) != 3:
        pin = f"{found.name}={found.version}"
        return Locked(found.name, found.version, conda=pin, why="its file of conda was not recorded")
    return Locked(found.name, found.version, conda="=".join(parts), channel=match["channel"], exact=True)


def _linked(name: str, line: str, snapshot: EnvironmentSnapshot) -> Locked:
    version = next(each.version for each in snapshot.distributions if each.name == name)
    address = line.partition(" @ ")[2]
    exact = address.startswith("git+") or "sha256=" in address
    return Locked(name, version, address=address, exact=exact, why="" if exact else "an archive without a digest")


def _not_portable(plan: Plan) -> Iterator[Missing]:
    for each in plan.local:
        at = f" at commit {each.commit[:12]}" if each.commit else ""
        yield Missing(
            name=each.name,
            version=each.version,
            reason="local directory",
            detail=f"was installed from {each.path}{at}, which no lock can hold",
            help="`contexta rebuild` takes it from that repository; to lock it, install it from a pushed commit",
        )
