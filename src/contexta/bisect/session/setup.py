"""The setup of a study, and its identity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from contexta.bisect.execution.trial_job import Command
from contexta.bisect.search.problem import Settings
from contexta.bisect.space.changes import BOTH, End
from contexta.reproduce.environments.builder import Fixed
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.requirement_options import NO_OPTIONS, InstallOptions


@dataclass(frozen=True)
class Setup:
    """The setup of a study: two endpoints and a command."""

    old: End
    new: End
    pythons: Mapping[str, Interpreter]
    command: Command
    folder: Path
    """The directory of the study."""
    workspace: Path
    """The workspace of its trials."""
    higher_is_better: bool = True
    first_seed: int = 0
    """The seed of the trials with seed number 0."""
    jobs: int = 1
    """Trials at a time on this machine."""
    settings: Settings = field(default_factory=Settings)
    suspicion: Mapping[str, float] = field(default_factory=dict)
    """Suspicion of each change by the records, see ``Space``."""
    suspects: frozenset[str] = frozenset()
    """The changes that the user suspects."""
    outputs: tuple[Path, ...] = ()
    """Files that are written meanwhile, and are not part of the source."""
    expected: float | None = None
    """Seconds that the command took before; None: unknown before the first trial."""
    early_after: int | None = None
    """The least number of equal points for an early verdict; None for no early verdicts."""
    fixed: tuple[Fixed, ...] = ()
    """Packages that are the same in every mix."""
    options: Mapping[str, InstallOptions] = field(default_factory=dict)
    """How uv installs the packages of each side."""
    lost: tuple[str, ...] = ()
    """Packages whose build differs and cannot be installed again: no trial can clear them."""

    def options_of(self, end: str) -> InstallOptions:
        """How uv installs the packages of a side."""
        return self.options.get(end, NO_OPTIONS)

    @property
    def content_of_options(self) -> list[list[object]]:
        """The install options of both sides, without credentials; empty where there are none."""
        contents = [self.options_of(end).content for end in BOTH]
        return contents if any(contents) else []


def identity(setup: Setup) -> str:
    """The identity of a study, as text: endpoints, interpreters, command and judgement."""
    return json.dumps(
        {
            "old": [sorted(setup.old.packages.items()), sorted(setup.old.variables.items())],
            "new": [sorted(setup.new.packages.items()), sorted(setup.new.variables.items())],
            "source": [end.revision and end.revision.state for end in (setup.old, setup.new)],
            "parameters": [
                sorted((name, setting.words) for name, setting in end.parameters.items())
                for end in (setup.old, setup.new)
            ],
            "pythons": {end: python.path for end, python in sorted(setup.pythons.items())},
            "command": asdict(setup.command),
            "fixed": [package.line for package in setup.fixed],
            **({"options": setup.content_of_options} if setup.content_of_options else {}),
            "higher": setup.higher_is_better,
            "seed": setup.first_seed,
            **({} if setup.settings.only_seed is None else {"one_seed": True}),
        },
        sort_keys=True,
    )
