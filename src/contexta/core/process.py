"""The one door to child processes: argument lists only, a time limit always, the whole tree ended.

::

    ContextaError
    └── ProcessError
        ├── CommandNotFound   (LookupError)   no such program
        ├── StartFailed                       the program is there and cannot be started
        ├── TimedOut          (TimeoutError)  ended at the time limit; ``.finished`` holds what it had said
    └── Stopped                           ended because the caller changed its mind

A program that ends with an exit code other than 0 is no error here: what that means, its caller knows.
Standard library only, Python 3.8: the recorder asks git and nvidia-smi from inside training processes.
"""

from __future__ import annotations

import os

from contexta.core import process_tree
from contexta.core.errors import ContextaError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import Popen
    from typing import Any, Mapping, Optional, Protocol, Sequence, Union

    from contexta.core.pipes import Output, Polled, Threaded

    Pipes = Union[Polled, Threaded]

    class Stop(Protocol):
        """What says that a program is to end: a ``threading.Event``, say."""

        def is_set(self) -> bool: ...


MAX_OUTPUT = 16 * 1024 * 1024
_MARK = "CONTEXTA_CHILD"  # the variable whose value tells the processes of one call of ``run``
_LINGER = 1.0  # seconds the output of an ended program may still take to arrive


class ProcessError(ContextaError):
    """A child process did not do its work."""


class CommandNotFound(ProcessError, LookupError):
    """There is no such program."""


class StartFailed(ProcessError):
    """The program is there and cannot be started."""


class TimedOut(ProcessError, TimeoutError):
    """The program was ended at its time limit, with everything it had started."""

    def __init__(self, what: str, *, finished: Finished, hint: Optional[str] = None) -> None:
        super().__init__(what, hint=hint)
        self.finished = finished


class Stopped(ProcessError):
    """The program was ended because ``stop`` was set, with everything it had started."""


class Finished:
    """What a program left behind. ``exit_code`` is negative when a signal ended it (-9: SIGKILL)."""

    __slots__ = ("argv", "exit_code", "seconds", "stderr", "stderr_truncated", "stdout", "stdout_truncated")

    def __init__(self, argv: Sequence[str], exit_code: int, stdout: Output, stderr: Output, seconds: float) -> None:
        self.argv = tuple(argv)
        self.exit_code = exit_code
        self.stdout = stdout.content()
        self.stderr = stderr.content()
        self.stdout_truncated = stdout.truncated
        self.stderr_truncated = stderr.truncated
        self.seconds = seconds

    def __repr__(self) -> str:
        return f"Finished({self.argv[0]!r}, exit_code={self.exit_code}, seconds={self.seconds:.3f})"


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
    input: Optional[bytes] = None,
    max_output: int = MAX_OUTPUT,
    strays: bool = False,
    stop: Optional[Stop] = None,
) -> Finished:
    """Run a program to its end and return what it said.

    timeout: seconds, > 0. max_output: bytes kept of each of stdout and stderr, half of them from the beginning and half
    from the end; what is between is read and dropped. stop: ends the program when another thread sets it.
    env: the whole environment; None is this process's own. input: what it reads; None is an empty stdin.
    The program gets its own process group; whatever of it is left when it ends, or at the time limit, is killed.
    strays: on Linux also what left the group and has lost its parent (daemons), told by a variable that it inherited.
    Raises CommandNotFound, StartFailed, TimedOut or Stopped. Costs about 20 ms once for importing subprocess.
    """
    from time import monotonic

    from contexta.core.pipes import connect

    if isinstance(argv, (str, bytes)) or not argv:
        raise TypeError("argv is a list of arguments, never one command line")
    began = monotonic()
    mark = os.urandom(16).hex() if strays else ""
    if mark:
        env = {**(os.environ if env is None else env), _MARK: mark}
    process = _start(argv, cwd, env, reads=input is not None)
    pipes: Optional[Pipes] = None
    ended = False
    try:
        pipes = connect(process, input, max_output)
        ended = _wait(process, pipes, began + timeout, stop)
        if ended:
            pipes.drain(max(0.0, min(_LINGER, began + timeout - monotonic())))
    finally:
        end_tree(process, alive=not ended)
        code = process.wait()
        if mark:
            _end_marked(mark)
        if pipes is not None:
            pipes.drain(_LINGER)
            pipes.close()
    finished = Finished(argv, code, pipes.outputs[0], pipes.outputs[1], monotonic() - began)
    if not ended and stop is not None and stop.is_set():
        raise Stopped(f"{argv[0]} was stopped")
    if not ended:
        raise TimedOut(f"{argv[0]} did not end within {timeout:g} s", finished=finished)
    return finished


