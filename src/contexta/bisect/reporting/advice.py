"""The next steps as lines for a shell: commands, and comments. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from contexta.analysis.commands.install_commands import install_commands
from contexta.bisect.execution.isolation.sandbox import Revision
from contexta.bisect.execution.metric import GIVES_NO
from contexta.bisect.execution.parameter_changes import with_settings
from contexta.bisect.reporting.verdict_limits import UNSEEN
from contexta.bisect.search.problem import Verdict
from contexta.bisect.space.changes import PARAMETER, PYTHON, SOURCE, VARIABLE, Space
from contexta.findings.bisect import Releases
from contexta.findings.past_runs import Installation

_DIVERGED = re.compile(r" is (?:nan|-?inf)\Z")


@dataclass(frozen=True)
class Here:
    """The facts that the commands of a report depend on."""

    resume: str = "contexta bisect --resume"
    """The command that resumes the study."""
    records: str = ".contexta/bisect"
    """The workspace of the trials."""
    runs: tuple[str, str] | None = None
    """OLD and NEW, where both are recorded runs."""
    command: tuple[str, ...] = ()
    """The rerun command."""
    held: tuple[str, ...] = ("code", "data", "parameters", "machine")
    """Facts that are the same in all mixes."""
    include: str = ""
    """The value of --include that covers all differences between the runs; "" if it already does."""
    old_python: str | None = None
    """Path of OLD's interpreter; None: its version is named instead."""
    by_metric: bool = True
    """Whether a metric without a threshold judges."""
    swapped: str | None = None
    """The command with OLD and NEW swapped."""
    lost: tuple[str, ...] = ()
    """Packages whose build differs and cannot be installed again."""
    installation: Installation = field(default_factory=Installation)
    """The environment of NEW."""
    workspace: tuple[str, ...] = ()
    """The options that name the workspace of the runs."""


@dataclass(frozen=True)
class Failed:
    """A trial of OLD or NEW without a value. run: its recorded run."""

    end: str
    run: str | None
    why: str


def advice(
    space: Space,
    verdict: Verdict,
    releases: Releases | None,
    here: Here,
    runs: int,
    failed: Failed | None,
    interaction: str | None,
) -> Iterator[str]:
    """Commands that restore the metric, or that continue the search.

    runs: their number so far. failed: the last run of an endpoint that gives no value; None if both endpoints give one.
    interaction: how several culprits act, as in the report.
    """
    if verdict.kind == "proved":
        if interaction == "only together":
            yield "# they act only together: one of them may be enough"
        yield from _restored(space, verdict, here)
        if releases is not None and (newer := _good_in_new(releases)) is not None:
            (line,) = install_commands(here.installation, {releases.package: newer})
            yield f"{line}  # nearer to NEW, and also good"
    elif verdict.kind == "no_regression" and verdict.endpoints is not None and verdict.endpoints.is_certain:
        turned = "; or say --lower-is-better or --higher-is-better" if here.by_metric else ""
        yield f"# if NEW is actually worse: give OLD first{turned}"
        if here.swapped is not None:
            yield here.swapped
    elif verdict.kind == "no_regression":
        *first, last = ["environment", *(name for name in ("code", "parameters") if name not in here.held)]
        subject = f"{', '.join(first)} and {last} are" if first else f"the {last} is"
        noisy = bool(verdict.endpoints is not None and verdict.endpoints.drop)
        yield f"# {subject} {'hardly' if noisy else 'not'} the cause: look at {', '.join(here.held)}"
        if noisy:
            yield f"{here.resume} --repeats {runs} --max-runs {2 * runs + 30}  # looks for a smaller difference"
        if here.include:
            yield f"{here.resume} --include {here.include}  # that differs between the runs, too"
        if here.runs is not None:
            yield shlex.join(["contexta", "diff", *here.runs, *here.workspace])
    elif failed is not None:
        yield from _of_failed(failed, here)
    elif verdict.kind == "undecided" and verdict.why.startswith(UNSEEN):
        yield "# give a command that starts the Python of each environment, as in: -- python train.py"
        yield "# it is not seen without its variables (env -i, env={}) or without site (python -S)"
    elif (
        verdict.kind == "undecided"
        and verdict.endpoints is not None
        and verdict.endpoints.state == "same"
        and not here.lost
    ):
        yield "# give a good OLD, or another judgement: --metric, --good-if or --judge"
    elif verdict.kind == "undecided" and here.lost and (verdict.endpoints is None or verdict.endpoints.state == "same"):
        lines = " and ".join(f"{name} @ file:///PATH/TO/WHEEL" for name in here.lost)
        yield f"# to try it, give both sides as requirements files with the line {lines}"
    elif verdict.kind == "undecided":
        yield f"{here.resume} --max-runs {_more_runs(verdict, runs)}"
    else:
        yield ("# suspected, not proved; worth a try:" if verdict.culprits else "# reruns cannot decide more")
        yield from (command for key in space.keys(verdict.culprits) for command in _back(space, [key], here))


