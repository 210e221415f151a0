"""Read the metric of a command: recorded, printed, or in a file. Thresholds for it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from contexta.analysis.metrics.metric_names import like
from contexta.bisect.option_names import option
from contexta.core.errors import InvalidInput, shown
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
    metric: str, source: str | None, output: str, folder: Path, recorded: Mapping[str, float] | None = None
) -> tuple[float | None, str]:
    """(value, "") or (None, the reason).

    source: see ``check_source``. recorded: metrics that the command recorded; they count before printed ones.
    """
    where = ""
    if source is None and recorded and metric in recorded:
        text: str | None = str(recorded[metric])
    elif source is not None and source.startswith("json:"):
        text, where = _in_file(folder, source)
    elif source is not None:
        matches = list(re.finditer(source.partition(":")[2], output, re.MULTILINE))
        text, where = matches[-1].group(1) if matches else None, f": nothing matches {source.partition(':')[2]}"
    else:
        text = _in_lines(metric, output)
    if text is None:
        in_file = source is not None and source.startswith("json:")
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
    if kind == "json" and ":" in rest:
        return
    if kind == "stdout" and rest:
        try:
            if re.compile(rest).groups >= 1:
                return
        except re.error as error:
            raise InvalidInput(f"{option('metric_from')}: {shown(rest)} is no regular expression: {error}") from error
    raise InvalidInput(
        f"{option('metric_from')} cannot be {shown(source)}",
        hint="write stdout:REGEX with one group, or json:FILE:PATH",
    )


def _in_lines(metric: str, output: str) -> str | None:
    pattern = re.compile(rf"(?<![\w./-])[\"']?{re.escape(metric)}[\"']?\s*[=:]\s*{CALL}({NUMBER}){NOT_MORE}")
    value, prefixes = None, RankPrefixes()
    for line in output.splitlines():
        if prefixes.split(line)[0]:
            continue  # of a distributed job the first rank counts
        stripped = line.strip()
        if stripped.startswith("{"):
            try:
                value = _at_path(json.loads(stripped), metric) or value
                continue
            except (ValueError, RecursionError):
                pass  # a line of text that happens to start with a brace
        for match in pattern.finditer(without_colours(line)):
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


def _in_file(folder: Path, source: str) -> tuple[str | None, str]:
    """(the value in a JSON file, or None; the reason)"""
    _, name, path = source.split(":", 2)
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8-sig"))
        value = _at_path(content, path)
    except OSError as error:
        return None, f": {name}: {error.strerror}"
    except (ValueError, RecursionError):
        return None, f": {name} is no JSON"
    paths = ", ".join(islice(_paths(content), _MOST_NAMES))
    return value, f": {name} has no number at {path}{f'; it has {paths}' if paths else ''}"


def _paths(content: object, above: str = "") -> Iterator[str]:
    """The paths of numbers in parsed JSON, for ``_at_path``."""
    if isinstance(content, bool) or not isinstance(content, int | float | dict | list):
        return
    if isinstance(content, int | float):
        yield above
        return
    items = content.items() if isinstance(content, dict) else enumerate(content[:_MOST_NAMES])
    for key, value in items:
        yield from _paths(value, f"{above}.{key}" if above else str(key))


def _at_path(value: object, path: str) -> str | None:
    """A number in parsed JSON, by its key or by keys joined with dots; in a list by its index, -1 for the last."""
    if isinstance(value, dict) and path in value:
        value = value[path]
    else:
        for key in path.split("."):
            if isinstance(value, list) and re.fullmatch(r"-?[0-9]{1,9}", key):
                value = value[int(key)] if -len(value) <= int(key) < len(value) else None
            else:
                value = value.get(key) if isinstance(value, dict) else None
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
