"""Beginning a run, or taking part in one that another process began.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial

from contexta.core import settings
from contexta.core.errors import shown
from contexta.core.references import StableRef, slug
from contexta.core.validation import text
from contexta.recorder.journal.objects import Objects, make_directory
from contexta.recorder.journal.writer import Journal
from contexta.recorder.notes import reason
from contexta.recorder.redaction import redact
from contexta.recorder.session import delivery, environment, inherited
from contexta.recorder.session.reserve import begin, reserve
from contexta.recorder.session.run import Run, join
from contexta.recorder.session.salt import salt_or_another

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, Optional, Tuple

_warned = False


def start(
    journals: str,
    objects: Objects,
    *,
    project: Optional[str] = None,
    name: Optional[str] = None,
    tags: Optional[Mapping[str, str]] = None,
    send: Optional[Callable[[], Optional[str]]] = None,
    elsewhere: bool = False,
) -> Run:
    """Begin a run: reserve its reference by creating its journal, and capture the environment of this interpreter.

    The first run of a process that `contexta run`, or a process of ``multiprocessing``, started below a run joins that
    run; see ``inherited.may_begin``. Every further one is a run of its own, and says what it is a part of.
    journals: the directory. objects: where the environment's body goes. project, name: display names; their references
    are made of the nearest valid components, and a name that is taken gets a number behind it.
    Without a name the run is called after the moment; without a project it is in that of the run around it, else in the
    configured one. elsewhere: the caller insists on this directory, whatever the run around it writes to.
    send: begins to deliver what is recorded; returns why it cannot, or None. Called when the run begins and has ended.
    Raises InvalidInput for names that are no text, OSError when the journal cannot be created.
    """
    from contexta.recorder.session import active_run

    if project is not None:
        text(project, printable=True)
    given = text(name, printable=True) if name is not None else None
    checked = {text(key, printable=True): text(value, blank=True) for key, value in (tags or {}).items()}
    around, number = active_run.handed_down(), active_run.next_number()
    if around is not None and os.environ.get(inherited.SINGLE):
        project, elsewhere = None, False
    if around is not None and elsewhere and not _is_same(around._journal.folder, journals):
        run = _begun(journals, objects, project or settings.project(), given, send, number)
        run.note("run", f"it began below {around.ref} of the workspace {os.path.dirname(around._journal.folder)}")
        if not around._ended:
            around.note("run", f"its program recorded {run.ref} in the workspace {os.path.dirname(journals)}")
    elif around is None:
        run = _begun(journals, objects, project or settings.project(), given, send, number)
    else:
        run = _below(around, project, given, send, number)
    for key, value in checked.items():
        run.tag(key, value)
    return run


def _below(
    around: Run, project: Optional[str], name: Optional[str], send: Optional[Callable[[], Optional[str]]], number: int
) -> Run:
    """The run around this process, or one of its own that is a part of it."""
    from contexta.recorder.session import active_run

    theirs = around.ref.components[0]
    other = project is not None and (slug(project) or "project") != theirs
    fixed = bool(os.environ.get(inherited.IN_PROJECT))
    if (fixed or not other) and active_run.takes_part(around):
        if name is not None and not os.environ.get(inherited.NAMED):
            around.rename(name)
        run = around
    else:
        journal = around._journal
        inside = project if project is not None and other and not fixed else theirs
        run = _begun(journal.folder, around._objects, inside, name, send, number, part_of=around.ref.value)
    if other and fixed:
        run.note("project", f"the program asked for {shown(project)}; `contexta run --project` put the run in {theirs}")
    return run


def record_environment(run: Run) -> None:
    """Record what this process of a run runs on, now and at its end."""
    recording = environment.Recording(run._journal, run._objects)
    run._before_end = recording.complete
    recording.begin()


def _begun(
    journals: str,
    objects: Objects,
    project: str,
    name: Optional[str],
    send: Optional[Callable[[], Optional[str]]],
    number: int,
    part_of: Optional[str] = None,
) -> Run:
    """A run of its own. number: which run of its process it is."""
    from contexta.recorder.session import active_run

    make_directory(journals, objects.root)
    salt = salt_or_another(objects)
    project = redact.name(project, salt)
    display = redact.name(name, salt) if name else time.strftime("run-%Y%m%d-%H%M%S", time.gmtime())
    journal = reserve(journals, project, display)
    begin(journal, project, display, part_of=part_of, number=number)
    recording = environment.Recording(journal, objects)
    run = Run(journal, objects, display, before_end=recording.complete, after_end=partial(_after_end, send))
    recording.begin()
    active_run.watch(run)
    active_run.hand_down(run, named=name is not None)
    problem = send() if send is not None else None
    if problem:
        run.note("delivery", problem)
    return run


def _is_same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _after_end(send: Optional[Callable[[], Optional[str]]], run: Run) -> None:
    from contexta.recorder.session import active_run

    active_run.take_back(run)
    if send is not None:
        send()


def joined() -> Optional[Run]:
    """The run that was handed to this process; None outside of one."""
    handed = inherited.reference()
    if handed is None:
        return None
    ref, journals, objects = handed
    return join(journals, objects, ref, ref.partition(".")[2])


def start_or_warn(
    place: Optional[Callable[[], "Tuple[str, Objects]"]] = None,
    *,
    project: Optional[str] = None,
    name: Optional[str] = None,
    **options: Any,
) -> Run:
    """The same for a program that must go on: where nothing can be recorded, a run that keeps nothing, and one warning
    on stderr for the process.

    place: finds the directory of the journals and the objects; by default those of the configured workspace.
    """
    global _warned  # once for the process, however many runs it begins
    if os.environ.get(inherited.RECORDING) == "off":
        return _unrecorded(project, name)
    journals = ""
    try:
        if place is None:
            options["send"] = delivery.configured()
        journals, objects = place() if place is not None else _configured()
        return start(journals, objects, project=project, name=name, **options)
    except OSError as error:
        if not _warned:
            _warned = True
            warn_unrecorded(os.path.dirname(journals) if journals else "the workspace", error)
        return _unrecorded(project, name)


def _configured() -> "Tuple[str, Objects]":
    root = settings.workspace()
    return os.path.join(root, settings.JOURNALS), Objects(os.path.join(root, settings.OBJECTS))


def _unrecorded(project: Optional[str], name: Optional[str]) -> Run:
    """A run that keeps nothing."""
    ref = StableRef("run", f"{slug(project or '') or 'project'}.{slug(name or '') or 'run'}")
    journal = Journal(os.devnull, ref.value, first=False)
    journal.give_up()
    return Run(journal, Objects(os.devnull), name or ref.name)


def warn_unrecorded(workspace: str, error: OSError) -> None:
    """Say on stderr that the program runs unrecorded, and why."""
    is_file = os.path.exists(workspace) and not os.path.isdir(workspace)
    why = "it is not a directory" if is_file else reason(error)
    print(f"contexta: nothing is recorded in {workspace}: {why}; the program goes on", file=sys.stderr)  # noqa: T201  # inside a training process there is nobody else to tell
