"""Check whether environments can be built on this machine."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from contexta.core.processes import process
from contexta.findings import Check
from contexta.reproduce.uv.commands import find_uv
from contexta.reproduce.uv.error_messages import UvMissing


def checks() -> Iterator[Check]:
    """Checks of Python, uv and the interpreters. Runs two short processes."""
    yield Check(name="python", status="pass", detail=f"{platform.python_implementation()} {platform.python_version()}")
    try:
        path = find_uv().path
    except UvMissing as error:
        yield Check(name="uv", status="warn", detail="uv is not installed: no environment can be built", fix=error.hint)
        return
    try:
        version = process.run([path, "--version"], timeout=10).stdout.decode(errors="replace").strip()
        yield Check(name="uv", status="pass", detail=version)
        listed = process.run([path, "python", "list", "--only-installed"], timeout=30)
    except process.ProcessError as error:
        yield Check(name="uv", status="fail", detail=error.what, fix="reinstall uv: `pip install --force-reinstall uv`")
        return
    versions = list(
        dict.fromkeys(line.split()[0] for line in listed.stdout.decode(errors="replace").splitlines() if line)
    )
    names = ", ".join(versions[:12]) + (f" and {len(versions) - 12} more" if len(versions) > 12 else "")
    yield Check(
        name="interpreters",
        status="pass" if versions else "warn",
        detail=names or "uv finds no Python",
        fix=None if versions else "`uv python install 3.12`",
    )
