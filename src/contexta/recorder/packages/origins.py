"""The origin of installed distributions, from PEP 610, the records of conda, and git for editable checkouts."""

from __future__ import annotations

import os

from contexta.recorder.notes import note, reason, storable
from contexta.recorder.redaction.redact import clean_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Sequence

    from contexta.recorder.notes import Note

TOPIC = "origins"
# Installers that use no package index
_SYSTEM_INSTALLERS = frozenset(["debian", "apt", "dpkg", "rpm", "dnf", "portage", "pacman", "nix", "guix"])


def origin_of(directory: str, direct: bool, described: dict[str, Any], notes: list[Note]) -> dict[str, Any]:
    """The fields of ``contract.Origin`` of the distribution whose dist-info is ``directory``.

    direct: whether it contains a direct_url.json. Without one, the origin is an index if the installer uses indexes,
    and unknown if it is a system package manager or if there is no INSTALLER.
    """
    if direct:
        try:
            return _direct(directory)
        except (OSError, ValueError, TypeError, AttributeError) as error:  # the file may contain any JSON
            notes.append(note(TOPIC, f"direct_url.json of {described['name']} cannot be read: {reason(error)}"))
            return {"kind": "unknown"}
    installer = described.get("installer", "")
    if installer == "conda":
        return _conda(directory, described)
    if not installer or installer in _SYSTEM_INSTALLERS:
        return {"kind": "unknown"}
    return {"kind": "index"}


def _direct(directory: str) -> dict[str, Any]:
    import json

    with open(os.path.join(directory, "direct_url.json"), "rb") as file:
        direct = json.loads(file.read().decode())
    url = clean_url(direct["url"])
    origin: dict[str, Any] = {"kind": "unknown", "url": url[:4_096]}
    if direct.get("subdirectory"):
        origin["subdirectory"] = clean_url(direct["subdirectory"])[:4_096]
    if "vcs_info" in direct:
        system, commit = direct["vcs_info"].get("vcs", "git"), direct["vcs_info"].get("commit_id")
        origin["kind"] = "vcs"
        if system != "git":
            origin["url"] = f"{system}+{url}"[:4_096]
        if commit:
            origin["commit"] = storable(str(commit))[:250]
    elif "dir_info" in direct:
        origin["kind"] = "editable" if direct["dir_info"].get("editable") else "directory"
    elif "archive_info" in direct:
        origin["kind"] = "archive"
        digest = _digest(direct["archive_info"])
        if digest:
            origin["digest"] = digest
    return origin


def _digest(archive: dict[str, Any]) -> Optional[str]:
    """``sha256:<hex>``, from the key hashes (a mapping) or the older key hash (``sha256=<hex>``)."""
    hashes = archive.get("hashes") or {}
    if not hashes and archive.get("hash"):
        algorithm, _, digest = str(archive["hash"]).partition("=")
        hashes = {algorithm: digest}
    for algorithm in ["sha256", *sorted(hashes)]:
        if hashes.get(algorithm):
            return storable(f"{algorithm}:{hashes[algorithm]}")[:250]
    return None


def _conda(directory: str, described: dict[str, Any]) -> dict[str, Any]:
    """The origin from ``<prefix>/conda-meta/<name>-<version>-<build>.json``. Its URL names channel and build."""
    origin: dict[str, Any] = {"kind": "conda"}
    records = _conda_records(directory)
    file = records.get((described["name"], described["version"]))
    if file is None:
        return origin
    try:
        with open(file, "rb") as opened:
            data = opened.read()
    except OSError:
        return origin
    # The files contain lists of megabytes. Each of the two keys occurs once, at the top level.
    url, md5 = _text_after(data, b'"url":'), _text_after(data, b'"md5":')
    if url:
        origin["url"] = clean_url(url)[:4_096]
    if md5:
        origin["digest"] = f"md5:{storable(md5)}"[:250]
    return origin


def _text_after(data: bytes, key: bytes) -> Optional[str]:
    at = data.rfind(key)
    if at < 0:
        return None
    parts = data[at + len(key) : at + len(key) + 4_096].split(b'"', 2)
    return parts[1].decode("utf-8", "backslashreplace") if len(parts) == 3 else None


_records: dict[str, dict[tuple[str, str], str]] = {}


