"""Read the metric of a command: recorded, printed, or in a file. Thresholds for it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from contexta.analysis.metrics.metric_names import like
from contexta.bisect.execution.metric_files import FORMS, State, at_path, value_in_file
from contexta.bisect.option_names import option
from contexta.core.errors import InvalidInput, shown
from contexta.recorder.printed import splits
from contexta.recorder.printed.number_forms import CALL, NOT_MORE, NUMBER
from contexta.recorder.printed.parser import measurements_of
from contexta.recorder.printed.printed_lines import without_colours
from contexta.recorder.printed.rank_prefixes import RankPrefixes

_NAMED = re.compile(rf"(?<![\w./@-])[\"']?([A-Za-z_][\w/@.-]*)[\"']?\s*[=:]\s*{CALL}(?:{NUMBER}){NOT_MORE}")
GIVES_NO = "gives no "
"""The beginning of the reason of a run that completed without the metric."""
_MOST_NAMES = 5  # names of other metrics
_LONGEST = 1000  # characters of a line for people
_THRESHOLD = re.compile(rf"\s*(?P<metric>.*?[^\s=<>!])\s*(?P<sign>>=|<=|>|<)\s*(?P<bound>{NUMBER})\s*\Z")
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": lambda value, bound: value >= bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    "<": lambda value, bound: value < bound,
}


@dataclass(frozen=True)
class Threshold:
    """The condition for a good run, as in ``accuracy >= 0.9``."""

    metric: str
    sign: str
    bound: float

    def holds(self, value: float) -> bool:
        return _SIGNS[self.sign](value, self.bound)


def threshold(text: str) -> Threshold:
    """Raises InvalidInput unless the text compares a metric with a finite number."""
    match = _THRESHOLD.match(text)
    if match is None or not math.isfinite(float(match["bound"])):
        raise InvalidInput(f"{option('good_if')} cannot be {shown(text)}", hint='write it as "accuracy >= 0.9"')
    return Threshold(match["metric"], match["sign"], float(match["bound"]))


def read_metric(
    metric: str,
    source: str | None,
    output: str,
    folder: Path,
    recorded: Mapping[str, float] | None = None,
    before: Mapping[Path, State] | None = None,
) -> tuple[float | None, str]:
    """(value, "") or (None, the reason).

    source: see ``check_source``. recorded: metrics that the command recorded; they count before printed ones.
    before: the files of the source when the command began, see ``metric_files.states``.
    """
    where = ""
    in_file = source is not None and source.partition(":")[0] in FORMS
    if source is None and recorded and metric in recorded:
        text: str | None = str(recorded[metric])
    elif source is not None and in_file:
        text, where = value_in_file(folder, source, before or {})
    elif source is not None:
        matches = list(re.finditer(source.partition(":")[2], output, re.MULTILINE))
        text, where = matches[-1].group(1) if matches else None, f": nothing matches {source.partition(':')[2]}"
    else:
        text = _in_lines(metric, output)
    if text is None:
        others = "" if in_file else _names(output, metric, recorded or {})
        return None, f"{GIVES_NO}{metric}{where}{others}"
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        return None, f"{metric} is {shown(text)}, no number"
    return (value, "") if math.isfinite(value) else (None, f"{metric} is {value}")


def check_source(source: str | None) -> None:
    """Raise InvalidInput for a --metric-from that can never work."""
    if source is None:
        return
    kind, _, rest = source.partition(":")
    if kind in FORMS and ":" in rest:
        return
    if kind == "stdout" and rest:
        try:
            if re.compile(rest).groups >= 1:
                return
        except re.error as error:
            raise InvalidInput(f"{option('metric_from')}: {shown(rest)} is no regular expression: {error}") from error
    raise InvalidInput(
        f"{option('metric_from')} cannot be {shown(source)}",
        hint=f"write stdout:REGEX with one group, {', '.join(FORMS.values())}",
    )


def _in_lines(metric: str, output: str) -> str | None:
    pattern = re.compile(rf"(?<![\w./-])[\"']?{re.escape(metric)}[\"']?\s*[=:]\s*{CALL}({NUMBER}){NOT_MORE}")
    value, prefixes, data = None, RankPrefixes(), splits.Splits()
    for line in output.splitlines():
        if prefixes.split(line)[0]:
            continue  # of a distributed job the first rank counts
        stripped = line.strip()
        if stripped.startswith("{"):
            try:
                value = at_path(json.loads(stripped), metric) or value
                continue
            except (ValueError, RecursionError):
                pass  # a line of text that happens to start with a brace
        for split, part in splits.parts(without_colours(line)):
            for match in pattern.finditer(part):
                if metric in data.renamed({metric: 0.0}, {metric: split}):  # as the recorder names it
                    value = match.group(1)
    if value is None:  # a format in which no = or : follows the name, such as a table
        printed = [
            measurement.value
            for measurement in measurements_of(output)
            if measurement.key == metric and not measurement.rank
        ]
        value = str(printed[-1]) if printed else None
    return value


def _names(output: str, metric: str, recorded: Mapping[str, float]) -> str:
    """Metrics in the output; names similar to the misspelled name come first."""
    lines = (without_colours(line) for line in output.splitlines() if len(line) <= _LONGEST)
    available = dict.fromkeys([*recorded, *(name for line in lines for name in _NAMED.findall(line))])
    names = list(dict.fromkeys([*like(metric, available, least=0.4, most=_MOST_NAMES), *available]))
    more = ", ..." if len(names) > _MOST_NAMES else ""
    return f"; it gives {', '.join(names[:_MOST_NAMES])}{more}" if names else ""
