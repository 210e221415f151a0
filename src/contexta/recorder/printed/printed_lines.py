"""Read the metrics of one printed line.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import ast
import json
import re

# isort: split
from contexta.recorder.printed import metric_words, number_forms, splits, steps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Tuple

LONGEST = 3000  # characters of a line that is searched
_WITH_NUMBER = re.compile(r"[A-Za-z²'\")@\]][^0-9]{0,60}[0-9]|nan|inf|NaN|[0-9]\s+= ")
_MOST_VALUES = 200  # of one line
_LONG_GAP = re.compile(r"\s{41,}")
_LONG_NUMBER = re.compile(r"[0-9]{41}")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]{0,200}\x07|[@-Z\\-_])")
_TQDM = re.compile(
    r"(?P<before>.*?)(?P<percent>[0-9]{1,3})%\s*\|[^|]*\|\s*(?P<n>[0-9]+)/[0-9]+\s*\[(?P<postfix>[^\]]*)"
)
_TQDM_ENDLESS = re.compile(r"(?P<before>.*?)(?<![\w.])(?P<n>[0-9]+)it \[(?P<postfix>[^\]]*)")
_BAR = re.compile(r"\s*(?:step\s+)?(?P<n>[0-9]+)/(?P<total>[0-9]+|Unknown)\s+(?:\[[=>.\s-]*\]|[━─╸╺]{2,}|-\s)")
_RICH = re.compile(r"Epoch (?P<step>[0-9]+)/[0-9]+[━╸╺ ]+[0-9]+/[0-9]+ [0-9:-]+ • [0-9:-]+ [0-9.]*it/s(?P<rest>.*)")
_FLAG = re.compile(r"\w=(?:True|False|None)(?![\w.])")
_MOST_FLAGS = 2  # of a line with metrics: one with more shows the arguments of a program
_POSTFIX = re.compile(
    rf"(?:^|,\s*)(?P<key>[^=,\[\]]{{1,60}}?)=\s*{number_forms.CALL}(?P<value>{number_forms.NUMBER})\)?(?=\s*%?\s*(?:,|$))"
)
_WRAPPED = re.compile(rf"[A-Za-z_][\w.]{{0,40}}\((?P<value>{number_forms.NUMBER})[^()]{{0,80}}\)")
_NOT_FINITE = re.compile(r"(?<=[:\s,\[])([-+]?(?:nan|inf))(?=\s*[,}\]])")
_PARAMETERS = re.compile(r"\s(?:and|with) (?:parameters|params): \{.*")
_LIGHTGBM = re.compile(rf"(?P<key>[\w-]+'s [\w@.-]+): (?P<value>{number_forms.NUMBER})(?![\w.])")
_AVERAGE_PRECISION = re.compile(
    rf"\s*(?P<key>Average (?:Precision|Recall)\s+\((?:AP|AR)\) @\[ .{{10,80}} \]) = "
    rf"(?P<value>{number_forms.NUMBER})\s*$"
)
_VALUE_FIRST = re.compile(
    rf"\s*(?P<value>{number_forms.NUMBER})\s+= (?P<key>(?:Validation|Test|Training) score\s+\(\w+\))\s*$"
)
_OF_OTHERS = re.compile(r"\b(?:time|memory|packet|packets|disk|cache|file|from)\s*\Z", re.IGNORECASE)
"""Words before a name that is then not a metric: time cost, packet loss."""
_VERB = re.compile(r" (?:is|of)\Z")
_SCORERS = re.compile(rf"(\w+): \((?:train=[^,()]*, )?test=({number_forms.NUMBER})\)")
_SEARCH = re.compile(rf"\[CV\b.*?\bscore=(?:\((?P<scores>[^()]*)\)|(?P<value>{number_forms.NUMBER}))")
_WEAK = frozenset(
    "error err hits quality score scores cost objective returns precision residual rewards regret".split()
)


class PrintedLine:
    """The metrics of a line."""

    __slots__ = ("count", "has_metric", "is_bar", "is_complete", "splits", "step", "values")

    def __init__(self, values: "Dict[str, float]", step: "Optional[int]" = None, *, has_metric: bool = True) -> None:
        """has_metric: whether a name is certainly that of a metric."""
        self.values = values
        self.step = step
        self.has_metric = has_metric
        self.splits: "Dict[str, str]" = {}  # name -> split of the data that the line names before it
        self.is_bar = False  # whether the line shows progress and is redrawn
        self.count: "Optional[int]" = None  # position of a bar of tqdm
        self.is_complete = False  # whether a bar of Keras is full


def without_colours(text: str) -> str:
    """The text without colours and movements of the cursor."""
    return _ANSI.sub("", text) if "\x1b" in text else text


def plain(text: str) -> str:
    """The text without colours and movements of the cursor, and with short gaps; empty if the line cannot contain a
    metric."""
    if len(text) > LONGEST or _LONG_NUMBER.search(text):
        return ""
    text = without_colours(text)
    return _LONG_GAP.sub(" " * 40, text).rstrip() if "      " in text else text.rstrip()


def read(line: str) -> "Optional[PrintedLine]":
    """The metrics of a line; None, or a line without values, if it has none. An epoch alone is not a metric."""
    if not _WITH_NUMBER.search(line) or len(_FLAG.findall(line)) > _MOST_FLAGS:
        return None
    bar = _bar(line)
    if bar is not None and bar.values:
        return bar
    return _mapping(line) or _special(line) or _text(line) or bar


def _bar(line: str) -> "Optional[PrintedLine]":
    """A progress bar of tqdm or Keras, with its numbers."""
    match = _TQDM.match(line) or _TQDM_ENDLESS.match(line)
    if match is not None:
        values = dict(_postfix(match["postfix"]))
        before = match["before"]
        step = steps.step_of(before)
        if any(mark in before for mark in "=:"):
            values = {**dict(_pairs(before, in_step=True)), **values}
        bar = PrintedLine(values, step)
        bar.count = int(match["n"])
        bar.has_metric = any(map(metric_words.is_metric, values))
        bar.is_bar = True
        return bar
    match = _BAR.match(line)
    if match is None:
        return None
    bar = PrintedLine(dict(_pairs(line[match.end() :], in_step=True)))
    bar.is_bar, bar.is_complete = True, match["n"] == match["total"]
    return bar


def is_rich_progress(line: str) -> bool:
    """Whether a line begins the progress of an epoch of Lightning, as rich draws it."""
    return "•" in line and _RICH.match(line) is not None


def rich_progress(row: str) -> "Optional[PrintedLine]":
    """The metrics of an epoch of Lightning, as rich draws them. row: its lines, joined."""
    match = _RICH.match(row)
    if match is None:
        return None
    line = PrintedLine(dict(_pairs(match["rest"], in_step=True)), int(match["step"]))
    line.is_bar = True
    return line


def _postfix(text: str) -> "Iterator[Tuple[str, float]]":
    """The postfix of a bar of tqdm."""
    for match in _POSTFIX.finditer(text):
        key = match["key"].strip()
        if metric_words.is_metric(key) or (
            metric_words.is_possible(key) and not number_forms.is_integer(match["value"])
        ):
            yield key, float(match["value"])


def _mapping(line: str) -> "Optional[PrintedLine]":
    """A line that is, or ends with, a JSON object or a printed dict."""
    start, stop = line.find("{"), line.rfind("}")
    if start < 0 or stop < start or line[stop + 1 :].strip(" \t.;,)'\""):
        return None
    content = _parsed(line[start : stop + 1])
    if content is None:
        return None
    step = steps.step_in(content)
    if step is None and start:
        step = steps.step_of(line[:start])
    flat = dict(_flat(content))
    metrics = {key: value for key, value in flat.items() if metric_words.is_metric(key)}
    if not metrics:
        message = content.get("message") or content.get("msg")
        line_of_message = _text(message) if isinstance(message, str) else None
        return line_of_message or PrintedLine({})  # it is not text either
    if step is not None:
        metrics = {
            key: value
            for key, value in flat.items()
            if key in metrics or (isinstance(value, float) and metric_words.is_possible(key.rpartition(".")[2]))
        }
    return PrintedLine({key: float(value) for key, value in metrics.items()}, step)


def _parsed(text: str) -> "Optional[Dict[str, Any]]":
    for read_text in (json.loads, ast.literal_eval):
        try:
            content = read_text(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            text = _NOT_FINITE.sub(r"'\1'", _WRAPPED.sub(r"\g<value>", text))
            continue
        if isinstance(content, dict):
            return {key: value for key, value in content.items() if isinstance(key, str)}
        return None
    return None


def _flat(values: "Dict[str, Any]", above: str = "", depth: int = 0) -> "Iterator[Tuple[str, Any]]":
    """The numbers of a mapping, with the names of nested ones joined by dots."""
    for key, value in list(values.items())[:_MOST_VALUES]:
        name = f"{above}.{key}" if above else str(key)
        if isinstance(value, dict) and depth < 3:
            yield from _flat(value, name, depth + 1)
        elif isinstance(value, str) and re.fullmatch(number_forms.NUMBER, value):
            yield name, float(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                float(value)
            except OverflowError:
                continue
            yield name, value


def _special(line: str) -> "Optional[PrintedLine]":
    """Lines that the general form misreads."""
    match = number_forms.AFTER_STEP.search(line) or number_forms.AFTER_STEPS.search(line)
    if match is not None:
        key = _named(match["key"])
        return PrintedLine({key: float(match["value"])}, int(match["step"])) if metric_words.is_metric(key) else None
    match = number_forms.REACHED.search(line)
    if match is not None:
        return PrintedLine({match["key"]: float(match["value"])}, steps.epoch_of(line))
    match = _AVERAGE_PRECISION.match(line)
    if match is not None:
        return PrintedLine({re.sub(r"\s+", " ", match["key"]): float(match["value"])})
    match = _VALUE_FIRST.match(line)
    if match is not None:
        return PrintedLine({re.sub(r"\s+", " ", match["key"]): float(match["value"])})
    scores = _SCORERS.findall(line) if "[CV" in line else []
    if scores:
        return PrintedLine({f"test_{name}": float(value) for name, value in scores}, steps.step_of(line))
    match = _SEARCH.search(line) if "[CV" in line else None
    if match is not None:
        pairs = dict(_pairs(match["scores"], in_step=True)) if match["scores"] else {"score": float(match["value"])}
        return PrintedLine(pairs, steps.step_of(line.replace("[CV", "fold", 1)))
    return None


def _text(line: str) -> "Optional[PrintedLine]":
    """Names and numbers in a line of text."""
    text = _PARAMETERS.sub("", line)
    step = steps.step_of(text)
    values: "Dict[str, float]" = {}
    owners: "Dict[str, str]" = {}
    for split, part in splits.parts(text):
        for key, value in _pairs(part, in_step=step is not None):
            name = key if owners.get(key, split) == split or not split else f"{split} {key}"
            if len(values) < _MOST_VALUES:
                values.setdefault(name, value)
                owners.setdefault(name, split if name == key else "")
    if not values:
        return None
    is_of_catboost = "learn" in values and "remaining:" in text
    result = PrintedLine(values, step, has_metric=is_of_catboost or any(map(metric_words.is_metric, values)))
    result.splits = {key: split for key, split in owners.items() if split}
    return result


def _pairs(text: str, *, in_step: bool) -> "Iterator[Tuple[str, float]]":
    """in_step: whether the line belongs to a step; then unknown names count, too."""
    if "'s " in text:
        of_sets = list(_LIGHTGBM.finditer(text))
        if of_sets:
            yield from ((match["key"], float(match["value"])) for match in of_sets)
            return
    taken: "List[Tuple[int, int]]" = []
    is_any_accepted = False
    for match in number_forms.PAIR.finditer(text):
        taken.append(match.span())
        key = _named(match["key"], match["group"] or "")
        if _OF_OTHERS.search(match["key"][: -len(key)]):
            continue
        value = match["percent"] or match["value"]
        is_percent = match["percent"] is not None or text[match.end() : match.end() + 2].strip().startswith("%")
        if _is_accepted(key, value, in_step, is_percent):
            is_any_accepted = True
            yield key, float(value)
    for match in number_forms.SPACED.finditer(text):
        if any(start < match.end() and match.start() < stop for start, stop in taken):
            continue
        key = _named(_VERB.sub("", match["key"]), match["group"] or "")
        if len(key) == 1 or _OF_OTHERS.search(match["key"][: -len(key)]):
            continue
        if metric_words.is_metric(key.rpartition(" ")[2] if not match["group"] else key):
            taken.append(match.span())
            yield key, float(match["value"])
    if in_step:
        for match in number_forms.CELL.finditer(text):
            if not any(start < match.end("value") and match.start("key") < stop for start, stop in taken):
                key = match["key"].rstrip("'.-/")
                if metric_words.is_possible(key) and not metric_words.is_word(key):
                    yield key, float(match["value"])
    elif not is_any_accepted:
        of_set = number_forms.OF_SET.search(text)
        if of_set is not None and metric_words.is_metric(of_set["key"]):
            yield of_set["key"], float(of_set["value"])


def _is_accepted(key: str, value: str, in_step: bool, is_percent: bool) -> bool:
    if metric_words.is_word(key.rpartition(" ")[2]):
        return False
    is_integer = number_forms.is_integer(value) and not is_percent
    if metric_words.is_metric(key):
        parts = metric_words.parts_of(key)
        return not (is_integer and not _WEAK.isdisjoint(parts) and not in_step)
    return in_step and not is_integer and metric_words.is_possible(key)


def _named(phrase: str, group: str = "") -> str:
    """The name at the end of a phrase: "training ended with test accuracy" ends with test accuracy."""
    words = phrase.split(" ")
    start = len(words) - 1
    while start > 0 and _belongs(words[start - 1]):
        start -= 1
    while start < len(words) - 1 and words[start].lower() in ("final", "new", "the", "model"):
        start += 1
    return " ".join(words[start:]).rstrip("'.-/") + (f" {group.strip()}" if group else "")


def _belongs(word: str) -> bool:
    """Whether a word before a name is a part of the name."""
    lowered = word.lower().rstrip(".")
    return lowered in metric_words.QUALIFIERS or (metric_words.is_metric(word) and "=" not in word)
