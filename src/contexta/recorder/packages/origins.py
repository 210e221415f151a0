"""Where an installed distribution came from: PEP 610, conda's records, and git for editable checkouts."""

from __future__ import annotations

import os

from contexta.recorder.notes import note, reason, storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Sequence

    from contexta.recorder.notes import Note

TOPIC = "origins"
# Installers that take from somewhere else than a package index
_SYSTEM_INSTALLERS = frozenset(["debian", "apt", "dpkg", "rpm", "dnf", "portage", "pacman", "nix", "guix"])


def origin_of(directory: str, direct: bool, described: dict[str, Any], notes: list[Note]) -> dict[str, Any]:
    """The ``contract.Origin`` fields of the distribution whose dist-info is ``directory``.

    direct: whether it holds a direct_url.json. Without one, an installer that works with indexes means an index; a
    system package manager, or no INSTALLER at all, is unknown.
    """
    if direct:
        try:
            return _direct(directory)
        except (OSError, ValueError, TypeError, AttributeError) as error:  # any JSON may stand in that file
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

    from contexta.recorder.redaction.redact import clean_url

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
    """``sha256:<hex>`` from either spelling: hashes (a mapping), or hash (``sha256=<hex>``, older)."""
    hashes = archive.get("hashes") or {}
    if not hashes and archive.get("hash"):
        algorithm, _, digest = str(archive["hash"]).partition("=")
        hashes = {algorithm: digest}
    for algorithm in ["sha256", *sorted(hashes)]:
        if hashes.get(algorithm):
            return storable(f"{algorithm}:{hashes[algorithm]}")[:250]
    return None


def _conda(directory: str, described: dict[str, Any]) -> dict[str, Any]:
    """conda's record of it: ``<prefix>/conda-meta/<name>-<version>-<build>.json``; its URL names channel and build."""
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
    # These lists of files are megabytes long; of the two keys each stands only once, on the top level.
    url, md5 = _text_after(data, b'"url":'), _text_after(data, b'"md5":')
    if url:
        from contexta.recorder.redaction.redact import clean_url

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
    """(normalised name, version) -> file in conda-meta of the prefix around ``directory``; listed once per process."""
    site = os.path.dirname(directory)
    if site not in _records:
        # <prefix>/lib/python3.12/site-packages; on Windows <prefix>\\Lib\\site-packages
        library = site if os.name == "nt" else os.path.dirname(site)
        prefix = os.path.dirname(os.path.dirname(library))
        folder = os.path.join(prefix, "conda-meta")
        found = {}
        for file in os.listdir(folder) if os.path.isdir(folder) else ():
            parts = file[:-5].rsplit("-", 2)
            if file.endswith(".json") and len(parts) == 3:
                found[(parts[0].replace("_", "-").replace(".", "-").lower(), parts[1])] = os.path.join(folder, file)
        _records[site] = found
    return _records[site]


# ---------------------------------------------------------------------------------------------- checkouts


def local_path(url: str) -> Optional[str]:
    """The path a file: URL stands for, or None for any other."""
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
    """The same distributions, the editable ones with the commit they stand at and whether files were changed since.

    timeout: seconds for each checkout. Asks git once for each; without editable ones it costs nothing.
    """
    known: dict[str, tuple[Optional[str], Optional[bool]]] = {}
    notes: list[Note] = []
    written = []
    for described in distributions:
        origin = described.get("origin", {})
        path = local_path(origin.get("url", "")) if origin.get("kind") == "editable" else None
        if path is not None:
            if path not in known:
                known[path] = _checkout(path, timeout, described["name"], notes)
            commit, dirty = known[path]
            origin = {key: value for key, value in origin.items() if key not in ("commit", "dirty")}
            if commit is not None:
                origin["commit"] = commit
            if dirty is not None:
                origin["dirty"] = dirty
            described = {**described, "origin": origin}
        written.append(described)
    return written, notes


def moved_checkouts(distributions: Sequence[dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], list[Note]]:
    """The origins, by name, of those distributions whose checkout is not at the commit that their origin names."""
    checked, notes = with_checkouts(distributions)
    pairs = zip(distributions, checked)
    return {new["name"]: new["origin"] for old, new in pairs if old.get("origin") != new.get("origin")}, notes


def _checkout(path: str, timeout: float, name: str, notes: list[Note]) -> tuple[Optional[str], Optional[bool]]:
    """(commit, dirty) of the working tree around ``path``; changes outside ``path`` do not count."""
    from contexta.core.process import ProcessError, TimedOut
    from contexta.recorder.source.git import git
    from contexta.recorder.source.repository import NOT_IN_GIT, repository_above

    if os.path.isdir(path) and repository_above(path) is None:
        notes.append(note(TOPIC, f"editable {name} has no commit: {NOT_IN_GIT}"))
        return None, None
    try:
        done = git(["status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--", "."], path, timeout)
    except TimedOut as error:
        notes.append(note(TOPIC, f"editable {name}: whether it was changed is unknown: {error.what}"))
        done = git(["rev-parse", "--verify", "HEAD"], path, timeout)
        return (done.stdout.decode().strip() or None if done.exit_code == 0 else None), None
    except ProcessError as error:
        notes.append(note(TOPIC, f"editable {name}: its commit is unknown: {error.what}"))
        return None, None
    if done.exit_code != 0:
        said = done.stderr.decode("utf-8", "backslashreplace").strip().partition("\n")[0]
        notes.append(note(TOPIC, f"editable {name}: its commit is unknown: {said or 'git failed'}"))
        return None, None
    commit, dirty = None, False
    for line in done.stdout.decode("utf-8", "backslashreplace").splitlines():
        if line.startswith("# branch.oid "):
            oid = line.split(" ", 2)[2]
            commit = None if oid.startswith("(") else oid
        elif not line.startswith("#") and ".egg-info/" not in line:
            dirty = True
    return commit, dirty
