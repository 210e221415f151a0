"""Lock a recorded environment: the files and hashes of the index, narrowed to the recorded build if it is found."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from packaging.tags import Tag, platform_tags

from contexta.analysis.environments.platforms import is_foreign, platform_of
from contexta.contract.environment import Distribution, EnvironmentSnapshot
from contexta.core.errors import InvalidInput
from contexta.findings import Lock, LockFormat, Missing
from contexta.recorder.probes.machine import platform_name
from contexta.reproduce.environments.matching_files import tags_of, wheel_tags
from contexta.reproduce.environments.wheel_digest import build_of
from contexta.reproduce.lock.formats import Locked, written
from contexta.reproduce.plan.plan import Plan, plan_of
from contexta.reproduce.plan.unavailable import as_missing
from contexta.reproduce.rebuild import RebuildOptions, RecordedEnvironment
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import IndexUnreachable, UvError
from contexta.reproduce.uv.release_files import ReleaseFile
from contexta.reproduce.uv.urls import is_address, releases_among

_AT_ONCE = 8
_ANY_PLATFORM = "recorded"  # replaces every platform tag that the recorded platform accepts
_CONDA_FILE = re.compile(r"(?P<channel>.+)/[^/]+/(?P<file>[^/]+?)(?:\.conda|\.tar\.bz2)\Z")
_MAX_READ = 4  # wheels whose RECORD is read before a build counts as not found


def lock(recorded: RecordedEnvironment, form: LockFormat, options: RebuildOptions, uv: Uv) -> Lock:
    """Write the environment of a run as a lock. Queries the index through uv, and reads the RECORD of each wheel.

    Raises IndexUnreachable when no index answers, ContextaError for pylock without a packaging that knows it,
    InvalidInput for a Dockerfile of a run on another system than Linux.
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
    locked, lost = _narrowed(snapshot, plan, options, uv)
    linked = [_linked(name, pin, snapshot) for name, pin in plan.pins.items() if is_address(pin)]
    everything = sorted([*locked, *linked], key=lambda package: package.name)
    missing = (*plan.missing, *_not_portable(plan), *lost)
    if form == "conda":
        of_conda = [_of_conda(package) for package in snapshot.distributions if package.origin.kind == "conda"]
        everything = sorted([*everything, *of_conda], key=lambda package: package.name)
        missing = tuple(package for package in missing if package.reason != "conda")
    missing += tuple(_without_hash(form, package) for package in everything if not _holds(form, package))
    everything = [package for package in everything if _holds(form, package)]
    notes = (_of_another_platform(snapshot.platform),) if foreign else ()
    return Lock(
        run_ref=recorded.run_ref,
        format=form,
        content=written(form, recorded, everything, missing, notes),
        python_version=snapshot.python_version,
        package_count=len(snapshot.packages),
        exact=tuple(package.name for package in everything if package.exact),
        open={package.name: package.why for package in everything if not package.exact},
        missing=missing,
        notes=notes,
    )


def locked_files(
    recorded: RecordedEnvironment, options: RebuildOptions, uv: Uv
) -> tuple[list[Locked], tuple[Missing, ...]]:
    """The releases of a run with the files that fit it, best first, and what no index has. Raises as ``lock``."""
    plan = plan_of(recorded.snapshot, recorded.source, indexes=bool(options.indexes))
    locked, lost = _narrowed(recorded.snapshot, plan, options, uv)
    linked = (
        Missing(name=name, version=pin, reason="not installable", detail="comes from an address, not from an index")
        for name, pin in plan.pins.items()
        if is_address(pin)
    )
    return locked, (*plan.missing, *_not_portable(plan), *linked, *lost)


def _narrowed(
    snapshot: EnvironmentSnapshot, plan: Plan, options: RebuildOptions, uv: Uv
) -> tuple[list[Locked], list[Missing]]:
    """(releases of an index with the files that fit, missing ones)."""
    is_elsewhere = is_foreign(snapshot.platform, platform_name())
    locked, lost = _of_index(uv, plan, options, platform_of(snapshot.platform).uv_name if is_elsewhere else None)
    builds = {package.name: package.build for package in snapshot.distributions}
    takes = _taken_by(snapshot)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda package: _narrow(package, builds.get(package.name), takes), locked))
    return locked, lost


def _of_another_platform(recorded: str) -> str:
    return f"recorded on {recorded}, locked on {platform_name()}: the files are for {recorded}, not tested here"


def _holds(form: LockFormat, package: Locked) -> bool:
    """Whether a format can contain a package. pylock needs a hash of every archive, pip of every line or of none."""
    if form in ("uv", "conda") or package.hashes:
        return True
    return form != "requirements" and (package.address or "").startswith("git+")


def _without_hash(form: LockFormat, package: Locked) -> Missing:
    others = "pylock or uv" if form == "requirements" and (package.address or "").startswith("git+") else "uv"
    by_itself = shlex.join(["pip", "install", "--no-deps", f"{package.name} @ {package.address}"])
    return Missing(
        name=package.name,
        version=package.version,
        reason="no hash",
        detail=f"a lock as {form} contains nothing without a hash, and {package.address} has none",
        help=f"--format {others} contains it; or install it separately: {by_itself}",
    )


