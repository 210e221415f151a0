"""What a study is about: two ends, a command, and how its number is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from contexta.bisect.execution.trial_job import Command
from contexta.bisect.search.search import Settings
from contexta.bisect.space.changes import BOTH, End
from contexta.reproduce.environments.builder import Fixed
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.requirement_options import NO_OPTIONS, InstallOptions


@dataclass(frozen=True)
class Setup:
    """What is studied. folder: the study's own directory. workspace: where its trials are recorded.

    first_seed: seed number 0 stands for this one. jobs: trials at a time. suspicion: what records say of each change,
    see ``Space``. expected: seconds that the command took before; None: the first trial will tell. outputs: files that
    the answer is written to, which are no source. fixed: packages that are no change: they come
    from the source itself. options: how uv installs what each side pins. lost: packages whose build differs and cannot
    be rerun: no trial tells of them.
    """

    old: End
    new: End
    pythons: Mapping[str, Interpreter]
    command: Command
    folder: Path
    workspace: Path
    higher_is_better: bool = True
    first_seed: int = 0
    jobs: int = 1
    settings: Settings = field(default_factory=Settings)
    suspicion: Mapping[str, float] = field(default_factory=dict)
    outputs: tuple[Path, ...] = ()
    expected: float | None = None
    fixed: tuple[Fixed, ...] = ()
    options: Mapping[str, InstallOptions] = field(default_factory=dict)
    lost: tuple[str, ...] = ()

    def options_of(self, end: str) -> InstallOptions:
        """How uv installs the packages of a side."""
        return self.options.get(end, NO_OPTIONS)

    @property
    def content_of_options(self) -> list[list[object]]:
        """What tells the options of both sides from others, without credentials; empty where there are none."""
        found = [self.options_of(end).content for end in BOTH]
        return found if any(found) else []


def identity(setup: Setup) -> str:
    """Whatever makes two studies the same one, as text: ends, interpreters, command and how its number is read."""
    return json.dumps(
        {
            "old": [sorted(setup.old.packages.items()), sorted(setup.old.variables.items())],
            "new": [sorted(setup.new.packages.items()), sorted(setup.new.variables.items())],
            "source": [each.revision and each.revision.state for each in (setup.old, setup.new)],
            "parameters": [
                sorted((name, told.words) for name, told in each.parameters.items()) for each in (setup.old, setup.new)
            ],
            "pythons": {end: python.path for end, python in sorted(setup.pythons.items())},
            "command": asdict(setup.command),
            "fixed": [each.line for each in setup.fixed],
            **({"options": setup.content_of_options} if setup.content_of_options else {}),
            "higher": setup.higher_is_better,
            "seed": setup.first_seed,
        },
        sort_keys=True,
    )
