"""Write the notebook of the tutorial, docs/tutorial.ipynb.

    uv run examples/tutorial_notebook.py

Its cells are the sections of docs/tutorial.md whose titles end with "from Python", and docs/how-to/notebooks.md.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"
NOTEBOOK = DOCS / "tutorial.ipynb"
_PYTHON = re.compile(r"^```python\n(.*?)^```\n", re.M | re.S)
_SECTION = re.compile(r"^## (?:\d+\. )?([^\n]*from Python)\n(.*?)(?=^## |\Z)", re.M | re.S)


def notebook() -> dict[str, Any]:
    """The notebook as the JSON of nbformat 4.5, without outputs."""
    tutorial = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    sections = [f"# {title}\n{text}" for title, text in _SECTION.findall(tutorial)]
    guide = (DOCS / "how-to" / "notebooks.md").read_text(encoding="utf-8")
    texts = [*sections, guide.replace("](../", "](")]  # the notebook is one directory higher
    cells = [cell for text in texts for cell in _cells(text)]
    return {
        "cells": [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def code_cells(content: dict[str, Any]) -> list[str]:
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def _cells(text: str) -> list[dict[str, Any]]:
    """The cells of a page: its Python blocks, split at ``# %%``, and the Markdown before the last of them."""
    cells = []
    for number, part in enumerate(_PYTHON.split(text)[:-1]):
        if number % 2 == 0:
            cells.append(_cell("markdown", part))
        else:
            cells += [_cell("code", code) for code in part.split("# %%\n")]
    return cells


def _cell(kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text.strip().splitlines(keepends=True)}
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell


if __name__ == "__main__":
    NOTEBOOK.write_text(json.dumps(notebook(), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {NOTEBOOK}")
