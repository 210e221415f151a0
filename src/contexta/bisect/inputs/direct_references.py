"""Parse direct references: packages from a commit, a file or a directory instead of an index."""

from __future__ import annotations

import ast
import configparser
import hashlib
import re
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from urllib.request import url2pathname

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from contexta.bisect.inputs.local_packages import own_at
from contexta.core.errors import InvalidInput, shown
from contexta.recorder.redaction.redact import clean_url
from contexta.reproduce.environments.builder import Fixed
from contexta.reproduce.uv.urls import archive_line, is_commit, vcs_line

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}  # digits


def taken_from(name: str, url: str) -> str | Fixed | None:
    """The exact address of a package, as its pin; for a directory the user's own source. None for anything else, and
    for a missing path.

    Raises InvalidInput for a branch or a tag, which may move, and for an address with a secret, which every report
    would show.
    """
    _require_no_secret(name, url)
    address, _, fragment = url.partition("#")
    about = dict(parse_qsl(fragment))
    if url.startswith("git+"):
        repository, _, commit = address.rpartition("@")
        return commit_pin(name, repository if is_commit(commit) else address, commit, about.get("subdirectory"))
    if urlsplit(address).scheme == "file":
        path = Path(url2pathname(urlsplit(address).path))
        if path.is_dir():
            return own_at(name, path / about.get("subdirectory", ""))
        if not path.is_file():
            return None
        about["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()  # another file there is another package
    digest = next((f"{kind}:{about[kind]}" for kind in _LENGTHS if kind in about), None)
    if not _is_distribution(unquote(urlsplit(address).path.rpartition("/")[2])) or not _is_whole(digest):
        return None
    return file_pin(name, address, digest, about.get("subdirectory"))


def project_at(requirement: str) -> Fixed | None:
    """The project in a directory, relative to the current one; None without a project that has a name."""
    path = Path(requirement.partition("[")[0].removeprefix("file://")).resolve()
    name = _project_name(path)
    return None if name is None else own_at(canonicalize_name(name), path)


def address_of(text: str, base: Path) -> tuple[str | None, str] | None:
    """(name of the package, URL) of a line with an address or a path; the name is None if unknown. base: directory for
    paths that do not exist relative to the current one. None for any other line.
    """
    text = re.sub(r"\[[^\]&]*\]\Z", "", text)  # extras
    if "://" in text:
        address, _, fragment = text.partition("#")
        egg = dict(parse_qsl(fragment)).get("egg", "").partition("[")[0]
        path = url2pathname(urlsplit(address).path) if urlsplit(address).scheme == "file" else None
        about = "&".join(part for part in fragment.split("&") if part and not part.startswith("egg="))
        url = f"{address}#{about}" if about else address
        return egg or _name_in_file(file_of(address)) or (path and _project_name(Path(path))) or None, url
    looks_local = text.startswith((".", "/", "~")) or text.endswith((".whl", ".tar.gz", ".zip", ".tar.bz2"))
    if not looks_local:
        return None
    path_there = Path(text).expanduser()
    if not path_there.exists() and (base / path_there).exists():
        path_there = base / path_there
    path_there = path_there.resolve()
    return _name_in_file(path_there.name) or _project_name(path_there), path_there.as_uri()


def file_of(url: str) -> str:
    """The name of the file at a URL."""
    return unquote(urlsplit(url.partition("#")[0]).path.rpartition("/")[2])


def _name_in_file(file: str) -> str | None:
    """The project of a wheel or source distribution, from its file name; None for any other file."""
    try:
        return str((parse_wheel_filename if file.endswith(".whl") else parse_sdist_filename)(file)[0])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _project_name(path: Path) -> str | None:
    """The name of a project in a directory: from pyproject.toml, setup.cfg, the metadata of setuptools, or setup.py."""
    with suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        settings = tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8"))
        for table in (settings.get("project"), _table(settings.get("tool")).get("poetry")):
            if isinstance(name := _table(table).get("name"), str):
                return name
    parser = configparser.RawConfigParser()
    with suppress(OSError, UnicodeDecodeError, configparser.Error):
        parser.read(path / "setup.cfg", encoding="utf-8")
    if parser.has_option("metadata", "name"):
        return parser.get("metadata", "name")
    for info in sorted(path.glob("*.egg-info/PKG-INFO")):
        if (
            match := re.search(r"^Name: (\S+)", info.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        ) is not None:
            return match[1]
    with suppress(OSError, SyntaxError, ValueError):
        for node in ast.walk(ast.parse((path / "setup.py").read_bytes())):
            if isinstance(node, ast.keyword) and node.arg == "name" and isinstance(node.value, ast.Constant):
                return str(node.value.value)
    return None


def _table(of: object) -> dict[str, object]:
    return of if isinstance(of, dict) else {}


def commit_pin(name: str, repository: str, commit: str, subdirectory: str | None) -> str:
    """The pin of a commit. Raises InvalidInput as ``taken_from``."""
    _require_no_secret(name, repository)
    if not is_commit(commit):
        raise InvalidInput(
            f"{name} @ {shown(repository)} names no whole commit: a branch or a tag is no exact pin",
            hint="write @ and all digits of the commit behind the repository; `git rev-parse NAME` prints them",
        )
    return _pin(vcs_line(name, repository, commit, subdirectory))


def file_pin(name: str, url: str, digest: str | None, subdirectory: str | None) -> str:
    """The pin of a wheel or an archive. digest: ``sha256:...``. Raises InvalidInput as ``taken_from``."""
    _require_no_secret(name, url)
    return _pin(archive_line(name, url, digest, subdirectory))


def _require_no_secret(name: str, url: str) -> None:
    if clean_url(url) != url:
        raise InvalidInput(
            f"{name} @ {clean_url(url)} holds credentials, which every report would show",
            hint="leave it out: git and uv find credentials in ~/.netrc, a keyring or a credential helper",
        )


def _pin(line: str) -> str:
    return line.partition(" @ ")[2]


def _is_distribution(file: str) -> bool:
    try:
        (parse_wheel_filename if file.endswith(".whl") else parse_sdist_filename)(file)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return False
    return True


def _is_whole(digest: str | None) -> bool:
    if digest is None:
        return True
    kind, _, digits = digest.partition(":")
    return len(digits) == _LENGTHS[kind] and all(digit in "0123456789abcdef" for digit in digits)


__all__ = ["address_of", "commit_pin", "file_of", "file_pin", "project_at", "taken_from"]
