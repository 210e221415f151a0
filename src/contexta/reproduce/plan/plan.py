"""What has to be installed to have a recorded environment again, and what cannot be. Pure.

Nothing is replaced by something alike: a package that came from a place that cannot be reached is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from contexta.contract.environment import Distribution, EnvironmentSnapshot
from contexta.core.errors import InvalidInput
from contexta.findings import Missing, MissingReason
from contexta.reproduce.uv.urls import archive_line, inner_path, is_commit, vcs_line


@dataclass(frozen=True)
class Checkout:
    """A package whose source stands in a repository of this machine.

    path: absolute, where it was installed from. commit: None for a directory taken as it is now. patched: whether the
    run's recorded patch belongs on top.
    """

    name: str
    version: str
    path: str
    commit: str | None
    editable: bool
    patched: bool = False


@dataclass(frozen=True)
class Plan:
    """pins: releases of an index. tagged: those with a local version tag. linked: requirement lines with an address.
    unsure: pins whose origin was not recorded."""

    python: str
    pins: Mapping[str, str] = field(default_factory=dict)
    tagged: Mapping[str, str] = field(default_factory=dict)
    linked: Mapping[str, str] = field(default_factory=dict)
    local: tuple[Checkout, ...] = ()
    unsure: frozenset[str] = frozenset()
    missing: tuple[Missing, ...] = ()

    @property
    def stored(self) -> dict[str, str]:
        """Name -> what it is, of everything that stays the same wherever it is installed from."""
        return {**self.pins, **self.tagged, **self.linked}


def plan_of(snapshot: EnvironmentSnapshot, source: Mapping[str, Any], *, indexes: bool = False) -> Plan:
    """Sort every package by how it can be had again.

    source: the run's facts about its repository (root, commit, patch, patch_applies); {} where there are none.
    indexes: whether indexes were named that may hold releases with a local version tag.
    """
    pins: dict[str, str] = {}
    tagged: dict[str, str] = {}
    linked: dict[str, str] = {}
    local: list[Checkout] = []
    missing: list[Missing] = []
    unsure = set()
    for found in _distributions(snapshot):
        try:
            if found.origin.kind in ("index", "unknown"):
                version = _release(found)
                if version.local is None:
                    pins[found.name] = str(version)
                elif indexes:
                    tagged[found.name] = str(version)
                else:
                    missing.append(_untold_index(found))
                if snapshot.distributions and found.origin.kind == "unknown":
                    unsure.add(found.name)
            elif found.origin.kind == "conda":
                missing.append(_conda(found))
            elif found.origin.kind in ("vcs", "archive"):
                linked[found.name] = _address(found)
            else:
                local.append(_local(found, source))
        except _Lost as lost:
            missing.append(lost.missing)
        except InvalidInput as error:
            missing.append(_missing(found, "not installable", error.what))
    return Plan(
        python=snapshot.python_version,
        pins=pins,
        tagged=tagged,
        linked=linked,
        local=tuple(local),
        unsure=frozenset(unsure),
        missing=tuple(missing),
    )


class _Lost(Exception):
    def __init__(self, missing: Missing) -> None:
        self.missing = missing


def _distributions(snapshot: EnvironmentSnapshot) -> Iterator[Distribution]:
    if snapshot.distributions:
        yield from snapshot.distributions
        return
    for name, version in sorted(snapshot.packages.items()):
        yield Distribution(name=name, version=version)


def _missing(found: Distribution, reason: MissingReason, detail: str, help: str | None = None) -> Missing:
    return Missing(name=found.name, version=found.version, reason=reason, detail=detail, help=help)


def _release(found: Distribution) -> Version:
    """Its version. Raises InvalidInput when no index can have such a release."""
    try:
        version = Version(found.version)
        parsed = Requirement(f"{found.name}=={version}")
    except (InvalidVersion, InvalidRequirement) as error:
        raise InvalidInput(f"{found.name} {found.version} is no release that an index can have") from error
    if canonicalize_name(parsed.name) != found.name or parsed.marker or parsed.url or parsed.extras:
        raise InvalidInput(f"{found.name} {found.version} is no release that an index can have")
    return version


def _untold_index(found: Distribution) -> Missing:
    return _missing(
        found,
        "local tag",
        "a build with a local version tag: public indexes do not hold it",
        "name the index it came from: --index NAME=URL",
    )


def _conda(found: Distribution) -> Missing:
    return _missing(
        found,
        "conda",
        f"was installed by conda{f' from {found.origin.url}' if found.origin.url else ''}",
        "`contexta lock RUN --format conda` writes an environment for conda",
    )


def _address(found: Distribution) -> str:
    """The requirement line of a repository or an archive. Raises InvalidInput, or _Lost for what was not recorded."""
    origin = found.origin
    if origin.url is None:
        raise _Lost(_missing(found, "repository", f"its {origin.kind} address was not recorded"))
    if origin.kind == "archive":
        return archive_line(found.name, origin.url, origin.digest, origin.subdirectory)
    system = origin.url.partition("+")[0] if "+" in origin.url.partition(":")[0] else "git"
    if system != "git":
        raise _Lost(
            _missing(found, "repository", f"came from {system}, which uv does not install from", "install it by hand")
        )
    if origin.commit is None or not is_commit(origin.commit):
        raise _Lost(_missing(found, "repository", "came from a repository, and its commit was not recorded"))
    return vcs_line(found.name, origin.url, origin.commit, origin.subdirectory)


def _local(found: Distribution, source: Mapping[str, Any]) -> Checkout:
    """What was installed from a directory. Raises _Lost when nobody can know what stood there."""
    origin = found.origin
    what = "an editable install" if origin.kind == "editable" else "installed from a local directory"
    if not origin.url or not origin.url.startswith("file:"):
        raise _Lost(_missing(found, "local directory", f"{what} whose place was not recorded"))
    path = unquote(urlsplit(origin.url).path)
    if origin.subdirectory:
        path = f"{path.rstrip('/')}/{inner_path(origin.subdirectory)}"
    in_source = _is_inside(path, source.get("root"))
    commit = source.get("commit") if in_source else origin.commit
    if commit is not None and not is_commit(str(commit)):
        raise InvalidInput(f"{commit} is no commit")
    editable = origin.kind == "editable"
    if editable and commit is None:
        raise _Lost(
            _missing(
                found,
                "repository",
                f"{what} of {path}, whose commit was not recorded",
                "`contexta show` says why: install it from a commit of a git repository that git can read there",
            )
        )
    dirty = bool(source.get("dirty")) if in_source else bool(origin.dirty)
    patched = in_source and bool(source.get("patch"))
    if editable and dirty and (not patched or source.get("patch_applies") is False):
        why = "with secrets taken out of its recorded changes" if patched else "with changes that were not recorded"
        raise _Lost(_missing(found, "uncommitted changes", f"{what} of {path} {why}", "commit before the next run"))
    return Checkout(found.name, found.version, path, str(commit) if commit else None, editable, patched)


def _is_inside(path: str, root: object) -> bool:
    return isinstance(root, str) and root != "" and (path + "/").startswith(root.rstrip("/") + "/")
