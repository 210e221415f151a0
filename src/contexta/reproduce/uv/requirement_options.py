"""Options of requirements files for uv: indexes, forms of packages, and hashes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from contexta.core.errors import InvalidInput, shown
from contexta.recorder.redaction.redact import clean_url
from contexta.reproduce.uv.indexes import NO_INDEX, STRATEGY, as_uv_variables, pip_settings, uv_has_its_own

_PLACES = {
    "-i": "index-url",
    "--index-url": "index-url",
    "--extra-index-url": "extra-index-url",
    "-f": "find-links",
    "--find-links": "find-links",
    "--no-index": "no-index",
    "--trusted-host": "trusted-host",
}
_FORMS = ("--only-binary", "--no-binary")
_WITHOUT_EFFECT = ("--pre", "--prefer-binary", "--use-feature")  # on exact pins
_REQUIRE_HASHES = "--require-hashes"
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)\}")  # as pip has it
_OF_UV = {  # settings that are lists -> (uv's variable, separator of its items)
    "extra-index-url": ("UV_EXTRA_INDEX_URL", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
}


@dataclass(frozen=True)
class FileOptions:
    """The options of a requirements file."""

    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """pip's name of a setting -> its values."""
    arguments: tuple[str, ...] = ()
    """For uv."""
    lines: tuple[str, ...] = ()
    """The options as written in the file, without credentials."""
    require_hashes: bool = False
    """Whether every pin must have a hash."""

    def __bool__(self) -> bool:
        return bool(self.places or self.arguments)


@dataclass(frozen=True)
class InstallOptions:
    """How uv installs the packages of one side.

    variables: for uv. They may hold credentials, so they are never shown, stored or passed as arguments.
    arguments: for uv, without secrets. hashes: the allowed files of a release, by ``name==version``.
    build_constraints: limits for build tools, as the text of a requirements file.
    """

    variables: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    hashes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    build_constraints: str = ""

    @property
    def content(self) -> list[object]:
        """The options that change the content of an environment, without credentials; empty for no options."""
        variables = sorted((name, clean_url(value)) for name, value in self.variables)
        content: list[object] = [variables, list(self.arguments), list(self.hashes), self.build_constraints]
        return content if any(content) else []


NO_OPTIONS = InstallOptions()


def with_option(options: FileOptions, line: str, base: Path, environ: Mapping[str, str]) -> FileOptions | None:
    """The options with one more line of a requirements file; None if the line is not a known option.

    base: the directory of the file. Raises InvalidInput for an option without its value, or a variable that is not set.
    """
    name, _, value = re.sub(r"[\s=]+", " ", line, count=1).partition(" ")
    if match := re.fullmatch(r"(-[if])(\S.*)", line):  # -iURL
        name, value = match[1], match[2].lstrip("= ")
    value = value.strip().strip("\"'")
    if name in _WITHOUT_EFFECT:
        return options
    if name == _REQUIRE_HASHES:
        return replace(options, require_hashes=True)
    if name not in _PLACES and name not in _FORMS:
        return None
    if not value and name != "--no-index":
        raise InvalidInput(f"{name} has no value")
    lines = (*options.lines, clean_url(f"{name} {value}".strip()))
    if name in _FORMS:
        return replace(options, lines=lines, arguments=(*options.arguments, f"{name}={value.replace(' ', '')}"))
    setting, value = _PLACES[name], _expanded(value, environ)
    if setting == "find-links" and "://" not in value:
        path = base / value
        value = str((path if path.exists() else Path(value)).absolute())
    values = options.places.get(setting, ())
    new_values = (value or "1",) if setting in ("index-url", "no-index") else (*values, value)
    return replace(options, lines=lines, places={**options.places, setting: new_values})


def install_options(
    options: FileOptions, hashes: tuple[tuple[str, tuple[str, ...]], ...], environ: Mapping[str, str], folder: Path
) -> InstallOptions:
    """The options of a file together with the settings here: its index replaces the configured one, others are added.
    folder: where uv searches for a project's settings.
    """
    if not options.places:
        return InstallOptions((), options.arguments, hashes)
    variables = {} if uv_has_its_own(environ, folder) else as_uv_variables(pip_settings(environ))
    for setting, values in options.places.items():
        if setting == "index-url":
            variables.update(dict.fromkeys(("UV_DEFAULT_INDEX", "UV_INDEX_URL"), values[0]))  # the older name too
        elif setting == "no-index":
            variables[NO_INDEX] = "1"
        else:
            name, separator = _OF_UV[setting]
            current = variables.get(name, environ.get(name, ""))
            variables[name] = separator.join(filter(None, [current, *values]))
    if "extra-index-url" in options.places and not environ.get(STRATEGY):
        variables[STRATEGY] = "unsafe-best-match"  # as pip does
    return InstallOptions(tuple(sorted(variables.items())), options.arguments, hashes)


def _expanded(value: str, environ: Mapping[str, str]) -> str:
    missing = [name for name in _VARIABLE.findall(value) if name not in environ]
    if missing:
        raise InvalidInput(
            f"{shown(clean_url(value))} needs the variable {missing[0]}, which is not set", hint=f"export {missing[0]}"
        )
    return _VARIABLE.sub(lambda match: environ[match["name"]], value)


def requirement_lines(pins: Mapping[str, str], hashes: Mapping[str, Sequence[str]] | None = None) -> str:
    """Pins as a requirements file of ``name==version`` lines. hashes: see InstallOptions.

    Raises InvalidInput for a name or version that its standard does not allow (PEP 508, PEP 440).
    """
    lines = []
    for name, version in pins.items():
        try:
            line = f"{name}=={Version(version)}"
            parsed = Requirement(line)
        except (InvalidVersion, InvalidRequirement) as error:
            raise InvalidInput(f"{shown(name)} {shown(version)} is not a release that can be installed") from error
        if parsed.name != name or parsed.url or parsed.marker or parsed.extras:
            raise InvalidInput(f"{shown(name)} is no package name")
        allowed = "".join(f" --hash={digest}" for digest in (hashes or {}).get(f"{name}=={version}", ()))
        lines.append(f"{line}{allowed}\n")
    return "".join(lines)
