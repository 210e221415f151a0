"""`contexta run -- CMD`: record a command that does not import contexta.

Standard library only.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from typing import Any, Dict, List, Mapping, Optional, Pattern, Sequence

from contexta.core import settings
from contexta.core.errors import shown
from contexta.core.processes.process import CommandNotFound
from contexta.core.references import StableRef, slug
from contexta.recorder.inputs import opened_files
from contexta.recorder.inputs.read_inputs import OpenedFiles
from contexta.recorder.journal import process_journals
from contexta.recorder.journal.objects import Objects
from contexta.recorder.notes import note, reason
from contexta.recorder.parameters import command_options, config_files
from contexta.recorder.redaction import redact
from contexta.recorder.session import active_run, inherited
from contexta.recorder.session.environment import read_source
from contexta.recorder.session.run import LiveRun
from contexta.recorder.session.start import new_journal
from contexta.recorder.wrapping import outside
from contexta.recorder.wrapping.output import Stream, open_streams
from contexta.recorder.wrapping.printed_metrics import OutputSearch, PrintedMetrics
from contexta.recorder.wrapping.process_watch import Program, Watch
from contexta.recorder.wrapping.recent_output import RecentOutput
from contexta.recorder.wrapping.signals import ForwardedSignals
from contexta.recorder.wrapping.stored_output import note_search, store_output
from contexta.recorder.wrapping.summary import RecordedCounts

_GIT_WAIT = 10.0  # seconds for the source after the command has ended
_LINGER = 2.0  # seconds for the output after the command has ended
_SHOWN = 300  # characters of a command in a note
_OF_ANOTHER_RUN = (inherited.NAMED, inherited.IN_PROJECT, inherited.BEGUN, inherited.SINGLE, opened_files.VARIABLE)
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
        has_metrics_in_output: bool = True,
        environ: Optional[Mapping[str, str]] = None,
        directory: Optional[str] = None,
        is_project_fixed: bool = True,
        has_mirrors: bool = True,
        has_detected_inputs: bool = True,
    ) -> None:
        """pattern: of metrics in the lines of stdout, instead of the formats that are known (``PatternParser``).
        has_metrics_in_output: whether the output is searched for metrics. environ, directory: of the command, by
        default those of this process. is_project_fixed: whether the run stays in its project when the program names
        another one. has_mirrors: whether to record what the program logs to other trackers.
        has_detected_inputs: whether the files that it reads become inputs. Raises CommandNotFound."""
        self._has_mirrors = has_mirrors
        self._has_detected_inputs = has_detected_inputs
        self._is_project_fixed = is_project_fixed
        self._command = list(command)
        self._journals = os.path.abspath(journals)
        self._objects = objects
        self._pattern = pattern
        self._has_metrics_in_output = has_metrics_in_output
        self._searches: Dict[str, OutputSearch] = {}
        self._streams: List[Stream] = []
        self._signals = ForwardedSignals()
        self._unentered: Dict[tuple[str, str], List[int]] = {}  # (command, why) -> processes
        self._environments: Dict[tuple[str, ...], str] = {}  # digests of environments read from outside
        self._written = 0  # journals of processes that do not record themselves
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
        """Begin the run around the command. Raises OSError if nothing can be recorded; then there is no run."""
        journal, display = new_journal(self._journals, self._objects, project, name, part_of=self._around())
        self._run = run = LiveRun(journal, self._objects, display)
        self._printed = PrintedMetrics(run)
        self._is_named = name is not None
        self._unnumbered = slug(redact.name(name, run._salt)) if name is not None else None
        command, hidden = redact.argv(self._command, run._salt)
        facts: Dict[str, Any] = {"command": command}
        if self._pattern is not None:
            facts["metrics_from_stdout"] = redact.inside(self._pattern.pattern, run._salt)
        self._reading = read_source(journal, run._salt, self._objects, self._directory)
        source, source_notes = self._reading.early() or ({}, [])
        if source:
            facts["source"] = source
        journal.write("fact", facts=facts)
        problems = [note(settings.TOPIC, problem) for problem in settings.problems()]
        for entry in [*hidden, *source_notes, *problems]:
            journal.write("note", **entry)
        for key, value in tags.items():
            run.tag(key, value)
        try:
            self._read_parameters()
        except Exception as error:  # noqa: BLE001  # a fault of the recorder may not stop the program
            run.note("parameters", f"they could not be read: {reason(error)}")
        directory, root = self._directory or os.getcwd(), os.path.dirname(self._journals)
        self._opened = OpenedFiles(run, self._command, directory, root)
        run.flush()
        active_run.session.watch(run)

    def _read_parameters(self) -> None:
        """Record the parameters on the command line and in the configuration files that it names."""
        directory = self._directory or os.getcwd()
        contents, notes = config_files.read_named(self._command, directory)
        for name, content in contents:
            cleaned, hidden = redact.parameters(content, self._run._salt)
            self._run.read_params(dict(config_files.flat(cleaned)), redact.inside(name, self._run._salt))
            notes += hidden
        for entry in notes:
            self._run.note(entry["topic"], entry["text"])
        self._run.read_params(command_options.options_of(self._command), "command line")

    def run(self) -> int:
        """Run the command and record it. Returns its exit code, 128 + n when signal n ended it; 126 when it cannot be
        started."""
        ref = self._run.ref.value
        self._opened.start()
        watch = Watch(
            ref, self._report, lambda pid: process_journals.has_recorded_environment(self._journals, ref, pid)
        )
        recent = RecentOutput(self._run)
        try:
            streams = open_streams(self._search)
            recent.start(streams)
            code = self._execute(self._variables(), watch, streams)
        except OSError as error:
            self._run.note("command", f"could not be started: {reason(error)}")
            recent.finish()
            self._opened.finish()
            self._reading.finish(_LINGER)
            self._run.finish("failed", failure=error)
            return self._not_started(error)
        if not watch.finish(self._is_any_recorded()):
            self._read_command(watch.pythons())
        self._warn_user()
        self._finish_searches()
        self._opened.finish()
        self._store_logs()
        recent.finish()
        self._reading.finish(_GIT_WAIT if not self._signals.received else _LINGER)
        self._end(code)
        return code if code >= 0 else 128 - code

    def summary(self) -> List[str]:
        """Two lines about the run that has ended: its name and content, and the next useful command."""
        ref, project = self._run.ref.value, self._run.ref.components[0]
        recorded = RecordedCounts(self._journals, self._objects, ref)
        is_taken = self._unnumbered not in (None, self._run.ref.name)
        exists = f" ({project}.{self._unnumbered} exists)" if is_taken else ""
        earlier = recorded.earlier_run()
        command = f"contexta diff {earlier} {ref}" if earlier else f"contexta show {ref}"
        return [f"recorded as {ref}{exists} ({recorded.counts()})", f"next: {command}"]

    def run_unrecorded(self) -> int:
        """Run the command without a run. Returns the exit code as ``run``."""
        variables = {name: value for name, value in self._environ.items() if name not in inherited.HANDED}
        try:
            code = self._execute({**variables, inherited.RECORDING: "off"}, None, [])
        except OSError as error:
            return self._not_started(error)
        return code if code >= 0 else 128 - code

    def _not_started(self, error: OSError) -> int:
        print(f"contexta: {self._command[0]} cannot be started: {reason(error)}", file=sys.stderr)  # noqa: T201  # as a shell does
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
        """The variables of the command: it, and every Python below it, belongs to the run."""
        variables = dict(self._environ)
        path = [inherited.INJECTED, *filter(None, [variables.get("PYTHONPATH")])]
        for variable in _OF_ANOTHER_RUN:
            variables.pop(variable, None)
        variables.update(
            {
                "PYTHONPATH": os.pathsep.join(path),
                inherited.RUN: self._run.ref.value,
                inherited.JOURNALS: self._journals,
                inherited.OBJECTS: os.path.abspath(self._objects.root),
                inherited.WRAPPED: "1",
                **({opened_files.VARIABLE: self._opened.variable()} if self._has_detected_inputs else {}),
                **({} if self._has_mirrors else {inherited.MIRROR: "off"}),
                **({inherited.NAMED: "1"} if self._is_named else {}),
                **({inherited.IN_PROJECT: "1"} if self._is_project_fixed else {}),
            }
        )
        return variables

    # ------------------------------------------------------------------------------------------ the command

    def _execute(self, variables: Dict[str, str], watch: Optional[Watch], streams: List[Stream]) -> int:
        """Run the command in the place of this process: its stdin, its terminal, its signals. Returns its return code.

        ``contexta.core.processes`` is for programs of Contexta: it limits their time and output. This is the user's.
        """
        self._streams = streams
        self._signals.catch(self._resize)
        try:
            process = self._signals.process = subprocess.Popen(
                self._command,
                executable=self._program if os.name == "nt" else None,
                env=variables,
                cwd=self._directory,
                stdout=streams[0].end if streams else None,
                stderr=streams[-1].end if streams else None,
            )
            if watch is not None:
                watch.start(process.pid)
            for stream in self._streams:
                stream.start()
            code = process.wait()
            for stream in self._streams:
                stream.finish(_LINGER)
        finally:
            self._signals.release()
        return code

    def _resize(self) -> None:
        for stream in self._streams:
            stream.resize()

    def _end(self, code: int) -> None:
        inherited.withdraw_claim(self._run.ref.value, self._journals)
        ended_by = {signal.SIGINT, signal.SIGTERM} & {*self._signals.received, -code}
        self._run._journal.write("fact", name="exit_code", value=code if code >= 0 else 128 - code)
        if code == 0:
            self._run.finish(process_journals.program_status(self._journals, self._run.ref.value) or "completed")
        elif ended_by and (code < 0 or self._signals.received):
            self._run.finish("cancelled")
        else:
            self._run.finish("failed", failure=CommandFailed(code))

    # ------------------------------------------------------------------------------------------ its output

    def _search(self, stream: str) -> Optional[OutputSearch]:
        """The search for metrics in a stream. A pattern is for stdout."""
        if not self._has_metrics_in_output or (self._pattern is not None and stream == "stderr"):
            return None
        search = self._searches[stream] = OutputSearch(self._printed, self._pattern)
        return search

    def _finish_searches(self) -> None:
        self._printed.finish()
        differing = {name: place for search in self._searches.values() for name, place in search.disagreements.items()}
        if differing and process_journals.have_common_output(self._journals, self._run.ref.value):
            self._printed.doubt(differing)
        for stream, search in self._searches.items():
            if search.fault and self._pattern is not None:
                pattern = redact.inside(shown(self._pattern.pattern), self._run._salt)
                self._run.note("metrics", f"no metric was read with {pattern} from {stream}: {search.fault}")
                print(f"contexta: no metric was read with {pattern} from {stream}: {search.fault}", file=sys.stderr)  # noqa: T201  # stdout belongs to the program
            note_search(self._run, stream, search)

    def _store_logs(self) -> None:
        for stream in self._streams:
            store_output(self._run, stream.name, stream.log)

    # ------------------------------------------------------------------------------------------ from outside

    def _report(self, program: Program, starter: int, obstacle: str) -> None:
        """Read the environment of a process from outside, and add a note to the run."""
        from contexta.core.processes.process import ProcessError

        command = shlex.join(redact.argv(program.argv, self._run._salt)[0])
        processes = self._unentered.setdefault((command, obstacle), [])
        processes.append(program.pid)
        path = program.variables.get("PYTHONPATH", "")
        key = (program.interpreter(), program.isolation, path, program.directory, program.script)
        message = f"{command[:_SHOWN]} (process {program.pid}) did not load the recorder, as {obstacle}"
        try:
            if key not in self._environments:
                self._environments[key] = outside.read_environment(
                    program.interpreter(),
                    program.isolation,
                    self._objects,
                    variables=program.variables,
                    directory=program.directory,
                    program=program.script,
                )
            outside.write_journal(
                self._journals, self._run.ref.value, program, starter or program.parent, self._environments[key]
            )
            self._written += 1
            message += f": {_FROM_OUTSIDE}"
        except (ProcessError, OSError, ValueError) as error:  # ValueError: a variable that cannot be passed on
            message += f", and its environment could not be read: {reason(error)}"
        if len(processes) == 1:
            self._run.note("environment", message)

    def _warn_user(self) -> None:
        """Warn on stderr of commands that could be recorded from inside and were not, once for each."""
        for (command, obstacle), processes in self._unentered.items():
            more = f" and {len(processes) - 1} more like it" if len(processes) > 1 else ""
            if more:
                self._run.note("environment", f"{command[:_SHOWN]} (process {processes[0]}){more}: {obstacle}")
            if not obstacle.startswith("it was started"):
                print(f"contexta: {command[:_SHOWN]}{more} was not recorded from inside: {obstacle}", file=sys.stderr)  # noqa: T201  # stdout belongs to the program
                print(f"hint: {_HINT}", file=sys.stderr)  # noqa: T201  # as above

    def _read_command(self, programs: List[Program]) -> None:
        """Read the environment of the interpreter that the command names, where no process recorded one.

        programs: Python programs that did not join the run although nothing kept them out.
        """
        from contexta.core.processes.process import ProcessError

        assert self._program is not None  # checked in __init__
        python, switches = outside.interpreter_of(self._program, self._command)
        if not switches and self._is_any_recorded():
            return
        if python is None and programs:
            command = shlex.join(redact.argv(programs[-1].argv, self._run._salt)[0])[:_SHOWN]
            why = "it is older than CPython 3.8, or ended before it was recorded"
            self._run.note(
                "environment", f"{command} (process {programs[-1].pid}) did not report its environment: {why}"
            )
            return
        if python is None:
            self._run.note("environment", "no Python process was observed in this command: its environment is unknown")
            return
        why = f"python -{switches} cannot load the recorder" if switches else "its Python did not load the recorder"
        try:
            digest = outside.read_environment(python, switches, self._objects)
        except (ProcessError, OSError) as error:
            self._run.note("environment", f"{why}, and reading it from outside failed: {reason(error)}")
            return
        self._run._journal.write("environment", digest=digest)
        self._run.note("environment", f"{why}: {_FROM_OUTSIDE}")

    def _is_any_recorded(self) -> bool:
        """Whether any process recorded itself."""
        return len(process_journals.files_of(self._journals, self._run.ref.value)) > self._written


class CommandFailed(Exception):
    """The command ended with an exit code other than 0."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}")
