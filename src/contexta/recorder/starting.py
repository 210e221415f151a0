"""Beginning a run, or taking part in one that another process began.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial

from contexta.recorder import environment
from contexta.recorder.journal import Journal
from contexta.recorder.live import Run, join
from contexta.recorder.notes import reason
from contexta.recorder.objects import Objects, make_directory
from contexta.recorder.reserving import begin, reserve
from contexta.refs import StableRef, slug
from contexta.scalars import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping, Optional

RUN, JOURNALS, OBJECTS, NAMED = "CONTEXTA_RUN", "CONTEXTA_JOURNALS", "CONTEXTA_OBJECTS", "CONTEXTA_RUN_NAMED"
WRAPPED = "CONTEXTA_WRAPPED"  # set by `contexta run`: every process below belongs to its run


def start(
    journals: str,
    objects: Objects,
    *,
    project: str,
    name: Optional[str] = None,
    tags: Optional[Mapping[str, str]] = None,
    send: Optional[Callable[[], Optional[str]]] = None,
) -> Run:
    """Begin a run: reserve its reference by creating its journal, and capture the environment of this interpreter.

    In a process that `contexta run` or a process of ``multiprocessing`` started below a run, that run is joined.
    journals: the directory. objects: where the environment's body goes. project, name: display names; their references
    are made of the nearest valid components, and a name that is taken gets a number behind it.
    Without a name the run is called after the moment.
    send: begins to deliver what is recorded; returns why it cannot, or None. Called when the run begins and has ended.
    Raises InvalidInput for names that are no text, OSError when the journal cannot be created.
    """
    from contexta.recorder import current

    text(project, printable=True)
    given = text(name, printable=True) if name is not None else None
    checked = {text(key, printable=True): text(value, blank=True) for key, value in (tags or {}).items()}
    run = current.handed_down()
    if run is None:
        make_directory(journals, objects.root)
        display = given or time.strftime("run-%Y%m%d-%H%M%S", time.gmtime())
        journal = reserve(journals, project, display)
        begin(journal, project, display)
        recording = environment.Recording(journal, objects)
        run = Run(journal, objects, display, before_end=recording.complete, after_end=partial(_after_end, send))
        recording.begin()
        current.watch(run)
        current.hand_down(run)
        problem = send() if send is not None else None
        if problem:
            run.note("delivery", problem)
    elif given is not None and not os.environ.get(NAMED):
        run.rename(given)
    for key, value in checked.items():
        run.tag(key, value)
    return run


def _after_end(send: Optional[Callable[[], Optional[str]]], run: Run) -> None:
    from contexta.recorder import current

    current.take_back(run)
    if send is not None:
        send()


def joined() -> Optional[Run]:
    """The run that the variables handed down name; None when there are none, or they are not for this process."""
    ref, journals, objects = (os.environ.get(name) for name in (RUN, JOURNALS, OBJECTS))
    if not (ref and journals and objects):
        return None
    if not os.environ.get(WRAPPED) and not _is_multiprocessing_child():
        return None
    try:
        StableRef("run", ref)
    except ValueError:
        return None
    return join(journals, objects, ref, ref.partition(".")[2])


def unrecorded(project: str, name: Optional[str], journals: str, objects: Objects, error: OSError) -> Run:
    """A run for a program that goes on although nothing can be recorded; said once on stderr."""
    print(f"contexta: no run can be recorded in {journals}: {reason(error)}; the program goes on", file=sys.stderr)  # noqa: T201  # inside a training process there is nobody else to tell
    ref = StableRef("run", f"{slug(project) or 'project'}.{slug(name or '') or 'run'}")
    journal = Journal(journals, ref.value, first=False)
    journal.give_up()
    return Run(journal, objects, name or ref.name)


def _is_multiprocessing_child() -> bool:
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None
