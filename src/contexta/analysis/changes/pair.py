"""Compare the parameters, commands, seeds, inputs and code of two runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contexta.analysis.changes.unknown_aspects import reasons_of_run
from contexta.analysis.commands.named_arguments import arguments_by_name
from contexta.analysis.metrics.repeats import command_of
from contexta.findings import Change, ChangedFile, CodeComparison, CommitSummary, ValueComparison
from contexta.findings.past_runs import CommitRange, PastRun, RunRecord


def compare_parameters(left: RunRecord, right: RunRecord) -> ValueComparison:
    """Compare parameters; those of a nested mapping have names like ``optimizer.lr``."""
    return compare_values(
        parameters_of(left.run), parameters_of(right.run), unknown=_unknown("parameters", left, right)
    )


def compare_commands(left: RunRecord, right: RunRecord) -> ValueComparison:
    """Compare command lines argument by argument, without the directory of the interpreter."""
    return compare_values(
        arguments_by_name(command_of(left.run) or ()),
        arguments_by_name(command_of(right.run) or ()),
        unknown=_unknown("command", left, right),
    )


def compare_values(
    left: Mapping[str, str | None], right: Mapping[str, str | None], *, unknown: str | None = None
) -> ValueComparison:
    """Compare two tables of texts. unknown: why they cannot be compared."""
    if unknown is not None:
        return ValueComparison(unknown=unknown)
    names = sorted({*left, *right})
    changes = tuple(
        Change(key=name, left_value=left.get(name), right_value=right.get(name))
        for name in names
        if left.get(name) != right.get(name)
    )
    return ValueComparison(changes=changes, unchanged_count=len(names) - len(changes))


def compare_code(left: RunRecord, right: RunRecord, commits: CommitRange) -> CodeComparison:
    """Compare the commits and the uncommitted changes of two runs. commits: what lies between their commits."""
    unknown = _unknown("source", left, right)
    left_code, right_code = left.run.code, right.run.code
    if left_code is None or right_code is None:
        return CodeComparison(
            unknown=unknown, left_commit=left_code and left_code[0], right_commit=right_code and right_code[0]
        )
    paths = sorted({*commits.files, *left.patched, *right.patched})
    files = tuple(
        ChangedFile(
            path=path,
            committed=path in commits.files,
            added=commits.files.get(path, (None, None))[0],
            deleted=commits.files.get(path, (None, None))[1],
            uncommitted_left=path in left.patched,
            uncommitted_right=path in right.patched,
        )
        for path in paths
        if path in commits.files or left.patched.get(path) != right.patched.get(path)
    )
    return CodeComparison(
        left_commit=left_code[0],
        right_commit=right_code[0],
        left_uncommitted=bool(left_code[1]),
        right_uncommitted=bool(right_code[1]),
        differs=left_code != right_code if unknown is None else (True if left_code[0] != right_code[0] else None),
        unknown=unknown,
        commits=tuple(
            CommitSummary(commit=commit, committed_at=time, subject=subject)
            for commit, time, subject in commits.commits
        ),
        commits_ahead=None if commits.reason else commits.ahead,
        commits_behind=None if commits.reason else commits.behind,
        files=files,
        unknown_commits=commits.reason,
    )


def parameters_of(run: PastRun) -> dict[str, str]:
    """Name -> value, dotted for values of nested mappings. Values that are not texts are JSON."""
    return {name: _text(value) for name, value in _leaves(run.params, "")}


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _unknown(subject: str, left: RunRecord, right: RunRecord) -> str | None:
    """Why an aspect cannot be compared: the reason, with the run that lacks it."""
    reasons = [(record.run.ref, reasons_of_run(record)[subject]) for record in (left, right)]
    texts = [f"{ref.value}: {reason}" for ref, reason in reasons if reason is not None]
    return "; ".join(dict.fromkeys(texts)) or None
