"""Run child processes: argument lists only, always with a time limit, and the whole tree is terminated.

All child processes that Contexta starts for itself go through this module.

::

    ContextaError
    └── ProcessError
        ├── CommandNotFound   (LookupError)   no such program
        ├── StartFailed                       the program exists and cannot be started
        ├── TimedOut          (TimeoutError)  terminated at the time limit; ``.finished`` holds its output
        └── Stopped                           terminated because of ``stop``; ``.finished`` holds its output

An exit code other than 0 is not an error here; the caller knows what it means.
Standard library only, Python 3.8: the recorder runs git and nvidia-smi inside training processes.
"""

from __future__ import annotations

import os

from contexta.core.errors import ContextaError, shown
from contexta.core.processes import process_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import Popen
    from typing import Any, Callable, Mapping, Optional, Protocol, Sequence, Union

    from contexta.core.processes.pipes import Output, Polled, Threaded

    Pipes = Union[Polled, Threaded]

    class Stop(Protocol):
        """A flag that terminates the program, such as a ``threading.Event``."""

        def is_set(self) -> bool: ...


MAX_OUTPUT = 16 * 1024 * 1024
_MARK = "CONTEXTA_CHILD"  # the variable whose value marks the processes of one call of ``run``
_LINGER = 1.0  # seconds that the output of an ended program may still take to arrive


class ProcessError(ContextaError):
    """A child process failed."""


class CommandNotFound(ProcessError, LookupError):
    """There is no such program."""


class StartFailed(ProcessError):
    """The program exists and cannot be started."""


class TimedOut(ProcessError, TimeoutError):
    """The program was terminated at its time limit, with everything it had started."""

    def __init__(self, message: str, *, finished: Finished, hint: Optional[str] = None) -> None:
        super().__init__(message, hint=hint)
        self.finished = finished


class Stopped(ProcessError):
    """The program was terminated because ``stop`` was set, with everything it had started."""

    def __init__(self, message: str, *, finished: Finished) -> None:
        super().__init__(message)
        self.finished = finished


class Finished:
    """The exit code and the output of a program. ``exit_code`` is negative when a signal ended it (-9: SIGKILL)."""

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
    kill_daemons: bool = False,
    stop: Optional[Stop] = None,
    on_output: Optional[Callable[[int, bytes], None]] = None,
) -> Finished:
    """Run a program to its end and return its output.

    timeout: seconds, > 0. max_output: bytes kept of each of stdout and stderr, half of them from the beginning and half
    from the end. stop: terminates the program when it is set. on_output: receives (0 for stdout or 1 for stderr, bytes)
    as they arrive, on Windows in threads of their own; it must not raise.
    env: the whole environment; None is this process's own. input: its stdin; None is an empty stdin.
    The program gets its own process group, which is killed when the program ends and at the time limit.
    kill_daemons: on Linux also kill daemons, which left the group and lost their parent; a variable marks them.
    Raises CommandNotFound, StartFailed, TimedOut or Stopped. Costs about 20 ms once for importing subprocess.
    """
    from time import monotonic

    from contexta.core.processes.pipes import connect

    if isinstance(argv, (str, bytes)) or not argv:
        raise TypeError("argv is a list of arguments, never one command line")
    began = monotonic()
    mark = os.urandom(16).hex() if kill_daemons else ""
    if mark:
        env = {**(os.environ if env is None else env), _MARK: mark}
    process = _start(argv, cwd, env, reads=input is not None)
    pipes: Optional[Pipes] = None
    ended = False
    try:
        pipes = connect(process, input, max_output, on_output)
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
        raise Stopped(f"{argv[0]} was stopped", finished=finished)
    if not ended:
        raise TimedOut(f"{argv[0]} did not end within {timeout:g} s", finished=finished)
    return finished


def leave(argv: Sequence[str], *, cwd: str, env: Mapping[str, str], log: str) -> None:
    """Start a program that outlives this process, is not its child, and reads nothing. Returns at once.

    log: file that takes its output; replaced. Raises CommandNotFound or StartFailed.
    """
    import subprocess

    options: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        options = {"creationflags": 0x00000008 | 0x00000200}  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
    else:
        # The shell starts it and ends, so a program that waits for any child never gets this one.
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
        process.returncode = 0  # nothing waits for it
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
    """Wait for the end of the program: True; or for the deadline or the stop flag: False."""
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
    """Whether it has ended. It stays a zombie where possible: its group id cannot be reused then."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True  # this process ignores SIGCHLD, so every child is reaped


def end_tree(process: Popen[bytes], *, alive: bool = True) -> None:
    """Kill the rest of a program started here: its process group, and on Linux descendants that left the group.

    alive: whether the program itself may still run; after its end, descendants outside the group are not recognised.
    """
    if os.name == "nt":
        _end_tree_windows(process)
        return
    import signal

    outside_group = (
        [pid for pid, group in process_tree.descendants(process.pid) if group != process.pid] if alive else []
    )
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nothing is left (macOS reports "not permitted" for a group of zombies)
    for pid in outside_group:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # it ended by itself, or with the group


def _end_marked(mark: str) -> None:
    """Kill every process that was started with a value of the variable, until none is left; needs /proc."""
    import signal

    for _ in range(50):  # the next round finds processes that these start during the search
        marked = [pid for pid in process_tree.processes() if process_tree.has_variable(pid, _MARK, mark)]
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
