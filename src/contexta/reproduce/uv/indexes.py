"""Pass indexes to uv: those named for a command, and those of pip's settings if uv has none. uv reads no settings of
pip, but an environment that pip installed comes from these indexes. uv receives them as variables, never as arguments:
an address may contain credentials, and every user of a machine can read arguments.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

STRATEGY = "UV_INDEX_STRATEGY"
NO_INDEX = "UV_NO_INDEX"  # not a variable of uv: ``commands`` turns it into an argument
_SETTINGS = ("index-url", "extra-index-url", "find-links", "no-index", "trusted-host")
_OF_UV = ("index", "default-index", "index-url", "extra-index-url", "find-links", "no-index")
_PLACES = (  # prefixes of variables
    *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX", "UV_FIND_LINKS", "UV_NO_INDEX"),
    *("UV_INSECURE_HOST", "UV_EXCLUDE_NEWER"),
)
_YES = frozenset({"1", "true", "yes", "on", "y", "t"})


def index_variables(named: Sequence[str], environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Variables for uv. named: ``NAME=URL``, queried first. folder: where uv searches for a project's settings. pip
    takes the best release of all its indexes, and so does uv with these variables. Its own default is the first index
    that has the package.
    """
    variables = {} if uv_has_its_own(environ, folder) else as_uv_variables(pip_settings(environ))
    if named:
        variables["UV_INDEX"] = " ".join([*named, environ.get("UV_INDEX", "")]).strip()
    return variables


def settings_for_elsewhere() -> tuple[tuple[str, str], ...]:
    """The settings of uv and pip for indexes here, as variables for a uv on another machine."""
    of_uv = {name: value for name, value in os.environ.items() if name.startswith(_PLACES)}
    return tuple(sorted({**of_uv, **index_variables((), os.environ, Path.cwd())}.items()))


def as_uv_variables(settings: Mapping[str, str]) -> dict[str, str]:
    """pip's settings for indexes as variables of uv."""
    links = [link for link in settings.get("find-links", "").split() if "://" in link or Path(link).exists()]
    variables = {
        "UV_DEFAULT_INDEX": settings.get("index-url", "").strip(),
        "UV_EXTRA_INDEX_URL": " ".join(settings.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(links),  # pip also ignores a missing directory
        NO_INDEX: "1" if settings.get("no-index", "").strip().lower() in _YES else "",
        "UV_INSECURE_HOST": " ".join(settings.get("trusted-host", "").split()),
    }
    if variables["UV_EXTRA_INDEX_URL"]:
        variables[STRATEGY] = "unsafe-best-match"
    return {name: value for name, value in variables.items() if value}


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of pip: its files, the user's after the machine's, then variables such as PIP_INDEX_URL."""
    settings: dict[str, str] = {}
    if environ.get("PIP_CONFIG_FILE") != os.devnull:
        for path in _pip_files(environ):
            settings.update(_of_file(path))
    variables = {name: environ.get(f"PIP_{name.upper().replace('-', '_')}", "") for name in _SETTINGS}
    return {**settings, **{name: value for name, value in variables.items() if value.strip()}}


def _of_file(path: Path) -> Iterator[tuple[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (OSError, UnicodeDecodeError, configparser.Error):
        return  # pip reports the error
    for section in ("global", "install"):
        if parser.has_section(section):
            yield from ((name, value) for name, value in parser.items(section) if name in _SETTINGS)


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """The files of pip's settings, the most important last."""
    home = Path(environ.get("HOME") or Path.home())
    if os.name == "nt":
        yield from (Path(environ[name], "pip", "pip.ini") for name in ("PROGRAMDATA", "APPDATA") if environ.get(name))
    else:
        machine = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        yield from (Path(folder, "pip", "pip.conf") for folder in machine.split(os.pathsep))
        yield Path("/etc/pip.conf")
        yield home / ".pip" / "pip.conf"
        yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
        if sys.platform == "darwin":
            yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    if environ.get("PIP_CONFIG_FILE"):
        yield Path(environ["PIP_CONFIG_FILE"])


def uv_has_its_own(environ: Mapping[str, str], folder: Path) -> bool:
    """Whether a variable or a file of uv names an index or a directory of files."""
    if any(environ.get(f"UV_{name.upper().replace('-', '_')}") for name in _OF_UV):
        return True
    return any(_names(path, _OF_UV) for path in _uv_files(environ, folder))


def uv_has_date_limit(environ: Mapping[str, str], folder: Path) -> bool:
    """Whether uv ignores releases published after a date."""
    if environ.get("UV_EXCLUDE_NEWER"):
        return True
    return any(_names(path, ("exclude-newer",)) for path in _uv_files(environ, folder))


def _uv_files(environ: Mapping[str, str], folder: Path) -> Iterator[Path]:
    if environ.get("UV_NO_CONFIG"):
        return
    if environ.get("UV_CONFIG_FILE"):
        yield Path(environ["UV_CONFIG_FILE"])
        return
    for parent in (folder, *folder.parents):
        yield from (parent / "uv.toml", parent / "pyproject.toml")
    home = Path(environ.get("HOME") or Path.home())
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "uv" / "uv.toml"
    if os.name == "nt":
        yield from (Path(environ[name], "uv", "uv.toml") for name in ("PROGRAMDATA", "APPDATA") if environ.get(name))
    else:
        machine = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        yield from (Path(folder, "uv", "uv.toml") for folder in machine.split(os.pathsep))
        yield Path("/etc/uv/uv.toml")


def _names(path: Path, keys: Sequence[str]) -> bool:
    """Whether a file of uv's settings has one of these keys."""
    try:
        settings: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # missing; or broken, which uv reports
    if path.name == "pyproject.toml":
        settings = _table(_table(settings, "tool"), "uv")
    return any(name in settings or name in _table(settings, "pip") for name in keys)


def _table(parent: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = parent.get(name)
    return table if isinstance(table, dict) else {}
