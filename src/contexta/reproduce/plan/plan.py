"""Plan how to rebuild a recorded environment: the source of each package, and the missing packages.

Pure, except that it reads the source of the running Contexta. No package is replaced by a similar one: a package from
an unreachable source is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from contexta import __version__
from contexta.contract.environment import Distribution, EnvironmentSnapshot
from contexta.core.errors import InvalidInput
from contexta.core.own_source import NAME, find_own_source
from contexta.findings import Missing, MissingReason
from contexta.reproduce.uv.urls import archive_line, inner_path, is_commit, vcs_line


@dataclass(frozen=True)
class Checkout:
    """A package whose source is in a repository of this machine.

    path: absolute, the source of the installation. commit: None for a directory as it is now. patched: whether the
    recorded changes of the run apply to it.
    """

    name: str
    version: str
    path: str
    commit: str | None
    editable: bool
    patched: bool = False


@dataclass(frozen=True)
class Plan:
    """The packages to install."""

    python: str
    """The recorded version."""
    pins: Mapping[str, str]
    """Name -> version, or the address that the package comes from."""
    local: tuple[Checkout, ...]
    missing: tuple[Missing, ...]

    @property
    def versions(self) -> dict[str, str]:
        """Name -> version or address, of everything that is installed."""
        return {**self.pins, **{checkout.name: checkout.version for checkout in self.local}}


def plan_of(snapshot: EnvironmentSnapshot, source: Mapping[str, Any], *, indexes: bool = False) -> Plan:
    """Sort every package by how it can be installed.

    source: the run's facts about its repository (root, commit, patch, patch_applies); {} where there are none.
    indexes: whether the user named indexes, which may hold releases with a local version tag.
    """
    pins: dict[str, str] = {}
    local: list[Checkout] = []
    missing: list[Missing] = []
    for package in _distributions(snapshot):
        try:
            own = find_own_source().address if package.name == NAME and not indexes else None
            if own is not None and package.origin.kind in ("index", "unknown"):
                pins[package.name] = _own(package, own)
            elif package.origin.kind in ("index", "unknown"):
                version = _release(package)
                if version.local is None or indexes:
                    pins[package.name] = str(version)
                else:
                    missing.append(_unknown_index(package))
            elif package.origin.kind == "conda":
                missing.append(_conda(package, snapshot.run_ref.value))
            elif package.origin.kind in ("vcs", "archive"):
                pins[package.name] = _address(package).partition(" @ ")[2]
            else:
                local.append(_local(package, source))
        except _Lost as lost:
            missing.append(lost.missing)
        except InvalidInput as error:
            missing.append(_missing(package, "not installable", error.what))
    return Plan(snapshot.python_version, pins, tuple(local), tuple(missing))


class _Lost(Exception):
    def __init__(self, missing: Missing) -> None:
        self.missing = missing


def _distributions(snapshot: EnvironmentSnapshot) -> Iterator[Distribution]:
    if snapshot.distributions:
        yield from snapshot.distributions
        return
    for name, version in sorted(snapshot.packages.items()):
        yield Distribution(name=name, version=version)


def _missing(package: Distribution, reason: MissingReason, detail: str, help: str | None = None) -> Missing:
    return Missing(name=package.name, version=package.version, reason=reason, detail=detail, help=help)


def _release(package: Distribution) -> Version:
    """The version. Raises InvalidInput when no index can have such a release."""
    try:
        version = Version(package.version)
        parsed = Requirement(f"{package.name}=={version}")
    except (InvalidVersion, InvalidRequirement) as error:
        raise InvalidInput(f"{package.name} {package.version} is not a release that an index can have") from error
    if canonicalize_name(parsed.name) != package.name or parsed.marker or parsed.url or parsed.extras:
        raise InvalidInput(f"{package.name} {package.version} is not a release that an index can have")
    return version


def _own(package: Distribution, address: str) -> str:
    """The address of Contexta itself, from the running installation. Raises _Lost for another version."""
    if package.version != __version__:
        detail = f"the running Contexta is {__version__}, and on the public index the name belongs to another project"
        raise _Lost(_missing(package, "not installable", detail, "name the index it came from: --index NAME=URL"))
    return address


def _unknown_index(package: Distribution) -> Missing:
    return _missing(
        package,
        "local tag",
        "a build with a local version tag: public indexes do not hold it",
        "name the index it came from: --index NAME=URL",
    )


def _conda(package: Distribution, run: str) -> Missing:
    return _missing(
        package,
        "conda",
        f"was installed by conda{f' from {package.origin.url}' if package.origin.url else ''}",
        f"`contexta lock {run} --format conda` writes an environment for conda",
    )


def _address(package: Distribution) -> str:
    """The requirement line of a repository or an archive. Raises InvalidInput, or _Lost for a source that was not
    recorded."""
    origin = package.origin
    if origin.url is None:
        raise _Lost(_missing(package, "repository", f"its {origin.kind} address was not recorded"))
    if origin.kind == "archive":
        return archive_line(package.name, origin.url, origin.digest, origin.subdirectory)
    system = origin.url.partition("+")[0] if "+" in origin.url.partition(":")[0] else "git"
    if system != "git":
        raise _Lost(
            _missing(package, "repository", f"came from {system}, which uv does not install from", "install it by hand")
        )
    if origin.commit is None or not is_commit(origin.commit):
        raise _Lost(_missing(package, "repository", "came from a repository, and its commit was not recorded"))
    return vcs_line(package.name, origin.url, origin.commit, origin.subdirectory)


def _local(package: Distribution, source: Mapping[str, Any]) -> Checkout:
    """A package from a directory. Raises _Lost if its content at that time is unknown."""
    origin = package.origin
    installation = "an editable install" if origin.kind == "editable" else "installed from a local directory"
    if not origin.url or not origin.url.startswith("file:"):
        raise _Lost(_missing(package, "local directory", f"{installation} whose path was not recorded"))
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
                package,
                "repository",
                f"{installation} of {path}, whose commit was not recorded",
                "`contexta show` says why: install it from a commit of a git repository that git can read there",
            )
        )
    dirty = bool(source.get("dirty")) if in_source else bool(origin.dirty)
    patched = in_source and bool(source.get("patch"))
    if editable and dirty and (not patched or source.get("patch_applies") is False):
        why = "with secrets taken out of its recorded changes" if patched else "with changes that were not recorded"
        raise _Lost(
            _missing(package, "uncommitted changes", f"{installation} of {path} {why}", "commit before the next run")
        )
    return Checkout(package.name, package.version, path, str(commit) if commit else None, editable, patched)


def _is_inside(path: str, root: object) -> bool:
    return isinstance(root, str) and root != "" and (path + "/").startswith(root.rstrip("/") + "/")
