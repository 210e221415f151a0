"""Report the files that this process opens for reading to the `contexta run` around it.

An audit hook sees each ``open`` of Python. A file that is opened again costs a fraction of a microsecond. Only files in
the project, and those that the command names, are reported: one line each, with its size and time.
Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Set, Tuple

VARIABLE = "CONTEXTA_OPENED"
"""Set by `contexta run`: JSON with ``file`` (of the reports), ``project``, ``named`` and ``skipped`` (paths)."""
MOST = 1_000  # files that one process reports
_MOST_SEEN = 20_000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CODE = (".py", ".pyc", ".pyi", ".pyd", ".so", ".dll", ".pth", ".egg-link", ".dist-info/METADATA")
_LIBRARIES = tuple(os.sep + name + os.sep for name in ("site-packages", "dist-packages", "__pycache__", "node_modules"))


def watch() -> None:
    """Watch this process if `contexta run` set the variable."""
    if VARIABLE in os.environ:
        sys.addaudithook(_hook(**json.loads(os.environ[VARIABLE])))


def _hook(
    file: str, project: str, named: "Tuple[str, ...]", skipped: "Tuple[str, ...]"
) -> "Callable[[str, Tuple[Any, ...]], None]":
    """The function for all audit events; any event but ``open`` costs one comparison."""
    paths: "Set[str]" = set()
    places = tuple(named) + ((project,) if project else ())
    prefixes = tuple(place if place.endswith(os.sep) else place + os.sep for place in places)
    left_out = (*skipped, os.path.join(sys.prefix, ""), os.path.join(sys.base_prefix, ""))
    reported = [0]

    def report(path: str) -> None:
        facts = os.stat(path)
        if facts.st_mode & 0o170000 != 0o100000:  # not a regular file
            return
        reported[0] += 1
        fields = {"path": path, "size": facts.st_size, "modified": facts.st_mtime_ns}
        line = json.dumps({"more": True} if reported[0] > MOST else fields) + "\n"
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)

    def see(event: str, arguments: "Tuple[Any, ...]") -> None:
        if event != "open":
            return
        path = arguments[0]
        if type(path) is not str or path in paths or path.endswith(_CODE):
            return
        try:
            if len(paths) >= _MOST_SEEN or reported[0] > MOST:
                return
            paths.add(path)  # the process that opens it for writing creates it
            mode, flags = arguments[1], arguments[2]
            if mode[:1] != "r" or "+" in mode if isinstance(mode, str) else flags & _WRITING:
                return
            full = os.path.normpath(os.path.join(os.getcwd(), path))
            if not (full + os.sep).startswith(prefixes):
                return
            if full.startswith(left_out) or any(part in full for part in _LIBRARIES):
                return
            if os.sep + "." in full[len(project) :] and not (full + os.sep).startswith(prefixes[: len(named)]):
                return  # hidden: .git, .venv, .cache
            report(full)
        except Exception:  # noqa: BLE001  # the program must not notice the hook
            pass

    return see
