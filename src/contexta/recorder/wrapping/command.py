"""`contexta run -- CMD`: a run around a command, which knows nothing of it.

Standard library only.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Dict, List, Mapping, Optional, Pattern, Sequence

from contexta.core import settings
from contexta.core.errors import InvalidInput, shown
from contexta.core.interpreters import is_python
from contexta.core.process import CommandNotFound
from contexta.core.references import StableRef
from contexta.recorder.journal import process_journals
from contexta.recorder.journal.objects import Objects
from contexta.recorder.notes import note, reason
from contexta.recorder.redaction import cutting, redact
from contexta.recorder.session import active_run, inherited
from contexta.recorder.session.environment import read_source
from contexta.recorder.session.reserve import begin, reserve
from contexta.recorder.session.run import LiveRun
from contexta.recorder.session.salt import salt_or_another
from contexta.recorder.wrapping import outside
from contexta.recorder.wrapping.command_lines import isolation
from contexta.recorder.wrapping.output import Stream, open_streams
from contexta.recorder.wrapping.process_watch import Program, Watch

_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_GRACE = 0.5  # seconds in which a program that got the signal itself ends; only then it is passed on
_GIT_WAIT = 10.0  # seconds that reading the source may still take after the command has ended
_LINGER = 2.0  # seconds that output may still take after the command has ended
_SHOWN = 300  # characters of a command in a note
_FROM_OUTSIDE = "its environment was read from outside, so what the program imports or changes is unknown"
_HINT = "add to PYTHONPATH instead of replacing it: PYTHONPATH=src:$PYTHONPATH, env={**os.environ, ...}"


class CommandRecorder:
    """One command and the run around it."""

    def __init__(
        self,
        command: Sequence[str],
        journals: str,
        objects: Objects,
        *,
        pattern: Optional[Pattern[str]] = None,
        environ: Optional[Mapping[str, str]] = None,
        directory: Optional[str] = None,
        is_project_fixed: bool = True,
    ) -> None:
        """pattern: metrics to be found in the lines of stdout; see ``metrics_in``. environ, directory: what the command
        finds, instead of what this process has. is_project_fixed: whether the run stays in its project, also when the
        program asks for another one. Raises CommandNotFound."""
        self._is_project_fixed = is_project_fixed
        self._command = list(command)
        self._journals = os.path.abspath(journals)
        self._objects = objects
        self._pattern = pattern
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._streams: List[Stream] = []
        self._signals: List[int] = []
        self._unentered: Dict[tuple[str, str], List[int]] = {}  # (command, why) -> processes
        self._asked: Dict[tuple[str, ...], str] = {}  # what interpreters told from outside
        self._kept = 0  # journals kept for processes that were not entered
        self._environ = os.environ if environ is None else environ
        self._directory = directory
        self._program = shutil.which(command[0], path=self._environ.get("PATH"))
        if self._program is None:
            raise CommandNotFound(f"{shown(command[0])} is not installed or not on PATH")

    @property
    def ref(self) -> StableRef:
        """The run around the command, once ``run`` was called."""
        return self._run.ref

    def begin(self, project: str, name: Optional[str], tags: Mapping[str, str]) -> None:
        """Begin the run around the command. Raises OSError where nothing can be recorded; then there is none."""
        salt = salt_or_another(self._objects)
        project = redact.name(project, salt)
        display = redact.name(name, salt) if name else time.strftime("run-%Y%m%d-%H%M%S", time.gmtime())
        journal = reserve(self._journals, project, display)
        begin(journal, project, display, part_of=self._around())
        self._run = run = LiveRun(journal, self._objects, display)
        self._is_named = name is not None
        command, hidden = redact.argv(self._command, run._salt)
        facts: Dict[str, Any] = {"command": command}
        if self._pattern is not None:
            facts["metrics_from_stdout"] = redact.inside(self._pattern.pattern, run._salt)
        self._reading = read_source(journal, run._salt, self._objects, self._directory)
        source, told = self._reading.early() or ({}, [])
        if source:
            facts["source"] = source
        journal.write("fact", facts=facts)
        problems = [note(settings.TOPIC, problem) for problem in settings.problems()]
        for each in [*hidden, *told, *problems]:
            journal.write("note", **each)
        for key, value in tags.items():
            run.tag(key, value)
        run.flush()
        active_run.session.watch(run)

    def run(self) -> int:
        """Run the command and record it. Returns its exit code, 128 + n when signal n ended it; 126 when it cannot be
        started."""
        ref = self._run.ref.value
        watch = Watch(ref, self._tell, lambda pid: process_journals.has_recorded_environment(self._journals, ref, pid))
        try:
            code = self._execute(
                self._variables(), watch, open_streams(self._measure if self._pattern is not None else None)
            )
        except OSError as error:
            self._run.note("command", f"could not be started: {reason(error)}")
            self._reading.finish(_LINGER)
            self._run.finish("failed", failure=error)
            return self._not_started(error)
        if not watch.finish(self._is_any_entered()):
            self._ask_command(watch.pythons())
        self._tell_user()
        self._keep_logs()
        self._reading.finish(_GIT_WAIT if not self._signals else _LINGER)
        self._end(code)
        return code if code >= 0 else 128 - code

    def run_unrecorded(self) -> int:
        """Run the command where no run could begin. The same exit code."""
        variables = {name: value for name, value in self._environ.items() if name not in inherited.HANDED}
        try:
            code = self._execute({**variables, inherited.RECORDING: "off"}, None, [])
        except OSError as error:
            return self._not_started(error)
        return code if code >= 0 else 128 - code

    def _not_started(self, error: OSError) -> int:
        print(f"contexta: {self._command[0]} cannot be started: {reason(error)}", file=sys.stderr)  # noqa: T201  # what a shell says
        return 126

    def _around(self) -> Optional[str]:
        """The run below which this `contexta run` was started, if both write to one workspace."""
        handed = inherited.reference()
        return (
            handed[0]
            if handed is not None and os.path.realpath(handed[1]) == os.path.realpath(self._journals)
            else None
        )

    def _variables(self) -> Dict[str, str]:
        """What the command finds in its environment: it, and every Python below it, belongs to the run."""
        given = dict(self._environ)
        path = [inherited.INJECTED, *filter(None, [given.get("PYTHONPATH")])]
        for variable in (inherited.NAMED, inherited.IN_PROJECT, inherited.BEGUN, inherited.SINGLE):
            given.pop(variable, None)
        given.update(
            {
                "PYTHONPATH": os.pathsep.join(path),
                inherited.RUN: self._run.ref.value,
                inherited.JOURNALS: self._journals,
                inherited.OBJECTS: os.path.abspath(self._objects.root),
                inherited.WRAPPED: "1",
                **({inherited.NAMED: "1"} if self._is_named else {}),
                **({inherited.IN_PROJECT: "1"} if self._is_project_fixed else {}),
            }
        )
        return given

    # ------------------------------------------------------------------------------------------ the command

    def _execute(self, variables: Dict[str, str], watch: Optional[Watch], streams: List[Stream]) -> int:
        """Run the command in our place: our stdin, our terminal, our signals. Its return code.

        Not through ``contexta.core.process``: that door ends, times and caps what we start for ourselves; this is the
        program that the user starts.
        """
        self._streams = streams
        before = self._catch_signals()
        try:
            self._process = subprocess.Popen(
                self._command,
                executable=self._program if os.name == "nt" else None,
                env=variables,
                cwd=self._directory,
                stdout=streams[0].end if streams else None,
                stderr=streams[-1].end if streams else None,
            )
            if watch is not None:
                watch.start(self._process.pid)
            for stream in self._streams:
                stream.start()
            code = self._process.wait()
            for stream in self._streams:
                stream.finish(_LINGER)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return code

    def _catch_signals(self) -> Dict[int, Any]:
        before: Dict[int, Any] = {}
        for name in (*_FORWARDED, "SIGWINCH"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, self._resize if name == "SIGWINCH" else self._on_signal)
        return before

    def _resize(self, *_: object) -> None:
        for stream in self._streams:
            stream.resize()

    def _on_signal(self, number: int, _: object) -> None:
        self._signals.append(number)
        if number in (signal.SIGINT, getattr(signal, "SIGQUIT", None)):
            if _in_foreground():
                return  # Ctrl-C: the terminal has told the program too
            later = threading.Timer(_GRACE, self._forward, (number,))
            later.daemon = True
            later.start()
        else:
            self._forward(number)

    def _forward(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def _end(self, code: int) -> None:
        inherited.withdraw_claim(self._run.ref.value, self._journals)
        ended_by = {signal.SIGINT, signal.SIGTERM} & {*self._signals, -code}
        self._run._journal.write("fact", name="exit_code", value=code if code >= 0 else 128 - code)
        if code == 0:
            self._run.finish(process_journals.program_status(self._journals, self._run.ref.value) or "completed")
        elif ended_by and (code < 0 or self._signals):
            self._run.finish("cancelled")
        else:
            self._run.finish("failed", failure=CommandFailed(code))

    # ------------------------------------------------------------------------------------------ what it said

    def _measure(self, line: str) -> None:
        assert self._pattern is not None  # else nobody calls
        for key, value, step in metrics_in(line, self._pattern):
            try:
                self._run.metric(key, value, step)
            except InvalidInput:
                pass  # a line that happens to match and is no measurement

    def _keep_logs(self) -> None:
        salt = self._run._salt
        for stream in self._streams:
            if not stream.log.size:
                continue
            text, long = cutting.with_short_lines(stream.log.content().decode("utf-8", "backslashreplace"))
            if long:
                told = f"{long} lines of {stream.name} are" if long > 1 else f"a line of {stream.name} is"
                self._run.note("log", f"{told} over {cutting.MAX_LINE} characters: the middle is left out")
            clean = redact.inside(text, salt).encode()
            try:
                digest = self._objects.put(clean)
            except OSError as error:
                self._run.note("log", f"{stream.name} could not be kept: {reason(error)}")
                continue
            self._run._journal.write(
                "artifact",
                name=stream.name,
                kind="log",
                location=f"object:{digest}",
                digest=f"sha256:{digest}",
                size=len(clean),
                attributes={"bytes_written": stream.log.size},
            )

    # ------------------------------------------------------------------------------------------ from outside

    def _tell(self, program: Program, starter: int, obstacle: str) -> None:
        """Read the environment of a process that was not entered from outside, and say so."""
        from contexta.core.process import ProcessError

        command = shlex.join(redact.argv(program.argv, self._run._salt)[0])
        alike = self._unentered.setdefault((command, obstacle), [])
        alike.append(program.pid)
        path = program.variables.get("PYTHONPATH", "")
        key = (program.interpreter(), program.isolation, path, program.directory, program.script)
        what = f"{command[:_SHOWN]} (process {program.pid}) was not entered, as {obstacle}"
        try:
            if key not in self._asked:
                self._asked[key] = outside.ask(
                    program.interpreter(),
                    program.isolation,
                    self._objects,
                    variables=program.variables,
                    directory=program.directory,
                    program=program.script,
                )
            outside.keep(self._journals, self._run.ref.value, program, starter or program.parent, self._asked[key])
            self._kept += 1
            what += f": {_FROM_OUTSIDE}"
        except (ProcessError, OSError, ValueError) as error:  # ValueError: a variable that cannot be passed on
            what += f", and its interpreter did not tell what it runs on: {reason(error)}"
        if len(alike) == 1:
            self._run.note("environment", what)

    def _tell_user(self) -> None:
        """Say on stderr what was not recorded from inside and can be, once for each command."""
        for (command, obstacle), processes in self._unentered.items():
            more = f" and {len(processes) - 1} more like it" if len(processes) > 1 else ""
            if more:
                self._run.note("environment", f"{command[:_SHOWN]} (process {processes[0]}){more}: {obstacle}")
            if not obstacle.startswith("it was started"):
                print(f"contexta: {command[:_SHOWN]}{more} was not recorded from inside: {obstacle}", file=sys.stderr)  # noqa: T201  # where a wrapper speaks
                print(f"hint: {_HINT}", file=sys.stderr)  # noqa: T201  # as above

    def _ask_command(self, seen: List[Program]) -> None:
        """Ask the interpreter that the command names, where no process was entered or told of. seen: Python programs
        that did not join the run although nothing kept them out."""
        from contexta.core.process import ProcessError

        python, switches = self._interpreter()
        if not switches and self._is_any_entered():
            return
        if python is None and seen:
            command = shlex.join(redact.argv(seen[-1].argv, self._run._salt)[0])[:_SHOWN]
            why = "it is older than CPython 3.8, or ended before it was recorded"
            self._run.note("environment", f"{command} (process {seen[-1].pid}) did not report what it runs on: {why}")
            return
        if python is None:
            self._run.note("environment", "no Python process was seen in this command: what it ran on is unknown")
            return
        why = f"python -{switches} cannot be entered" if switches else "its Python could not be entered"
        try:
            digest = outside.ask(python, switches, self._objects)
        except (ProcessError, OSError) as error:
            self._run.note("environment", f"{why}, and asking it from outside failed: {reason(error)}")
            return
        self._run._journal.write("environment", digest=digest)
        self._run.note("environment", f"{why}: {_FROM_OUTSIDE}")

    def _interpreter(self) -> tuple[Optional[str], str]:
        """(path, isolating switches) of the interpreter that the command names itself or in its first line, if it is a
        Python."""
        assert self._program is not None  # __init__ has found it
        if is_python(self._program):
            return self._program, isolation(self._command)
        try:
            with open(self._program, "rb") as file:
                line = file.readline(512)
        except OSError:
            return None, ""
        words = os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
        if words and os.path.basename(words[0]) == "env":
            words = [word for word in words[1:] if not word.startswith("-S")]
        python = shutil.which(words[0]) if words else None
        return (python, isolation(words)) if python and is_python(python) else (None, "")

    def _is_any_entered(self) -> bool:
        """Whether any process took part in the run from inside."""
        return len(process_journals.files_of(self._journals, self._run.ref.value)) > self._kept


class CommandFailed(Exception):
    """The command ended with an exit code other than 0."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}")


def metrics_in(line: str, pattern: Pattern[str]) -> List[tuple[str, float, Optional[int]]]:
    """(key, value, step) of every measurement in a line.

    pattern: groups ``key`` and ``value``, and perhaps ``step``; or groups named like metrics, and perhaps ``step``.
    """
    found = []
    for match in pattern.finditer(line):
        groups = {name: value for name, value in match.groupdict().items() if value is not None}
        step = groups.pop("step", "")
        if "key" in groups and "value" in groups:
            groups = {groups["key"]: groups["value"]}
        for key, value in groups.items():
            try:
                found.append((key, float(value), int(step) if step.isdigit() else None))
            except ValueError:
                continue  # the group caught something that is no number
    return found


def _in_foreground() -> bool:
    """Whether a terminal tells its signals to us and to the command alike."""
    for descriptor in (0, 1, 2):
        try:
            if os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp():
                return True
        except OSError:
            continue  # closed, or the terminal of another session
    return False