def _conda_records(directory: str) -> dict[tuple[str, str], str]:
    """(normalised name, version) -> file in the conda-meta around ``directory``; listed once per process."""
    site = os.path.dirname(directory)
    if site not in _records:
        # <prefix>/lib/python3.12/site-packages; on Windows <prefix>\\Lib\\site-packages
        library = site if os.name == "nt" else os.path.dirname(site)
        prefix = os.path.dirname(os.path.dirname(library))
        folder = os.path.join(prefix, "conda-meta")
        records = {}
        for file in os.listdir(folder) if os.path.isdir(folder) else ():
            parts = file[:-5].rsplit("-", 2)
            if file.endswith(".json") and len(parts) == 3:
                records[(parts[0].replace("_", "-").replace(".", "-").lower(), parts[1])] = os.path.join(folder, file)
        _records[site] = records
    return _records[site]


# ---------------------------------------------------------------------------------------------- checkouts


def local_path(url: str) -> Optional[str]:
    """The path of a file: URL; None for other URLs."""
    if not url.startswith("file:"):
        return None
    from urllib.parse import unquote, urlsplit

    path = unquote(urlsplit(url).path)
    if os.name == "nt":
        from urllib.request import url2pathname

        path = url2pathname(urlsplit(url).path)
    return path


def with_checkouts(
    distributions: Sequence[dict[str, Any]], *, timeout: float = 5.0
) -> tuple[list[dict[str, Any]], list[Note]]:
    """The distributions, the editable ones with their commit and whether files were changed since.

    timeout: seconds for each checkout, for which git runs once.
    """
    checkouts: dict[str, tuple[Optional[str], Optional[bool]]] = {}
    notes: list[Note] = []
    checked = []
    for described in distributions:
        origin = described.get("origin", {})
        path = local_path(origin.get("url", "")) if origin.get("kind") == "editable" else None
        if path is not None:
            if path not in checkouts:
                checkouts[path] = _checkout(path, timeout, described["name"], notes)
            commit, dirty = checkouts[path]
            origin = {key: value for key, value in origin.items() if key not in ("commit", "dirty")}
            if commit is not None:
                origin["commit"] = commit
            if dirty is not None:
                origin["dirty"] = dirty
            described = {**described, "origin": origin}
        checked.append(described)
    return checked, notes


def moved_checkouts(distributions: Sequence[dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], list[Note]]:
    """The origins, by name, of those distributions whose checkout is not at the commit that their origin names."""
    checked, notes = with_checkouts(distributions)
    pairs = zip(distributions, checked)
    return {new["name"]: new["origin"] for old, new in pairs if old.get("origin") != new.get("origin")}, notes


def _checkout(path: str, timeout: float, name: str, notes: list[Note]) -> tuple[Optional[str], Optional[bool]]:
    """(commit, dirty) of the working tree around ``path``. Changes outside ``path`` do not count."""
    from contexta.core.processes.process import ProcessError, TimedOut
    from contexta.recorder.source.git import git, message
    from contexta.recorder.source.repository import NOT_IN_GIT, repository_above

    if os.path.isdir(path) and repository_above(path) is None:
        notes.append(note(TOPIC, f"editable {name} has no commit: {NOT_IN_GIT}"))
        return None, None
    try:
        finished = git(["status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--", "."], path, timeout)
    except TimedOut as error:
        notes.append(note(TOPIC, f"editable {name}: whether it was changed is unknown: {error.what}"))
        finished = git(["rev-parse", "--verify", "HEAD"], path, timeout)
        return (finished.stdout.decode().strip() or None if finished.exit_code == 0 else None), None
    except ProcessError as error:
        notes.append(note(TOPIC, f"editable {name}: its commit is unknown: {error.what}"))
        return None, None
    if finished.exit_code != 0:
        notes.append(note(TOPIC, f"editable {name}: its commit is unknown: {message(finished) or 'git failed'}"))
        return None, None
    commit, dirty = None, False
    for line in finished.stdout.decode("utf-8", "backslashreplace").splitlines():
        if line.startswith("# branch.oid "):
            oid = line.split(" ", 2)[2]
            commit = None if oid.startswith("(") else oid
        elif not line.startswith("#") and ".egg-info/" not in line:
            dirty = True
    return commit, dirty
