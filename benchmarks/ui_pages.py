"""Measure the web pages in a real browser with thousands of runs, and those of mlflow and trackio beside them.

    uv run benchmarks/ui_pages.py [RUNS ...] [--points N] [--mlflow PYTHON] [--trackio PYTHON] [--others RUNS]

Needs Debian's ``chromium``. For each number of runs it fills a temporary workspace as ``queries_at_scale.py`` does, and
serves it by `contexta ui`. ``server`` is the time of a request from this process, with a connection that is open.
``first paint`` is the first contentful paint after a navigation, ``drawn`` the time until the new rows or curves were
drawn: two animation frames after the change was seen. Each is the median of ROUNDS rounds, and the least:
on a busy machine only the least says something.

--mlflow, --trackio: interpreters that have these packages, as `uv venv` and `uv pip install` make them. They get
the same parameters and metrics of --others runs, and serve their own pages to the same browser.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from queries_at_scale import MLFLOW, fill  # type: ignore[import-not-found]  # beside this script

from contexta import Contexta

ROUNDS = 7
FLAGS = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--no-sandbox"]
PAINT = """() => new Promise(done => {
  const look = () => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    if (paint) done(paint.startTime); else setTimeout(look, 5);
  };
  look();
})"""
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
CHANGED = """change => new Promise(done => {
  const before = document.querySelector("table.runs tbody");
  const start = performance.now();
  const look = () => {
    const rows = document.querySelector("table.runs tbody");
    if (rows && rows !== before && rows.rows.length) requestAnimationFrame(() => done(performance.now() - start));
    else requestAnimationFrame(look);
  };
  if (change === "sort") document.querySelector("table.runs thead a[href*='metrics.m']").click();
  else {
    const box = document.querySelector("#filter");
    box.value = "metrics.m3 > 0.9";
    box.form.requestSubmit();
  }
  requestAnimationFrame(look);
})"""
Figures = dict[str, tuple[float, float]]


def rounds(call: Callable[[], float], count: int = ROUNDS) -> tuple[float, float]:
    """(median, least) of calls after the first."""
    call()
    taken = [call() for _ in range(count)]
    return statistics.median(taken), min(taken)


# ------------------------------------------------------------------------------------------- contexta


@contextmanager
def served(workspace: Path) -> Iterator[tuple[str, int]]:
    """The printed address, and the id of the process."""
    command = [sys.executable, "-m", "contexta.cli", "--workspace", str(workspace), "ui", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip(), server.pid
        finally:
            server.terminate()


def ours(browser: Browser, runs: int, points: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / ".contexta"
        with Contexta(root) as ctx:
            fill(ctx, runs, points)
        with served(root) as (address, pid):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(address)
            base = address.partition("/?")[0]
            cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in context.cookies())
            figures = on_the_server(base, cookies, pid) | in_the_browser(page, base)
            context.close()
    return figures


def on_the_server(base: str, cookies: str, pid: int) -> Figures:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc)

    def request(path: str) -> float:
        start = time.perf_counter()
        connection.request("GET", path, headers={"cookie": cookies})
        response = connection.getresponse()
        content = response.read()
        assert response.status == 200, (path, content[:300])
        return (time.perf_counter() - start) * 1e3

    def processor(path: str) -> float:
        """Processor time of the server, the mean of 20 requests: the system counts in steps of 10 ms."""
        before = ticks(pid)
        for _ in range(20):
            request(path)
        return (ticks(pid) - before) / os.sysconf("SC_CLK_TCK") / 20 * 1e3

    paths = {
        "page of runs": "/",
        "sorted by a metric": "/?sort=metrics.m3+desc",
        "metric filter": "/?where=metrics.m3+%3E+0.9",
        "two runs with 300 packages": "/compare?run=b.r7&run=b.r18",
        "curve": "/curves.json?run=b.long&metric=loss",
    }
    figures: Figures = {}
    for name, path in paths.items():
        figures[f"server, wall: {name}"] = rounds(lambda path=path: request(path))  # type: ignore[misc]  # bound now
        figures[f"server, processor: {name}"] = rounds(lambda path=path: processor(path), 3)  # type: ignore[misc]  # as above
    return figures


def ticks(pid: int) -> int:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def in_the_browser(page: Page, base: str) -> Figures:
    def opened(path: str) -> float:
        page.goto(base + path, wait_until="load")
        return float(page.evaluate(PAINT))

    def drawn(change: str) -> float:
        """Milliseconds from a change of the list to the frame that shows the new rows."""
        page.goto(f"{base}/", wait_until="networkidle")
        return float(page.evaluate(CHANGED, change))

    figures = {
        "first paint: page of runs": rounds(lambda: opened("/")),
        "first paint: two runs with 300 packages": rounds(lambda: opened("/compare?run=b.r7&run=b.r18")),
        "drawn: sorted by a metric": rounds(lambda: drawn("sort")),
        "drawn: metric filter": rounds(lambda: drawn("filter")),
        "drawn: curve": rounds(lambda: curve(page, base)),
    }
    return figures | {"memory of the tab, MB": (memory(page, base),) * 2}


def curve(page: Page, base: str) -> float:
    """From the start of the page of a curve to its drawing."""
    page.goto(base + "/run?run=b.long")
    page.wait_for_selector(".curve-figure canvas")
    return float(page.evaluate(DRAWN))


def memory(page: Page, base: str) -> float:
    """The largest heap of the pages, with their documents, after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    largest = 0.0
    for path in ("/", "/compare?run=b.r7&run=b.r18", "/run?run=b.long"):
        page.goto(base + path, wait_until="networkidle")
        session.send("HeapProfiler.collectGarbage")
        metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
        largest = max(largest, metrics["JSHeapTotalSize"] / 1e6)
    return largest


