"""Pack an installed package back into the wheel that it was installed from."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

_BY_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})
_DATE = (1980, 1, 1, 0, 0, 0)  # the same files give the same wheel


def packed(prefix: Path, name: str, version: str, into: Path) -> Path:
    """A wheel of the files of a package as they are installed in an environment.

    into: a directory; the wheel goes into a folder there that is named by its content.
    Raises ValueError, with the reason, when the package is not installed there in that version, or not from a wheel.
    """
    site = _site_packages(prefix)
    found = [each for each in distributions(path=[str(site)]) if canonicalize_name(each.metadata["Name"] or "") == name]
    if len(found) != 1 or found[0].version != version:
        raise ValueError(f"{prefix} does not hold {name} {version} any more")
    if (found[0].read_text("INSTALLER") or "").strip() == "conda":
        raise ValueError(f"conda installed {name} in {prefix}, beside libraries that no wheel has")
    content = _wheel(found[0], site, prefix)
    folder = into / f"packed-{hashlib.sha256(content).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _file_name(found[0])
    path.write_bytes(content)
    return path


def _site_packages(prefix: Path) -> Path:
    folders = [*prefix.glob("lib/python3*/site-packages"), *prefix.glob("Lib/site-packages")]
    if not folders:
        raise ValueError(f"{prefix} is no environment any more")
    return folders[0]


def _wheel(found: Distribution, site: Path, prefix: Path) -> bytes:
    buffer = io.BytesIO()
    record: list[tuple[str, str, str]] = []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as wheel:

        def add(target: str, content: bytes) -> None:
            entry = zipfile.ZipInfo(target, _DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            wheel.writestr(entry, content)

        info = _info(found)
        for target, path, digest, size in _files(found, info, site, prefix):
            content = path.read_bytes()
            if target.startswith(f"{info.removesuffix('.dist-info')}.data/scripts/") and content.startswith(b"#!"):
                content = b"#!python\n" + content.partition(b"\n")[2]
            add(target, content)
            record.append((target, digest, size))
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows([*record, (f"{info}/RECORD", "", "")])
        add(f"{info}/RECORD", lines.getvalue().encode())
    return buffer.getvalue()


def _info(found: Distribution) -> str:
    """The name of its .dist-info directory."""
    path = next(
        (file for file in found.files or () if file.name == "WHEEL" and file.parent.suffix == ".dist-info"), None
    )
    if path is None:
        raise ValueError(f"{found.metadata['Name']} was not installed from a wheel")
    return path.parent.as_posix()


def _files(found: Distribution, info: str, site: Path, prefix: Path) -> Iterator[tuple[str, Path, str, str]]:
    """(name in the wheel, path, digest and size as RECORD says) of the files that the wheel brought."""
    scripts = {entry.name for entry in found.entry_points if entry.group in ("console_scripts", "gui_scripts")}
    data = f"{info.removesuffix('.dist-info')}.data"
    for file in found.files or ():
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
            raise ValueError(f"{path} lies outside of the environment")


def _file_name(found: Distribution) -> str:
    tags = [
        line.partition(":")[2].strip()
        for line in (found.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag:")
    ]
    parts = zip(*(tag.split("-") for tag in tags if tag.count("-") == 2), strict=True)
    stem = _info(found).removesuffix(".dist-info")
    return "-".join([stem, *(".".join(dict.fromkeys(part)) for part in parts)]) + ".whl"
