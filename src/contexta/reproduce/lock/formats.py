"""Write a lock as pylock.toml (PEP 751), requirements, pyproject.toml, for conda, or as a Dockerfile. Pure.

Everything in a lock comes from a recording, so it is checked or quoted first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contexta.core.errors import ContextaError
from contexta.findings import LockFormat, Missing
from contexta.recorder.redaction.redact import HIDDEN
from contexta.reproduce.rebuild import RecordedEnvironment
from contexta.reproduce.uv.commands import LEAST_VERSION
from contexta.reproduce.uv.release_files import ReleaseFile

# Variables that an image may set: behaviour of a run, never paths of one machine.
_BEHAVIOUR = re.compile(
    r"(?:PYTHONHASHSEED|OMP_\w+|MKL_\w+|OPENBLAS_\w+|NUMEXPR_\w+|CUBLAS_WORKSPACE_CONFIG|TF_\w+|XLA_FLAGS|CUDA_LAUNCH"
    r"_BLOCKING|TZ|LANG|LC_\w+|PYTHONOPTIMIZE|PYTHONUTF8)\Z"
)
_PLAIN_VERSION = re.compile(r"\d+(?:\.\d+){0,2}(?:(?:a|b|rc)\d+)?")


@dataclass
class Locked:
    """A package of the lock.

    files: wheels. source: the source distribution, if there is no wheel. address: of a repository or an archive.
    conda: its pin for conda. channel: of conda. exact: whether its file is the recorded one. why: the reason if it is
    not.
    """

    name: str
    version: str
    files: list[ReleaseFile] = field(default_factory=list)
    source: ReleaseFile | None = None
    address: str | None = None
    conda: str | None = None
    channel: str | None = None
    exact: bool = False
    why: str = ""

    @property
    def requirement(self) -> str:
        return f"{self.name} @ {self.address}" if self.address else f"{self.name}=={self.version}"

    @property
    def hashes(self) -> list[str]:
        """The sha256 of each file that it may be installed from."""
        digest = re.search(r"sha256=([0-9a-f]{64})", self.address or "")
        files = [*self.files, *([self.source] if self.source else [])]
        return [digest[1]] if digest else [file.sha256 for file in files if file.sha256]


def written(
    form: LockFormat,
    recorded: RecordedEnvironment,
    everything: Sequence[Locked],
    missing: Sequence[Missing],
    notes: Sequence[str] = (),
) -> str:
    """The text of a lock. notes: written as comments in every format.

    Raises ContextaError for pylock if the installed packaging does not support it.
    """
    comments = "".join(f"# {_one_line(note)}\n" for note in notes)
    text = _FORMATS[form](recorded, everything, missing)
    if form == "dockerfile":  # its first line is a directive
        return text.replace("\n", f"\n{comments}", 1)
    return comments + text


def _remarks(recorded: RecordedEnvironment, everything: Sequence[Locked], missing: Sequence[Missing]) -> Iterator[str]:
    """Comments about what the format cannot express."""
    snapshot = recorded.snapshot
    yield f"# the environment of {recorded.run_ref}: Python {snapshot.python_version} on {snapshot.platform}"
    for package in everything:
        if not package.exact:
            yield f"# by version alone: {package.name} {package.version}: {_one_line(package.why)}"
    for lost in missing:
        yield f"# NOT HERE: {lost.name} {_one_line(lost.version)}: {lost.reason}: {_one_line(lost.detail)}"


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300]


def _pylock(recorded: RecordedEnvironment, everything: Sequence[Locked], missing: Sequence[Missing]) -> str:
    try:
        from packaging.pylock import Pylock
    except ImportError as error:
        raise ContextaError(
            "the installed packaging does not know pylock.toml", hint="`pip install -U packaging`, or another --format"
        ) from error
    document: dict[str, Any] = {
        "lock-version": "1.0",
        "created-by": "contexta",
        "packages": [_entry(package) for package in everything],
    }
    Pylock.from_dict(document).validate()
    lines = [*_remarks(recorded, everything, missing), ""]
    lines += [f"{key} = {_toml(value)}" for key, value in document.items() if key != "packages"]
    for entry in document["packages"]:
        lines += ["", "[[packages]]", *(f"{key} = {_toml(value)}" for key, value in entry.items())]
    return "\n".join(lines) + "\n"


def _entry(package: Locked) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": package.name}
    address = package.address or ""
    if address.startswith("git+"):
        url, _, fragment = address.removeprefix("git+").partition("#")
        url, _, commit = url.rpartition("@")
        entry["vcs"] = {"type": "git", "url": url, "commit-id": commit}
        if fragment.startswith("subdirectory="):
            entry["vcs"]["subdirectory"] = fragment.partition("=")[2]
        return entry
    entry["version"] = package.version
    if address:
        url, _, fragment = address.partition("#")
        digests = dict(part.split("=", 1) for part in fragment.split("&") if part.startswith("sha"))
        entry["archive"] = {"url": url, "hashes": digests}
        return entry
    if package.source is not None:
        entry["sdist"] = _file(package.source)
    if package.files:
        entry["wheels"] = [_file(file) for file in package.files]
    return entry


def _file(file: ReleaseFile) -> dict[str, Any]:
    size = {"size": file.size} if file.size is not None else {}
    return {"name": file.name, "url": file.url, **size, "hashes": {"sha256": file.sha256}}


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[\n" + "".join(f"    {_toml(inner)},\n" for inner in value) + "]"
    return json.dumps(value)  # a JSON string or number is one of TOML


def _requirements(recorded: RecordedEnvironment, everything: Sequence[Locked], missing: Sequence[Missing]) -> str:
    lines = [*_remarks(recorded, everything, missing)]
    lines.append("# install with: pip install --no-deps --require-hashes -r FILE")
    for package in everything:
        requirement = package.requirement.partition("#")[0]
        lines.append(" \\\n".join([requirement, *(f"    --hash=sha256:{value}" for value in package.hashes)]))
    return "\n".join(lines) + "\n"


def _uv(recorded: RecordedEnvironment, everything: Sequence[Locked], missing: Sequence[Missing]) -> str:
    """A project of exact pins. Their dependencies are left out of the resolution."""
    version = _plain(recorded)
    pins = [package.requirement for package in everything]
    lines = [
        *_remarks(recorded, everything, missing),
        "",
        "[project]",
        f"name = {_toml('environment-of-' + recorded.run_ref.name)}",
        'version = "0"',
        f"requires-python = {_toml('==' + version)}",
        f"dependencies = {_toml(pins)}",
        "",
        "[tool.uv]",
        "package = false",
    ]
    for package in everything:
        lines += ["", "[[tool.uv.dependency-metadata]]", f"name = {_toml(package.name)}"]
        lines += [f"version = {_toml(package.version)}", "requires-dist = []"]
    return "\n".join(lines) + "\n"


def _conda(recorded: RecordedEnvironment, everything: Sequence[Locked], missing: Sequence[Missing]) -> str:
    """Packages of conda by their build, all others by pip."""
    of_conda = {package.conda.partition("=")[0]: package.conda for package in everything if package.conda}
    by_pip = [package for package in everything if not package.conda]
    channels = list(dict.fromkeys(package.channel for package in everything if package.channel))
    of_conda.setdefault("python", f"python={_plain(recorded)}")
    if by_pip:
        of_conda.setdefault("pip", "pip")
    lines = [
        *_remarks(recorded, everything, missing),
        "# create with: PIP_NO_DEPS=1 conda env create --file FILE",
        f"name: {json.dumps('environment-of-' + recorded.run_ref.name)}",
    ]
    lines += ["channels:", *(f"  - {json.dumps(channel)}" for channel in channels or ["conda-forge"]), "dependencies:"]
    lines += [f"  - {json.dumps(pin)}" for pin in sorted(of_conda.values())]
    if by_pip:
        lines.append("  - pip:")
    for package in by_pip:
        lines.append(f"      - {json.dumps(package.requirement)}")
    return "\n".join(lines) + "\n"


def _dockerfile(recorded: RecordedEnvironment, everything: Sequence[Locked], missing: Sequence[Missing]) -> str:
    """One file that contains the lock. Building from source needs the full image, not the slim one."""
    is_built = any(package.source or (package.address or "").startswith("git+") for package in everything)
    image = _plain(recorded) + ("" if is_built else "-slim")
    variables = [
        f"ENV {name}={json.dumps(value).replace('$', chr(92) + '$')}"
        for name, value in sorted(recorded.snapshot.environment_variables.items())
        if _BEHAVIOUR.match(name) and HIDDEN not in value and value.isprintable()
    ]
    lines = [
        "# syntax=docker/dockerfile:1",
        *_remarks(recorded, everything, missing),
        f"FROM python:{image}",
        *variables,
        f'RUN pip install --no-cache-dir "uv>={LEAST_VERSION}"',
        "COPY <<'END_OF_LOCK' /contexta/pylock.toml",
        _pylock(recorded, everything, missing).rstrip("\n"),
        "END_OF_LOCK",
        "RUN uv pip install --system --no-deps --requirements /contexta/pylock.toml",
    ]
    return "\n".join(lines) + "\n"


def _plain(recorded: RecordedEnvironment) -> str:
    match = _PLAIN_VERSION.match(recorded.snapshot.python_version)
    return match[0] if match else "3"


_FORMATS: dict[LockFormat, Callable[[RecordedEnvironment, Sequence[Locked], Sequence[Missing]], str]] = {
    "pylock": _pylock,
    "requirements": _requirements,
    "uv": _uv,
    "conda": _conda,
    "dockerfile": _dockerfile,
}
