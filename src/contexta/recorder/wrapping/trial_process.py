"""Report from a Python process of a trial: its environment, changed paths, and unrecorded Pythons.

All processes of a trial append to one file, one JSON object per line with one ``write``:

============  =======================================================================================
``python``    a Python began: pid, prefix, version, kind and program (see ``program_of``), recorded: whether its
              environment is in a journal of the run
``unseen``    a Python was started that the recorder cannot enter: path (of the interpreter), kind, program
``write``     a file was opened for writing, made, renamed or removed outside the trial's own directories: path
============  =======================================================================================

An audit hook sees the last two. It is installed in trials, and in reruns, where it reports no writes. A run of the user
has the one of ``recorder.inputs.opened_files`` instead.
Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import os
import sys

from contexta.core.processes.interpreters import is_python
from contexta.recorder.session import inherited
from contexta.recorder.wrapping.command_lines import find_program, isolation, program_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Mapping, Sequence, Set, Tuple

MOST_PATHS = 200  # reported by one process
_MOST_SEEN = 20_000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_SYSTEM = ("/dev/", "/proc/", "/sys/")
_PATHS: "Dict[str, Tuple[Tuple[int, int], ...]]" = {
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.link": ((1, 3),),
    "os.truncate": ((0, 9),),
    "sqlite3.connect": ((0, 9),),
}
"""Audit event -> pairs of argument numbers: a path that it changes, and the directory of that path (9: none)."""
_STARTS = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn"})


def begin(kind: str, program: str, *, recorded: bool) -> None:
    """Report this process of a trial, and watch it. kind, program: see ``program_of``."""
    path = os.environ[inherited.TRIAL]
    report(
        path,
        "python",
        pid=os.getpid(),
        prefix=sys.prefix,
        version=sys.version.split(None, 1)[0],
        kind=kind,
        program=program[:1000],
        recorded=recorded,
    )
    if recorded:
        sys.addaudithook(_Watch(path).hook())


def report(file: str, type_: str, **fields: Any) -> None:
    """Append one line. The file is opened each time: a program may close every descriptor."""
    line = json.dumps({"t": type_, **fields}, separators=(",", ":")) + "\n"
    try:
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            os.write(handle, line.encode("utf-8", "backslashreplace"))
        finally:
            os.close(handle)
    except OSError:
        pass  # a missing report counts as unseen


def cannot_be_entered(words: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether a Python of that command line and these variables starts without the recorder."""
    is_wrapped = (
        environ.get(inherited.WRAPPED)
        and environ.get(inherited.TRIAL)
        and inherited.INJECTED in environ.get("PYTHONPATH", "").split(os.pathsep)
    )
    return not is_wrapped or bool(isolation(words))


class _Watch:
    """The audit hook of one process."""

    def __init__(self, path: str) -> None:
        self._path = path
        own = [folder for folder in os.environ.get(inherited.TRIAL_FOLDERS, "").split(os.pathsep) if folder]
        self._own = tuple(os.path.join(os.path.realpath(folder), "") for folder in own)
        self._seen: "Set[Any]" = set()
        self._reported: "Set[str]" = set()
        self._folders: "Dict[str, str]" = {}  # folder -> its path without links
        self._busy = False

    def hook(self) -> "Callable[[str, Tuple[Any, ...]], None]":
        """The function for all audit events: even ``id()`` is one, so an irrelevant one costs one look-up."""
        handlers: "Dict[str, Callable[[str, Tuple[Any, ...]], None]]" = dict.fromkeys(_STARTS, self._starts)
        if self._own:
            handlers.update(dict.fromkeys(_PATHS, self._changes), open=self._opens)

        def see(event: str, args: "Tuple[Any, ...]", find: Any = handlers.get) -> None:
            handler = find(event)
            if handler is not None:
                handler(event, args)

        return see

    def _opens(self, _: str, args: "Tuple[Any, ...]") -> None:
        if self._opens_for_writing(args):
            self._wrote(args[0], follow=True)

    def _changes(self, event: str, args: "Tuple[Any, ...]") -> None:
        for path, folder in _PATHS[event]:
            self._wrote(args[path], args[folder] if folder < len(args) else -1)

    @staticmethod
    def _opens_for_writing(args: "Tuple[Any, ...]") -> bool:
        mode, flags = args[1], args[2]
        if isinstance(mode, str):
            return not mode.startswith("r") or "+" in mode
        return isinstance(flags, int) and bool(flags & _WRITING)

    def _wrote(self, changed: Any, folder: Any = -1, *, follow: bool = False) -> None:
        """Report a path that the process changes, once.

        folder: descriptor of the directory that it is relative to, -1 for none. follow: whether the target of a link is
        what changes.
        """
        if self._busy or isinstance(changed, int) or len(self._reported) >= MOST_PATHS:
            return
        self._busy = True
        try:
            path = os.fsdecode(changed)
            if not os.path.isabs(path):
                base = os.getcwd() if folder in (-1, None) else os.readlink(f"/proc/self/fd/{folder}")
                path = os.path.join(base, path)
            if path in self._seen:
                return
            if len(self._seen) < _MOST_SEEN:
                self._seen.add(path)
            above, name = os.path.split(os.path.normpath(path))
            real = self._folders.get(above)
            if real is None:
                real = self._folders[above] = os.path.realpath(above)
            path = os.path.join(real, name)
            if follow and os.path.islink(path):
                path = os.path.realpath(path)
            if path not in self._reported and not self._is_own(path):
                self._reported.add(path)
                report(self._path, "write", path=path)
        except Exception:  # noqa: BLE001  # the program must not notice the hook
            pass
        finally:
            self._busy = False

    def _is_own(self, path: str) -> bool:
        inside = path + os.sep
        return inside.startswith(self._own) or path.startswith(_SYSTEM) or "__pycache__" in path or ":memory:" in path

    def _starts(self, event: str, args: "Tuple[Any, ...]") -> None:
        if self._busy:
            return
        self._busy = True
        try:
            words, environ, directory = _start_of(event, args)
            if is_python(words[0]) and cannot_be_entered(words, environ):
                kind, program = program_of(words)
                path = find_program(words[0], environ, directory)
                report(self._path, "unseen", path=path, kind=kind, program=program[:1000], cwd=directory)
        except Exception:  # noqa: BLE001  # as above: a program may start others with anything
            pass
        finally:
            self._busy = False


def _start_of(event: str, args: "Tuple[Any, ...]") -> "Tuple[Sequence[str], Mapping[str, str], str]":
    """(command line with the program's path first, variables, directory) of a program that is about to start."""
    directory: Any = None
    if event == "subprocess.Popen":
        executable, command, directory, environ = args
    elif event == "os.spawn":
        _, executable, command, environ = args
    else:
        executable, command, environ = args
    words = [os.fsdecode(word) for word in ([command] if isinstance(command, (str, bytes)) else command)]
    # A Python finds its environment by the name of the call, not by the file
    first = words[0] if is_python(words[0]) or executable is None else os.fsdecode(executable)
    variables: "Mapping[Any, Any]" = os.environ if environ is None else environ
    readable = {os.fsdecode(name): os.fsdecode(value) for name, value in variables.items()}
    return [first, *words[1:]], readable, os.getcwd() if directory is None else os.fsdecode(directory)
