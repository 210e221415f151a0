"""The table of probes: which facts are recorded, under which key, and when.

A probe is a function that returns facts (JSON values) and notes (what could not be read, and why). It reads only: it
imports nothing into the program, draws no random number and starts no device. ``run`` makes a note of what it raises.
"""

from __future__ import annotations

from contexta.recorder.notes import note, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence, Tuple

    from contexta.recorder.notes import Note

    Result = Tuple[Any, List[Note]]


class Context:
    """What a probe may need to know."""

    def __init__(
        self,
        salt: bytes = b"",
        environ: Mapping[str, str] = {},  # only read
        variables: Iterable[str] = (),
        distributions: Sequence[Dict[str, Any]] = (),
    ) -> None:
        self.salt = salt  # of the workspace, for hashes of secrets
        self.environ = environ  # the environment variables of the program
        self.variables = variables  # names of variables that are recorded in any case
        self.distributions = distributions  # at the end: as recorded at the start


class ProbeRow:
    """One row of the table. otherwise: the facts if the probe raises. topic: of the note about that."""

    __slots__ = ("key", "otherwise", "read", "topic")

    def __init__(self, key: str, read: Callable[[Context], Result], otherwise: Any = None, topic: str = "") -> None:
        self.key = key
        self.read = read
        self.otherwise = {} if otherwise is None else otherwise
        self.topic = topic or key


def run(probes: Sequence[ProbeRow], context: Context, notes: List[Note]) -> Dict[str, Any]:
    """The facts of these probes by key; adds their notes to ``notes``. A probe that fails leaves only a note."""
    facts: Dict[str, Any] = {}
    for probe in probes:
        try:
            facts[probe.key], probe_notes = probe.read(context)
        except Exception as error:  # noqa: BLE001  # a fault of a probe must not end a training
            facts[probe.key], probe_notes = (
                probe.otherwise,
                [note(probe.topic, f"could not be captured: {reason(error)}")],
            )
        notes.extend(probe_notes)
    return facts


# Modules are imported when their probe runs: a program that ends early has not paid for the later ones.


def _distributions(_: Context) -> Result:
    from contexta.recorder.packages import distributions

    return distributions.installed()


def _variables(context: Context) -> Result:
    from contexta.recorder.probes import variables

    return variables.recorded(context.environ, salt=context.salt, extra=context.variables)


def _interpreter(_: Context) -> Result:
    from contexta.recorder.probes import interpreter

    return interpreter.interpreter()


def _machine(context: Context) -> Result:
    from contexta.recorder.probes import machine

    return machine.machine(salt=context.salt)


def _invocation(context: Context) -> Result:
    from contexta.recorder.probes import invocation

    return invocation.invocation(salt=context.salt)


def _seeds(_: Context) -> Result:
    from contexta.recorder.probes import seeds

    return seeds.seeds()


def _builds(_: Context) -> Result:
    from contexta.recorder.packages import installed_files

    return installed_files.builds()


def _imports(context: Context) -> Result:
    from contexta.recorder.probes import imports

    return imports.imported(distributions=context.distributions)


def _checkouts(context: Context) -> Result:
    from contexta.recorder.packages import origins

    return origins.moved_checkouts(context.distributions)


def _gpus(_: Context) -> Result:
    from contexta.recorder.probes import gpus

    return gpus.gpus()


def _native(_: Context) -> Result:
    from contexta.recorder.probes import native

    return native.native()


DISTRIBUTIONS = ProbeRow("distributions", _distributions, [])
IMPORTS = ProbeRow("imports", _imports)
BUILDS = ProbeRow("builds", _builds)
CHECKOUTS = ProbeRow("origins", _checkouts, topic="distributions")

AT_START = (
    DISTRIBUTIONS,
    ProbeRow("environment_variables", _variables, topic="variables"),
    ProbeRow("interpreter", _interpreter),
    ProbeRow("machine", _machine),
)
"""Before the program begins. These facts are the same for all runs in one environment, and are stored once."""

OF_RUN = (ProbeRow("invocation", _invocation), ProbeRow("seeds", _seeds))
"""Before the program begins. These facts belong to one run, and become its metadata."""

AT_END = (IMPORTS, CHECKOUTS, ProbeRow("gpus", _gpus), ProbeRow("native_libraries", _native, [], topic="native"))
"""When the program has ended: what only the program causes, or what takes longer. They complete those of the start."""