def leave(argv: Sequence[str], *, cwd: str, env: Mapping[str, str], log: str) -> None:
    """Start a program that outlives this process, is no child of it, and reads nothing. Returns at once.

    log: file that takes what it says; replaced. Raises CommandNotFound or StartFailed.
    """
    import subprocess

    options: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        options = {"creationflags": 0x00000008 | 0x00000200}  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
    else:
        # The shell starts it and ends: a program of ours that waits for any child of its own never sees this one.
        argv = ["/bin/sh", "-c", '"$@" & exit 0', "sh", *argv]
    try:
        with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            process = subprocess.Popen(
                list(argv), stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=cwd, env=env, **options
            )
    except FileNotFoundError as error:
        raise CommandNotFound(f"{shown(argv[0])} cannot be started: {error}") from error
    except (OSError, ValueError) as error:  # ValueError: NUL in an argument
        raise StartFailed(f"{shown(argv[0])} cannot be started: {error}") from error
    if os.name == "nt":
        process.returncode = 0  # it is nobody's to wait for
    else:
        process.wait()


def _start(argv: Sequence[str], cwd: Optional[str], env: Optional[Mapping[str, str]], *, reads: bool) -> Popen[bytes]:
    import subprocess

    options: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        options = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    pipe = subprocess.PIPE
    stdin = pipe if reads else subprocess.DEVNULL  # never the terminal or the data of this process
    try:
        return subprocess.Popen(list(argv), stdin=stdin, stdout=pipe, stderr=pipe, cwd=cwd, env=env, **options)
    except FileNotFoundError as error:
        if cwd is not None and not os.path.isdir(cwd):
            raise StartFailed(f"{argv[0]} cannot start in {shown(cwd)}: no such directory") from error
        raise CommandNotFound(f"{shown(argv[0])} is not installed or not on PATH") from error
    except (OSError, ValueError) as error:  # ValueError: NUL in an argument
        raise StartFailed(f"{shown(argv[0])} cannot be started: {error}") from error


def _wait(process: Popen[bytes], pipes: Pipes, deadline: float, stop: Optional[Stop]) -> bool:
    """Until the program has ended: True; or the deadline has passed, or it is to stop: False."""
    from time import monotonic

    pause = 0.0005
    while not _has_ended(process):
        left = deadline - monotonic()
        if left <= 0 or (stop is not None and stop.is_set()):
            return False
        pipes.attend(min(pause, left))
        pause = min(pause * 2, 0.05)
    return True


def _has_ended(process: Popen[bytes]) -> bool:
    """Whether it has ended, leaving it a zombie where possible: while it is one, its group id cannot be reused."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True  # somebody in this process reaps every child (SIGCHLD ignored)


def end_tree(process: Popen[bytes], *, alive: bool = True) -> None:
    """Kill what is left of a program started here: its process group, and on Linux descendants that left the group.

    alive: whether the program itself may still run; once it has ended its stray descendants cannot be told any more.
    """
    if os.name == "nt":
        _end_tree_windows(process)
        return
    import signal

    strays = [pid for pid, group in process_tree.descendants(process.pid) if group != process.pid] if alive else []
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nothing is left (macOS says "not permitted" for a group of zombies)
    for pid in strays:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # it ended by itself, or with the group


def _end_marked(mark: str) -> None:
    """Kill every process that was started with a value of the variable, until none is left; needs /proc."""
    import signal

    for _ in range(50):  # the next round finds what these start while they are looked for
        marked = [pid for pid in process_tree.processes() if process_tree.variables(pid).get(_MARK) == mark]
        for pid in marked:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass  # it ended by itself
        if not marked:
            return


def _end_tree_windows(process: Popen[bytes]) -> None:
    import subprocess

    if process.poll() is None:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False, timeout=10)
        process.kill()
