"""The active run of this process: ``contexta.init``, ``log`` and ``finish``, and the end of open runs at exit.

At exit a run ends as completed; as failed when an unhandled exception ended the program, as cancelled when Ctrl-C or
SIGTERM did. SIGTERM is watched only where the program does not handle it. An exit handler cannot see the exit code of
``sys.exit``: use ``with``, or ``contexta run``, which sees every exit code.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import _thread
import atexit
import os
from collections.abc import Mapping
from functools import partial

from contexta.core import settings
from contexta.core.errors import shown
from contexta.core.references import slug
from contexta.core.validation import text
from contexta.recorder.journal.processes import is_worker
from contexta.recorder.parts.failure import status_of
from contexta.recorder.session import inherited
from contexta.recorder.session import start as starting
from contexta.recorder.session.process_end import (
    at_end_of_worker,
    keep_interrupt,
    unhandled_exception,
    watch_exec,
    watch_sigterm,
)
from contexta.recorder.session.run import LiveRun
from contexta.recorder.session.start import RecordingPlace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

    from contexta.recorder.mirrors.mirror import Mirror


class Session:
    """The runs of this process, in all of its threads. A forked child starts with a copy."""

    def __init__(self) -> None:
        self.open: List[LiveRun] = []
        self.joined: Optional[LiveRun] = None  # the run that this process inherited
        self.initialised: Optional[LiveRun] = None  # the latest run that ``init`` began in any thread
        self.latest: Optional[LiveRun] = None  # the latest run that this process began or joined, ended or not
        self.thread = _thread._local()  # .run: the run that ``init`` began in this thread
        self.has_begun = False  # whether this process, or the one it was forked from, has begun a run
        self.count = 0  # of runs that this process, or the one it was forked from, has begun or joined
        self.block: Optional[LiveRun] = None  # the run of the block of code that is running: a test, or a cell
        self.is_watched = False  # whether the end of the process ends the open runs
        self.worker = 0  # the process of ``multiprocessing`` whose end ends the open runs
        self.is_exec_watched = False
        self.is_mirrored = False
        self.has_settings = False  # whether effective settings of libraries are recorded
        self.has_warned = False  # whether the process has warned that nothing is recorded
        self._mirror: Optional[Mirror] = None

    # ------------------------------------------------------------------------------------------ start

    def start(
        self,
        place: RecordingPlace,
        *,
        project: Optional[str] = None,
        name: Optional[str] = None,
        tags: Optional[Mapping[str, str]] = None,
        is_place_named: bool = False,
    ) -> LiveRun:
        """Begin a run, or join the run around this process, where its first run is that one (``inherited.may_begin``).

        A further run is a separate run, and its record names the run around it. project, name: display names; a number
        is appended to a taken name. Default project: the project of the run around it, else the configured one.
        is_place_named: whether the caller named the place, which then overrides the place of the run around it. Raises
        InvalidInput for names that are not texts, OSError when the journal cannot be created.
        """
        if project is not None:
            text(project, printable=True)
        if name is not None:
            text(name, printable=True)
        checked = {text(key, printable=True): text(value, blank=True) for key, value in (tags or {}).items()}
        around = self.block or self.handed_down()
        self.count += 1
        if around is not None and os.environ.get(inherited.SINGLE):
            project, is_place_named = None, False
        if around is None:
            run = self._begin(place, project or settings.project(), name, place.send)
        elif is_place_named and os.path.realpath(around._journal.folder) != os.path.realpath(place.journals):
            run = self._begin(place, project or settings.project(), name, place.send)
            run.note("run", f"it began below {around.ref} of the workspace {os.path.dirname(around._journal.folder)}")
            if not around._ended:
                around.note("run", f"its program recorded {run.ref} in the workspace {place.root}")
        else:
            run = self._start_below(around, project, name, place.send)
        for key, value in checked.items():
            run.tag(key, value)
        return run

    def start_or_warn(
        self,
        place: Optional[RecordingPlace] = None,
        *,
        project: Optional[str] = None,
        name: Optional[str] = None,
        **options: Any,
    ) -> LiveRun:
        """``start`` for a program that must continue. If nothing can be recorded, returns a run that stores nothing,
        and warns once per process on stderr. place: by default the configured one."""
        if os.environ.get(inherited.RECORDING) == "off":
            return starting.unrecorded(project, name)
        try:
            place = place or RecordingPlace.configured()
            return self.start(place, project=project, name=name, **options)
        except OSError as error:
            if not self.has_warned:
                self.has_warned = True
                starting.warn_unrecorded(place.root if place is not None else "the workspace", error)
            return starting.unrecorded(project, name)

    def _start_below(
        self, around: LiveRun, project: Optional[str], name: Optional[str], send: Optional[Callable[[], Optional[str]]]
    ) -> LiveRun:
        """The run around this process, or a separate run that is a part of it."""
        project_around = around.ref.components[0]
        is_other = project is not None and (slug(project) or "project") != project_around
        is_fixed = around is self.block or bool(os.environ.get(inherited.IN_PROJECT))
        if (is_fixed or not is_other) and self._joins(around):
            run = around
            if around is self.block:
                run = around.part()
                self.watch(run)
            if name is not None and not os.environ.get(inherited.NAMED):
                run.rename(name)
        else:
            own_project = project if project is not None and is_other and not is_fixed else project_around
            run = self._begin(around, own_project, name, send, part_of=around.ref.value)
        if is_other and is_fixed:
            fixed_by = "its test or cell" if around is self.block else "`contexta run --project`"
            words = f"the program named the project {shown(project)}; {fixed_by} put the run in {project_around}"
            run.note("project", words)
        return run

    def _joins(self, around: LiveRun) -> bool:
        """Whether the run that this process begins now is the one around it. A process joins it once."""
        if os.environ.get(inherited.SINGLE):
            if around._ended:
                around.resume()
            return True
        is_first, self.has_begun = not self.has_begun, True
        return is_first and not around._ended and (around is self.block or _may_begin(around))

    def _begin(
        self,
        place: Union[RecordingPlace, LiveRun],
        project: str,
        name: Optional[str],
        send: Optional[Callable[[], Optional[str]]],
        part_of: Optional[str] = None,
    ) -> LiveRun:
        """A separate run, in a place or in the place of another run."""
        journals, objects = (
            (place._journal.folder, place._objects) if isinstance(place, LiveRun) else (place.journals, place.objects)
        )
        run = starting.begin_run(
            journals,
            objects,
            project,
            name,
            number=self.count,
            part_of=part_of,
            after_end=partial(self._after_end, send),
        )
        self.watch(run)
        self._hand_down(run, is_named=name is not None)
        problem = send() if send is not None else None
        if problem:
            run.note("delivery", problem)
        return run

    def start_block(
        self, place: Optional[RecordingPlace] = None, *, name: Optional[str], project: Optional[str] = None
    ) -> LiveRun:
        """Begin the separate run of a block of code: a test, or a cell. The first run that the block begins joins it.

        name: the display name, which the block cannot change; None for one by the time. ``end_block`` ends it.
        """
        self.has_begun = True
        run = self.start_or_warn(place, project=project, name=name)
        if run in self.open:
            self.thread.run = self.initialised = self.block = run
            self.has_begun = False
        return run

    def end_block(self, run: LiveRun, status: str, failure: Optional[BaseException] = None) -> None:
        """End the run of a block, and its part that the block began."""
        self.has_begun = True
        if run is self.block:
            if self.initialised is not None and self.initialised is not run and self.initialised.ref == run.ref:
                self.initialised.finish()
            self.thread.run = self.initialised = self.block = None
        run.finish(status, failure=failure)

    # ------------------------------------------------------------------------------------------ the active run

    def active(self) -> Optional[LiveRun]:
        """The run that ``init`` began in this thread; else the latest open run of this process."""
        for run in (self.thread_run, self.initialised):
            if run is not None and not run._ended:
                return run
        alive = [run for run in self.open if not run._ended]
        if alive:
            return alive[-1]
        around = self.handed_down()
        return around if around is not None and not around._ended else None

    @property
    def thread_run(self) -> Optional[LiveRun]:
        """The run that ``init`` began in this thread."""
        run: Optional[LiveRun] = getattr(self.thread, "run", None)
        return run

    def handed_down(self) -> Optional[LiveRun]:
        """The run that this process was started in, open or ended; None outside of a run."""
        handed = inherited.reference()
        if handed is None:
            return None
        if self.joined is None or self.joined.ref.value != handed[0]:
            self.joined = starting.joined()
            if self.joined is None:
                return None
            self.watch(self.joined)
            if not is_worker():  # usually called at its start; later in a process whose PYTHONPATH was replaced
                starting.record_environment(self.joined)
        return self.joined

    def begin_around(self, run: LiveRun) -> None:
        """Note that a program that measures without ``init`` has begun the run around it, so its workers begin separate
        runs."""
        self.has_begun = True
        if run is self.joined:
            inherited.may_begin(run.ref.value, run._journal.folder)

    def mirror(self) -> None:
        """Record from now on the values that the program logs to other trackers, unless CONTEXTA_MIRROR is ``off``."""
        if not self.is_mirrored and os.environ.get(inherited.MIRROR) != "off":
            from contexta.recorder.mirrors import trackers

            self.is_mirrored = True
            trackers.watch(self.mirror_of_process)

    def mirror_of_process(self) -> Mirror:
        """The runs of this process that trackers and callbacks of frameworks log to."""
        if self._mirror is None:
            from contexta.recorder.mirrors.mirror import Mirror

            self._mirror = Mirror(self._run_for_tracker)
        return self._mirror

    def record_settings(self) -> None:
        """Record from now on the effective settings of libraries that the program uses."""
        if not self.has_settings:
            from contexta.recorder.settings import libraries

            self.has_settings = True
            libraries.watch(self.active)

    def _run_for_tracker(self, name: Optional[str], is_first: bool) -> Tuple[LiveRun, bool]:
        """(the run for a run of a tracker, whether it was begun for it): for the first one the run of this program."""
        run = self.active()
        is_first = is_first or (run is not None and run is self.block and not self.has_begun)
        if is_first and run is not None and (run is not self.joined or _may_begin(run)):
            if name is not None and not os.environ.get(inherited.NAMED):
                run.rename(name)
            self.has_begun = self.has_begun or run is self.block
            return run, False
        self.has_begun = True
        begun = self.start_or_warn(name=name)
        return begun, begun is not run

    # ------------------------------------------------------------------------------------------ the end

    def watch(self, run: LiveRun) -> None:
        """End the run when this process ends."""
        self.latest = run
        self.open[:] = [earlier for earlier in self.open if not earlier._ended]
        self.open.append(run)
        if run._journal.first and not self.is_exec_watched:
            self.is_exec_watched = True
            watch_exec(self._own_runs)
        if is_worker() and self.worker != os.getpid():
            self.worker = os.getpid()
            at_end_of_worker(self.end_at_exit)
        if not self.is_watched:
            self.is_watched = True
            atexit.register(self.end_at_exit)
            if not os.environ.get(inherited.WRAPPED):  # else the wrapper sees the signal
                watch_sigterm(self._cancel)

    def end_at_exit(self) -> None:
        """End every open run with the status of the program."""
        error = unhandled_exception()
        status = status_of(error)
        for run in [run for run in reversed(self.open) if not run._ended]:
            run._end(status, error if status == "failed" else None, is_explicit=False)
            run.resume(to_exit=True)  # for records of exit handlers of the program, which may run later
        keep_interrupt(error)

    def _cancel(self) -> None:
        for run in reversed(self.open):
            run._end("cancelled", None, is_explicit=False)

    def _own_runs(self) -> List[LiveRun]:
        """The open runs that this process began."""
        return [run for run in self.open if run._journal.first and not run._ended]

    def _after_end(self, send: Optional[Callable[[], Optional[str]]], run: LiveRun) -> None:
        """Processes started from now on are a part of the latest run that is open, if any."""
        if os.environ.get(inherited.RUN) == run.ref.value:
            own_runs = self._own_runs()
            if own_runs:
                self._hand_down(own_runs[-1])
            else:
                inherited.take_back()
        if send is not None:
            send()

    def _hand_down(self, run: LiveRun, *, is_named: bool = True) -> None:
        """Let processes that are started from now on take part in the run, until it ends."""
        inherited.hand_down(run.ref.value, run._journal.folder, run._objects.root, is_named=is_named)


def _may_begin(run: LiveRun) -> bool:
    return inherited.may_begin(run.ref.value, run._journal.folder)


session = Session()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: setattr(session, "block", None))


def init(
    *,
    project: Optional[str] = None,
    name: Optional[str] = None,
    config: Optional[Mapping[str, Any]] = None,
    tags: Union[Mapping[str, str], Sequence[str], None] = None,
    group: Optional[str] = None,
    mirror: bool = False,
) -> LiveRun:
    """Begin a run of this program; ``contexta.log`` and ``contexta.finish`` refer to it from now on.

    A run that was begun this way in the same thread and is still open is completed first, unless a with block is to end
    it. The first run of a program
    below `contexta run` is the run of that command. Every further run is a separate run that is a part of it.
    config: parameters. tags: names with values, or names alone. group: kept as the tag ``group``.
    mirror: whether to record the values that the program logs to other trackers (W&B, MLflow, TensorBoard ...) from
    their import on. Below `contexta run` they are recorded anyway. If nothing can be recorded, Contexta warns on stderr
    and the program continues.
    """
    earlier = session.thread_run
    if earlier is not None and earlier is not session.block and not earlier.is_in_block:
        earlier.finish()
    marks = dict(tags) if isinstance(tags, Mapping) else dict.fromkeys(tags or (), "")
    if group is not None:
        marks["group"] = group
    run = session.start_or_warn(project=project, name=name, tags=marks)
    run.params(config or {})
    session.thread.run = session.initialised = run
    if mirror:
        session.mirror()
    return run


def log(values: Mapping[str, Any], step: Optional[int] = None) -> None:
    """Record measurements of the active run; without one, ``contexta.init()`` begins it."""
    run_to_log_to().log(values, step)


def run_to_log_to() -> LiveRun:
    """The active run; without one, the latest, which counts lost records, or a new one."""
    run = session.active()
    if run is None:
        return session.latest if session.latest is not None else init()
    if not session.has_begun and not is_worker():
        session.begin_around(run)
    return run


def finish(status: str = "completed") -> None:
    """End the run that ``init`` began, if it is still open."""
    run = session.thread_run or session.initialised
    if run is not None:
        run.finish(status)
