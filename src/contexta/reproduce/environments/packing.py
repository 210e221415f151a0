"""Pack an installed package back into the wheel that it was installed from."""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import BinaryIO

from packaging.utils import canonicalize_name

from contexta.core.files.digests import file_sha256
from contexta.reproduce.environments.installed_packages import site_packages

_BY_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})
_DATE = (1980, 1, 1, 0, 0, 0)  # the same files give the same wheel


def packed(prefix: Path, name: str, version: str, into: Path) -> Path:
    """A wheel of the installed files of a package, in a directory named by its content. into: the parent of that
    directory. Raises ValueError, with the reason, when the package is not installed there in that version, or not from
    a wheel.
    """
    site = site_packages(prefix)
    installed = [
        package
        for package in distributions(path=[str(site)])
        if canonicalize_name(package.metadata["Name"] or "") == name
    ]
    if len(installed) != 1 or installed[0].version != version:
        raise ValueError(f"{prefix} does not hold {name} {version} any more")
    package = installed[0]
    if (package.read_text("INSTALLER") or "").strip() == "conda":
        raise ValueError(f"conda installed {name} in {prefix}, with libraries that are in no wheel")
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="packing-", dir=into) as temporary:
        wheel = Path(temporary, "wheel")
        _write_wheel(wheel, package, site, prefix)
        directory = into / f"packed-{file_sha256(wheel)[:16]}"
        directory.mkdir(exist_ok=True)
        return wheel.replace(directory / _file_name(package))


def _write_wheel(path: Path, package: Distribution, site: Path, prefix: Path) -> None:
    record: list[tuple[str, str, str]] = []
    info = _info(package)
    scripts = f"{info.removesuffix('.dist-info')}.data/scripts/"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:

        def add(name: str, content: BinaryIO, size: int) -> None:
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type, entry.external_attr, entry.file_size = zipfile.ZIP_DEFLATED, 0o644 << 16, size
            with wheel.open(entry, "w") as target:
                shutil.copyfileobj(content, target)

        for name, source, digest, size in _files(package, info, site, prefix):
            with source.open("rb") as file:
                if name.startswith(scripts) and file.peek(2).startswith(b"#!"):
                    content = b"#!python\n" + file.read().partition(b"\n")[2]
                    add(name, io.BytesIO(content), len(content))
                else:
                    add(name, file, source.stat().st_size)
            record.append((name, digest, size))
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows([*record, (f"{info}/RECORD", "", "")])
        content = lines.getvalue().encode()
        add(f"{info}/RECORD", io.BytesIO(content), len(content))


def _info(package: Distribution) -> str:
    """The name of its .dist-info directory."""
    path = next(
        (file for file in package.files or () if file.name == "WHEEL" and file.parent.suffix == ".dist-info"), None
    )
    if path is None:
        raise ValueError(f"{package.metadata['Name']} was not installed from a wheel")
    return path.parent.as_posix()


def _files(package: Distribution, info: str, site: Path, prefix: Path) -> Iterator[tuple[str, Path, str, str]]:
    """(name in the wheel, path, digest and size as RECORD has them) of the files that the wheel brought."""
    scripts = {entry.name for entry in package.entry_points if entry.group in ("console_scripts", "gui_scripts")}
    data = f"{info.removesuffix('.dist-info')}.data"
    for file in package.files or ():
        path = Path(os.path.normpath(site / file))
        if path.suffix == ".pyc" or (file.parent.as_posix() == info and file.name in _BY_INSTALLERS):
            continue
        if not path.is_file():
            raise ValueError(f"{path} was removed")
        digest = f"{file.hash.mode}={file.hash.value}" if file.hash is not None else ""
        size = "" if file.size is None else str(file.size)
        if site in path.parents:
            yield path.relative_to(site).as_posix(), path, digest, size
        elif path.parent.name in ("bin", "Scripts"):
            if path.stem not in scripts and path.name not in scripts:
                yield f"{data}/scripts/{path.name}", path, "", ""
        elif prefix in path.parents:
            yield f"{data}/data/{path.relative_to(prefix).as_posix()}", path, digest, size
        else:
            raise ValueError(f"{path} is outside of the environment")


def _file_name(package: Distribution) -> str:
    lines = (package.read_text("WHEEL") or "").splitlines()
    tags = [line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")]
    parts = zip(*(tag.split("-") for tag in tags if tag.count("-") == 2), strict=True)
    stem = _info(package).removesuffix(".dist-info")
    return "-".join([stem, *(".".join(dict.fromkeys(part)) for part in parts)]) + ".whl"