def _of_failed(failed: Failed, here: Here) -> Iterator[str]:
    if failed.run is not None:
        yield f"{shlex.join(['contexta', 'log', failed.run, '--workspace', here.records])}  # its output"
    if failed.why.startswith(GIVES_NO):
        yield "# print it as NAME=0.87, name another with --metric, or locate it with --metric-from"
    elif failed.end == "NEW" and failed.why.startswith("did not end within"):
        yield f"{here.resume} --timeout-is-bad  # finds the change that makes NEW hang"
        yield "# if it only takes longer: --timeout SECONDS"
    elif failed.why.startswith("did not end within"):
        yield "# if it takes that long: --timeout SECONDS"
    elif failed.end == "NEW" and here.by_metric and failed.why.startswith(("exit code", "was ended by signal")):
        yield "# to find the change that makes NEW end so: instead of --metric, let the exit code decide: --exit-code"
    elif failed.end == "NEW" and here.by_metric and _DIVERGED.search(failed.why):
        yield "# to find the change that does it: instead of --metric, let --judge COMMAND tell good runs from bad ones"


def _restored(space: Space, verdict: Verdict, here: Here) -> Iterator[str]:
    """NEW without the culprits, exactly as it was shown to be good."""
    most = space.mixes.without(space.mixes.full, verdict.culprits)
    back = space.keys(space.mixes.full & ~(verdict.proof.without_mix if verdict.proof is not None else most))
    yield from _back(space, back, here)


def _back(space: Space, keys: Sequence[str], here: Here) -> Iterator[str]:
    """The commands that bring these changes back to OLD."""
    changes = [change for group in space.groups for change in group.changes if change.key in keys]
    changes.sort(key=lambda change: change.key)
    pins = {change.key: space.old.packages.get(change.key) for change in changes if space.is_package(change.key)}
    for change in changes:
        if change.key == PYTHON:
            python = shlex.quote(here.old_python or str(change.left_value))
            uv, version = shlex.quote(here.installation.uv_program), _one_line(str(change.left_value))
            yield f"{uv} venv --python {python} .venv-old  # Python {version}; and install NEW's packages there"
        elif change.key.startswith(VARIABLE):
            name = change.key[len(VARIABLE) :]
            yield _variable_back(name, change.left_value)
    if SOURCE in keys and space.old.revision is not None and space.new.revision is not None:
        yield from _source_back(space.old.revision, space.new.revision, here)
    if any(key.startswith(PARAMETER) for key in keys):
        yield _with_old_parameters(space, keys, here)
    yield from install_commands(here.installation, pins)


def _variable_back(name: str, value: str | None) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name):  # a shell cannot name it
        return f"# set the variable {_one_line(name)} as it was in OLD"
    return f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"


def _one_line(text: str) -> str:
    """Recorded text for a comment; a line break in it would start a command."""
    return "".join(character if character.isprintable() else " " for character in text)


def _source_back(old: Revision, new: Revision, here: Here) -> Iterator[str]:
    if old.commit != new.commit:
        first, last = (shlex.quote(revision.commit[:12]) for revision in (old, new))
        yield f"git diff {first}..{last}"
        yield f"git bisect start {last} {first}  # where several commits lie between"
    if (old.patch or new.patch) and here.runs is not None:
        why = shlex.join(["contexta", "why", *here.runs, *here.workspace])
        yield f"{why}  # names the files that had uncommitted changes"


def _with_old_parameters(space: Space, keys: Sequence[str], here: Here) -> str:
    """The command with these parameters at OLD, the others at NEW."""
    settings = {
        name: (space.old if PARAMETER + name in keys else space.new).parameters[name] for name in space.old.parameters
    }
    back = [
        f"{name}={setting.shown}" if setting.shown is not None else f"without {name}"
        for name, setting in space.old.parameters.items()
        if PARAMETER + name in keys
    ]
    return f"{shlex.join(with_settings(here.command, settings))}  # {_one_line(', '.join(back))}"


def _good_in_new(releases: Releases) -> str | None:
    """The release nearest to NEW's that was good in NEW; None if only OLD's was.

    It is an exact pin, because a resolver may pick any other release that a range allows.
    """
    good = [release.version for release in releases.tried if release.state == "good" and release.beside == "new"]
    return releases.last_good if releases.last_good in good else None


def _more_runs(verdict: Verdict, runs: int) -> int:
    """Enough for the endpoints and a search after them, or twice the number so far."""
    ends = 2 * (verdict.endpoints.repeats or 0) if verdict.endpoints is not None else 0
    return max(2 * runs, ends + 30)
