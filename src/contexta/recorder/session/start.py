"""Begin a run, or join the one that another process began.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import sys
import time

from contexta.core import settings
from contexta.core.files.atomic_files import make_workspace
from contexta.core.references import StableRef, slug
from contexta.recorder.journal.objects import Objects
from contexta.recorder.journal.writer import Journal
from contexta.recorder.notes import reason
from contexta.recorder.redaction import redact
from contexta.recorder.session import delivery, environment, inherited
from contexta.recorder.session.reserve import begin, reserve
from contexta.recorder.session.run import LiveRun, join
from contexta.recorder.session.salt import salt_or_another

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Tuple


class RecordingPlace:
    """Where runs are recorded on this machine."""

    def __init__(self, root: str, send: Optional[Callable[[], Optional[str]]] = None) -> None:
        """root: the directory of the workspace. send: begins to deliver records to the server of the workspace, and
        returns why it cannot, or None. It is called when a run begins and when it has ended."""
        self.root = root
        self.journals = os.path.join(root, settings.JOURNALS)
        self.objects = Objects(os.path.join(root, settings.OBJECTS))
        self.send = send

    @classmethod
    def configured(cls) -> RecordingPlace:
        """The one that the environment variables or pyproject.toml name. Raises OSError."""
        return cls(settings.workspace(), delivery.configured())


def begin_run(
    journals: str,
    objects: Objects,
    project: str,
    name: Optional[str],
    *,
    number: int,
    part_of: Optional[str] = None,
    after_end: Callable[[LiveRun], None],
) -> LiveRun:
    """A new run with the environment of this interpreter. Raises OSError when no journal can be created.

    number: which run of its process it is, from 1 on. part_of: ``project.run`` of the run around it.
    """
    journal, display = new_journal(journals, objects, project, name, part_of=part_of, number=number)
    run = LiveRun(journal, objects, display, after_end=after_end)
    record_environment(run)
    return run


def new_journal(
    journals: str, objects: Objects, project: str, name: Optional[str], *, part_of: Optional[str], number: int = 1
) -> Tuple[Journal, str]:
    """(the first journal of a new run, its display name); without a name the run is named by the time."""
    make_workspace(os.path.dirname(os.path.abspath(journals)), journals, objects.root)
    salt = salt_or_another(objects)
    redact.know(os.environ)
    project = redact.name(project, salt)
    display = redact.name(name, salt) if name else time.strftime("run-%Y%m%d-%H%M%S", time.gmtime())
    journal = reserve(journals, project, display)
    begin(journal, project, display, part_of=part_of, number=number)
    return journal, display


def record_environment(run: LiveRun) -> None:
    """Record the environment of this process of a run, now and at its end."""
    recording = environment.Recording(run._journal, run._objects)
    run._before_end = recording.complete
    recording.begin()


def joined() -> Optional[LiveRun]:
    """The run that this process inherited; None outside of a run."""
    handed = inherited.reference()
    if handed is None:
        return None
    ref, journals, objects = handed
    return join(journals, objects, ref, ref.partition(".")[2])


def unrecorded(project: Optional[str], name: Optional[str]) -> LiveRun:
    """A run that stores nothing."""
    ref = StableRef("run", f"{slug(project or '') or 'project'}.{slug(name or '') or 'run'}")
    journal = Journal(os.devnull, ref.value, first=False)
    journal.give_up()
    return LiveRun(journal, Objects(os.devnull), name or ref.name)


def warn_unrecorded(workspace: str, error: OSError) -> None:
    """Warn on stderr that the program runs unrecorded, with the reason."""
    is_file = os.path.exists(workspace) and not os.path.isdir(workspace)
    why = "it is not a directory" if is_file else reason(error)
    print(f"contexta: nothing is recorded in {workspace}: {why}; the program continues", file=sys.stderr)  # noqa: T201  # a training process has no other way to say so