def _of_index(uv: Uv, plan: Plan, options: RebuildOptions, platform: str | None) -> tuple[list[Locked], list[Missing]]:
    """(releases with their files, missing ones). Queried one by one if any is missing."""
    locked: list[Locked] = []
    lost: list[Missing] = []
    releases = releases_among(plan.pins)
    tagged = {name: version for name, version in releases.items() if "+" in version}
    public = {name: version for name, version in releases.items() if name not in tagged}
    for pins, indexes in ((public, ()), (tagged, options.indexes)):
        if not pins:
            continue
        try:
            locked += _compiled(uv, plan, pins, options, indexes, platform)
        except IndexUnreachable:
            raise
        except UvError:
            query = partial(_alone, uv, plan, options, (*indexes, *options.indexes), platform)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                answers = list(pool.map(query, pins.items()))
            locked += [answer for answer in answers if isinstance(answer, Locked)]
            lost += [answer for answer in answers if isinstance(answer, Missing)]
    return locked, lost


def _alone(
    uv: Uv, plan: Plan, options: RebuildOptions, indexes: Sequence[str], platform: str | None, release: tuple[str, str]
) -> Locked | Missing | None:
    try:
        return next(_compiled(uv, plan, dict([release]), options, indexes, platform), None)
    except UvError as error:
        return as_missing(plan.versions, error, release[0])


def _compiled(
    uv: Uv, plan: Plan, pins: Mapping[str, str], options: RebuildOptions, indexes: Sequence[str], platform: str | None
) -> Iterator[Locked]:
    places = tuple(dict.fromkeys(indexes))
    for release in uv.compile(plan.python, pins, build=options.build, indexes=places, platform=platform):
        wheels = [file for file in release.files if file.is_wheel]
        source = next((file for file in release.files if not file.is_wheel), None) if options.build else None
        yield Locked(release.name, release.version, wheels, source)


def _narrow(package: Locked, build: str | None, takes: Takes) -> None:
    """Keep the file of the recorded build if its RECORD shows it, otherwise the files that fit the interpreter. Keep
    the source if no wheel fits.
    """
    fitting = sorted((rank, file.name, file) for file in package.files if (rank := takes(file)) is not None)
    if package.source is not None and not fitting:
        package.files, package.why = [], "built from its source: the files depend on the tools that build it"
        return
    package.files, package.source = [file for _, _, file in fitting] or package.files, None
    if build is None:
        package.why = "no digest of its files was recorded"
        return
    reasons = [] if package.files else ["no wheel"]
    for file in package.files[:_MAX_READ]:
        try:
            if build_of(file.url) == build:
                package.files, package.exact = [file], True
                return
        except (OSError, ValueError) as error:
            reasons.append(str(error))
    package.why = reasons[0] if reasons else "no wheel of the index has the recorded files"


Takes = Callable[[ReleaseFile], int | None]
"""How well a wheel fits: 0 is best; None if it cannot be installed."""


def _taken_by(snapshot: EnvironmentSnapshot) -> Takes:
    """How well wheels fit the recorded interpreter on the recorded platform."""
    if snapshot.interpreter.get("implementation", "cpython") != "cpython":
        return lambda _: 0
    platform = platform_of(snapshot.platform)
    names = list(platform_tags()) if snapshot.platform == platform_name() else [_ANY_PLATFORM]
    free_threaded = snapshot.interpreter.get("free_threaded_build") is True
    tags = wheel_tags(snapshot.python_version, names, free_threaded=free_threaded)
    ranks = {tag: rank for rank, tag in enumerate(tags)}

    def takes(file: ReleaseFile) -> int | None:
        tags = tags_of(file)
        if names == [_ANY_PLATFORM]:
            tags = frozenset(
                Tag(tag.interpreter, tag.abi, tag.platform if tag.platform == "any" else _ANY_PLATFORM)
                for tag in tags
                if platform.takes(tag.platform)
            )
        return min((ranks[tag] for tag in tags if tag in ranks), default=None)

    return takes


def _of_conda(package: Distribution) -> Locked:
    """A package of conda, by its file if that was recorded."""
    match = _CONDA_FILE.match(package.origin.url or "")
    parts = match["file"].rsplit("-", 2) if match else []
    if match is None or len(parts) != 3:
        pin = f"{package.name}={package.version}"
        return Locked(package.name, package.version, conda=pin, why="its file of conda was not recorded")
    return Locked(package.name, package.version, conda="=".join(parts), channel=match["channel"], exact=True)


def _linked(name: str, address: str, snapshot: EnvironmentSnapshot) -> Locked:
    version = next(package.version for package in snapshot.distributions if package.name == name)
    exact = address.startswith("git+") or "sha256=" in address
    return Locked(name, version, address=address, exact=exact, why="" if exact else "an archive without a digest")


def _not_portable(plan: Plan) -> Iterator[Missing]:
    for checkout in plan.local:
        at = f" at commit {checkout.commit[:12]}" if checkout.commit else ""
        yield Missing(
            name=checkout.name,
            version=checkout.version,
            reason="local directory",
            detail=f"was installed from {checkout.path}{at}, which no lock can contain",
            help="`contexta rebuild` uses that repository; to lock it, install it from a pushed commit",
        )
