"""Read the metrics of printed tables: fastai, ultralytics, scikit-learn, Lightning, Stable-Baselines3.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

# isort: split
from contexta.recorder.printed import metric_words, number_forms
from contexta.recorder.printed.printed_lines import PrintedLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple

_STEPS = frozenset({"epoch", "iter", "iteration", "step", "round", "e", "#", "it"})
_GAP = re.compile(r"\s{2,}|\t")
_BORDER = re.compile(r"[\s|+=│┃┼├┤┌┐└┘╞╡╪━─╇╈┏┓┡┩╰╯╭╮-]+\Z")
_EDGES = "|│┃"
_BEFORE_BAR = re.compile(r"(?P<row>.*?):\s*[0-9]{1,3}%")
_STEP_CELL = re.compile(r"(?P<step>[0-9]{1,12})(?:/[0-9]+)?\Z")
_NUMBER = re.compile(rf"(?:{number_forms.NUMBER})%?\Z")
_NAME_CELL = re.compile(r"[A-Za-z#][^=|]*\Z")
_OTHER_CELL = re.compile(r"[0-9.:/-]+[A-Za-z%]*\Z|[A-Za-z]\w*\Z|\Z")
_TEST_HEADER = re.compile(r"\s*[┃|│]?\s*(?:\w+ )?metric\s+[┃|│]?\s*DataLoader \d+", re.IGNORECASE)
_REPORT = ("precision", "recall", "f1-score", "support")
_AVERAGES = ("accuracy", "macro avg", "weighted avg", "micro avg", "samples avg")
_MOST_ROWS = 200


class Tables:
    """The table that the lines are in, if they are in one."""

    def __init__(self) -> None:
        self._columns: "List[str]" = []
        self._pairs: "Dict[str, str]" = {}  # values of a table with two columns
        self._section = ""
        self._is_of_pairs = False

    def read(self, line: str) -> "Tuple[bool, Optional[PrintedLine]]":
        """(whether the line belongs to a table, the metrics that it completes)."""
        if not line.strip():
            return self._columns != [], None
        if _BORDER.match(line):
            return True, self._end_pairs()
        if line.lstrip()[:1] in _EDGES:
            cells = [cell.strip() for cell in re.split("[|│┃]", line.strip().strip(_EDGES))]
            return self._read_cells(cells)
        if _TEST_HEADER.match(line):
            self._is_of_pairs = True
            return True, None
        bar = _BEFORE_BAR.match(line)
        row = (bar["row"] if bar else line).strip()
        cells = _GAP.split(row)
        if self._is_of_pairs and len(cells) == 2 and _NUMBER.match(cells[1]):
            self._pairs[cells[0]] = cells[1]
            return True, None
        if self._set_header(row.split() if cells[0] in ("Class", "classes") else cells):
            return True, None
        line_of_row = self._row(cells) or self._row(row.split())
        if line_of_row is not None:
            line_of_row.is_bar = bar is not None
            return True, line_of_row
        return False, None

    def finish(self) -> "Optional[PrintedLine]":
        """The metrics of a table that has no border at its end."""
        return self._end_pairs()

    def _read_cells(self, cells: "List[str]") -> "Tuple[bool, Optional[PrintedLine]]":
        if len(cells) == 2 and (cells[1] == "" or _NUMBER.match(cells[1])):
            if not cells[1]:
                self._section = cells[0].rstrip("/") + "/" if cells[0].endswith("/") else ""
            elif len(self._pairs) < _MOST_ROWS:
                self._pairs[self._section + cells[0]] = cells[1]
            return True, None
        if self._set_header(cells):
            return True, None
        row = self._row(cells)
        return row is not None or len(cells) == len(self._columns), row

    def _set_header(self, cells: "List[str]") -> bool:
        """Begin a table if the cells are names of its columns."""
        cleaned = _columns(cells)
        lowered = [cell.lower() for cell in cleaned]
        is_header = len(cells) > 1 and all(map(_NAME_CELL.match, cells))
        is_of_steps = is_header and not _STEPS.isdisjoint(lowered[:2])
        is_report = tuple(lowered) == _REPORT
        is_of_classes = is_header and not {"map50", "map@.5", "top1_acc"}.isdisjoint(lowered)
        is_of_classes = is_of_classes and lowered[0] in ("class", "classes")
        if is_of_steps or is_report or is_of_classes:
            self._columns = cleaned
            return True
        return False

    def _row(self, cells: "List[str]") -> "Optional[PrintedLine]":
        columns = self._columns
        if tuple(name.lower() for name in columns) == _REPORT:
            return _report_row(cells)
        if columns and len(cells) == len(columns) + 1 and cells[0].isdigit():
            cells = cells[1:]  # the index of pandas
        if not columns or len(cells) != len(columns):
            return None
        lowered = [name.lower() for name in columns]
        if lowered[0] in ("class", "classes"):
            return PrintedLine(_metrics(columns[1:], cells[1:])) if cells[0] == "all" else None
        at = 1 if lowered[1] == "#" or lowered[0] not in _STEPS else 0
        step = _STEP_CELL.match(cells[at])
        if step is None or not all(_NUMBER.match(cell) or _OTHER_CELL.match(cell) for cell in cells):
            return None
        values = _metrics(columns[at + 1 :], cells[at + 1 :])
        return PrintedLine(values, int(step["step"])) if values else None

    def _end_pairs(self) -> "Optional[PrintedLine]":
        """The metrics values of a table with two columns, at a border."""
        pairs, self._pairs, is_of_tool = self._pairs, {}, bool(self._section)
        if not pairs:
            return None
        self._is_of_pairs, self._section = False, ""
        step: "Optional[int]" = None
        values: "Dict[str, float]" = {}
        is_of_tool |= any(name.lower() in _STEPS for name in pairs)
        for name, text in pairs.items():
            leaf = name.rpartition("/")[2]
            if leaf.lower() in ("total_timesteps", "step", "epoch", "global_step"):
                step = int(float(text))
            elif metric_words.is_metric(leaf) or (is_of_tool and "." in text and metric_words.is_possible(leaf)):
                values[name] = float(text.rstrip("%"))
        return PrintedLine(values, step) if values else None


def _columns(cells: "List[str]") -> "List[str]":
    """The names of columns. In ultralytics ``Box(P R mAP50)`` are P, R, mAP50 and ``Mask(P R)`` are Mask P, Mask R."""
    names, group = [], ""
    for cell in cells:
        match = re.match(r"(Box|Mask|Pose|OBB)\(", cell)
        if match is not None:
            group = "" if match[1] == "Box" else f"{match[1]} "
            cell = cell[match.end() :]
        names.append(group + cell.rstrip(")") if group or match is not None or cell.startswith("mAP") else cell)
        if cell.endswith(")"):
            group = ""
    return names


def _metrics(columns: "List[str]", cells: "List[str]") -> "Dict[str, float]":
    return {
        name: float(cell.rstrip("%"))
        for name, cell in zip(columns, cells)
        if _NUMBER.match(cell) and (metric_words.is_metric(name) or ("." in cell and metric_words.is_possible(name)))
    }


def _report_row(cells: "List[str]") -> "Optional[PrintedLine]":
    """A row of scikit-learn's classification report for all classes together."""
    if cells[0] not in _AVERAGES or not all(map(_NUMBER.match, cells[1:])):
        return None
    if cells[0] == "accuracy":
        return PrintedLine({"accuracy": float(cells[1])})
    return PrintedLine({f"{cells[0]} {name}": float(cell) for name, cell in zip(_REPORT[:3], cells[1:])})
