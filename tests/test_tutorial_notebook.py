"""The notebook agrees with the tutorial, runs, and shows results as tables."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from support.paths import ROOT

from contexta import Contexta

SCRIPT = runpy.run_path(str(ROOT / "examples" / "tutorial_notebook.py"))


def test_the_notebook_has_the_python_of_the_tutorial() -> None:
    stored = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))
    cells = SCRIPT["code_cells"](stored)
    assert cells == SCRIPT["code_cells"](SCRIPT["notebook"]()), "run `uv run examples/tutorial_notebook.py`"
    assert len(cells) >= 5


def test_runs_and_one_run_are_tables_in_a_notebook(ctx: Contexta) -> None:
    with ctx.run("one", project="p") as run:
        run.metric("accuracy", 0.91)
        run.event("saved", "a <b>checkpoint</b>", attributes={"path": "a.pt"})
    runs = ctx.list_runs()._repr_html_()
    assert "<table>" in runs
    assert "accuracy=0.91" in runs
    details = ctx.get_run("one")._repr_html_()
    assert "a &lt;b&gt;checkpoint&lt;/b&gt;" in details
    assert "path=a.pt" in details
    assert "No runs yet" in ctx.list_runs(status="failed")._repr_html_()
    best = ctx.select_best_run(None, "accuracy")
    assert "<table>" in best._repr_html_()


@pytest.mark.slow
def test_the_notebook_runs_and_shows_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbclient
    import nbformat

    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    text = (ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8")
    notebook: Any = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]  # it has no types
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [output.data for cell in cells for output in cell.outputs if output.output_type == "execute_result"]
    assert len(shown) == 4
    assert all("<table>" in data["text/html"] for data in shown)
    assert "the training converged" in shown[1]["text/html"]