# ------------------------------------------------------------------------------------------- others


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def process(command: list[str], port: int, environment: dict[str, str]) -> Iterator[str]:
    """A server that answers at a port."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdout=quiet, stderr=quiet, env={**os.environ, **environment}, start_new_session=True
    ) as server:
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, 15)


def visible(page: Page, url: str, row: str) -> Figures:
    """First paint, and the time until a run is in the page. row: a selector of what shows runs."""

    def paint_and_rows() -> tuple[float, float]:
        page.goto("about:blank")
        page.goto(url, wait_until="commit")
        page.locator(row).first.wait_for(timeout=120_000)
        rows = float(page.evaluate(DRAWN))
        return float(page.evaluate(PAINT)), rows

    paint_and_rows()
    paints, drawn = zip(*(paint_and_rows() for _ in range(3)), strict=True)
    return {
        "first paint: page of runs": (statistics.median(paints), min(paints)),
        "runs in the page": (statistics.median(drawn), min(drawn)),
    }


def in_mlflow(browser: Browser, python: str, runs: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run([python, "-c", MLFLOW, folder, str(runs)], check=True, capture_output=True)
        figures: Figures = {"filling it, s": (time.perf_counter() - start,) * 2}
        port = free_port()
        store = f"sqlite:///{folder}/mlflow.db"
        command = [
            python,
            "-m",
            "mlflow",
            "server",
            "--backend-store-uri",
            store,
            "--port",
            str(port),
            "--workers",
            "1",
        ]
        with process(command, port, {}) as base:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            figures |= visible(page, f"{base}/#/experiments/1/runs", "a[href*='/runs/']:not([href$='/runs'])")
            page.close()
    return figures


TRACKIO = """
import sys, trackio
for n in range(int(sys.argv[1])):
    config = {f"p{p}": round(n * (p + 1) % 97 / 97, 3) for p in range(20)}
    run = trackio.init(project="b", name=f"x{n}", config=config, embed=False)
    trackio.log({f"m{m}": n * (m + 7) % 1009 / 1009 for m in range(10)}, step=0)
    trackio.finish()
"""


def in_trackio(browser: Browser, python: str, runs: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        environment = {"TRACKIO_DIR": folder, "HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False"}
        start = time.perf_counter()
        subprocess.run(
            [python, "-c", TRACKIO, str(runs)], check=True, env={**os.environ, **environment}, capture_output=True
        )
        figures: Figures = {"filling it, s": (time.perf_counter() - start,) * 2}
        port = free_port()
        command = [str(Path(python).with_name("trackio")), "show", "--project", "b"]
        with process(command, port, {**environment, "GRADIO_SERVER_PORT": str(port)}) as base:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            figures |= visible(page, f"{base}/?project=b", f"text=x{runs - 1}")
            page.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("runs", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--others", type=int, default=1_000, help="runs of mlflow and trackio")
    parser.add_argument("--mlflow", metavar="PYTHON")
    parser.add_argument("--trackio", metavar="PYTHON")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for runs in options.runs:
            report(f"contexta, {runs} runs", ours(browser, runs, options.points))
        if options.mlflow:
            report(f"mlflow, {options.others} runs", in_mlflow(browser, options.mlflow, options.others))
        if options.trackio:
            report(f"trackio, {options.others} runs", in_trackio(browser, options.trackio, options.others))
        browser.close()


def report(title: str, figures: Figures) -> None:
    print(
        json.dumps(
            {"measured": title, **{name: f"{median:.1f} ({least:.1f})" for name, (median, least) in figures.items()}},
            indent=1,
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
