"""Run the commands of the tutorial, and write what they print into it.

    uv run examples/transcript.py            check docs/tutorial.md against what the commands print
    uv run examples/transcript.py --write    rewrite docs/tutorial.md and the recording docs/images/terminal.svg

The commands run in one shell, in a copy of examples/tutorial, on the Python given by PYTHON (a path; default: this
one). They need uv and the package index.
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tutorial.md"
RECORDING = ROOT / "docs" / "images" / "terminal.svg"
COLUMNS = 100
ROWS = 34
"""Rows of the recording."""
ROW_HEIGHT = 24.4
"""Height of a row, in the units of rich's SVG."""
_CLIP = re.compile(r' clip-path="[^"]*"')
_BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```)", re.M | re.S)
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_NUMBER = re.compile(r"(?:sha256:)?\b[0-9a-f]*\d[\w.]*\b(?: ?(?:ms|s|min|kB|B)\b)?(?:m \d+s)?|\d+m\b")
"""Durations, times, digests, versions and values: the words around them are compared."""
_OF_THE_PROCESSOR = re.compile(r"(?m)^.*\bsimd\b.*\n|^[ A-Z0-9_,\N{HORIZONTAL ELLIPSIS}]+\n|\blinux-\S+")
_RULE = re.compile(r"[-\N{MINUS SIGN}+]N|-{3,}")


def commands(page: str) -> list[list[str]]:
    """The commands of each console block, in order; continued lines are joined."""
    blocks = (re.sub(r"\\\n *", "", block) for block in _BLOCK.findall(page))
    return [[line[2:] for line in block.splitlines() if line.startswith("$ ")] for block in blocks]


def execute(lines: list[str], directory: Path, python: str) -> list[str]:
    """Run the lines in one shell on a terminal, and return what each printed, with colours.

    Standard error is a pipe, so that nothing is redrawn. Raises CalledProcessError if the shell itself fails; a command
    that fails prints its error like any other.
    """
    boundary = "\x1e"
    script = "exec 2> >(cat)\n"
    for line in lines:
        script += f"{line.replace('--python 3.12', f'--python {python}')}\nsleep 0.3; printf '{boundary}'\n"
    foreign = ("VIRTUAL_ENV", "CONTEXTA", "NO_COLOR", "UV_PYTHON", "UV_PROJECT")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    environment |= {
        "TERM": "xterm-256color",
        "COLUMNS": str(COLUMNS),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]]),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "James",
        "GIT_AUTHOR_EMAIL": "james@example.com",
        "GIT_COMMITTER_NAME": "James",
        "GIT_COMMITTER_EMAIL": "james@example.com",
    }
    terminal, shell_side = pty.openpty()
    fcntl.ioctl(shell_side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    shell = subprocess.Popen(
        ["bash", "-c", script], cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=shell_side
    )
    os.close(shell_side)
    content = b""
    with contextlib.suppress(OSError):  # Linux reports the end of a terminal as EIO
        while part := os.read(terminal, 65536):
            content += part
    os.close(terminal)
    if shell.wait() != 0:
        raise subprocess.CalledProcessError(shell.returncode, "bash", content)
    text = content.decode().replace("\r\n", "\n").replace(str(directory), "/home/james")
    return text.split(boundary)[:-1]


def shown(page: str, outputs: list[str]) -> str:
    """The page with these outputs below their commands; a block whose line `...` ends it keeps its first lines."""
    remaining = iter(outputs)

    def block(match: re.Match[str]) -> str:
        return "".join(_with_output(part, next(remaining)) for part in re.split(r"(?m)^(?=\$ )", match[1]) if part)

    return _BLOCK.sub(block, page)


def _with_output(part: str, output: str) -> str:
    command = re.match(r"\$ (?:.*\\\n)*.*\n", part)
    assert command is not None, part
    lines = [line.rstrip() for line in _ESCAPES.sub("", output).splitlines()]
    previous = part[command.end() :].splitlines()
    if "..." in previous:  # the page shows the first lines only
        lines = [*lines[: previous.index("...")], "..."]
    return command[0] + "".join(f"{line}\n" for line in lines)


def differences(page: str, new: str) -> str:
    """A unified diff of the words, without numbers and features of the processor; empty if the pages agree."""
    return "\n".join(difflib.unified_diff(_words(page), _words(new), "docs/tutorial.md", "printed", lineterm="", n=5))


def _words(page: str) -> list[str]:
    """The words of all blocks. How they are wrapped depends on the length of numbers."""
    text = _OF_THE_PROCESSOR.sub("", "".join(_BLOCK.findall(page)))
    return re.sub(r"\bN(?:\s+N\b)+", "N", _RULE.sub("N", _NUMBER.sub("N", text))).split()


def recording(lines: list[str], outputs: list[str]) -> str:
    """An SVG that shows the commands and their output one after the other, and then stays at the last screen.

    It loads nothing and runs no script. Readers who prefer reduced motion see the last screen at once.
    """
    starts = []
    with Path(os.devnull).open("w") as nothing:
        console = Console(record=True, width=COLUMNS, file=nothing, force_terminal=True, color_system="truecolor")
        count = 0
        for line, output in zip(lines, outputs, strict=True):
            screen = Text.assemble((f"$ {line}\n", "bold green"), Text.from_ansi(output), "\n")
            starts.append(count)
            count += len(screen.wrap(console, COLUMNS))
            console.print(screen)
        svg = console.export_svg(title="", theme=MONOKAI, unique_id="t", code_format="{styles}\n{matrix}")
    styles, _, matrix = svg.partition("\n<text")
    rows = sorted(
        (int(number), element)
        for element, number in re.findall(r"(<text[^>]*url\(#t-line-(\d+)\)[^>]*>[^<]*</text>)", "<text" + matrix)
    )
    times = _times(starts, rows[-1][0] + 1)
    drawn = "".join(
        f'<g class="row" style="animation-delay:{times[number]:.2f}s">{_CLIP.sub("", element)}</g>\n'
        for number, element in rows
    )
    return _SVG.format(styles=styles, rows=drawn, **_scrolling(times))


def _times(starts: list[int], count: int) -> list[float]:
    """Seconds after which each row appears. After the output of a command, there is time to read it."""
    times, now = [], 0.0
    previous = 0
    for row in range(count):
        if row in starts:
            now += min(8.0, 1 + 0.15 * (row - previous))
            previous = row
        else:
            now += 0.8 if row - 1 in starts else 0.05
        times.append(now)
    return times


def _scrolling(times: list[float]) -> dict[str, object]:
    """Height of the window, and the keyframes that keep the last rows in it."""
    seconds = times[-1] + 0.1
    last = max(0, len(times) - ROWS) * ROW_HEIGHT
    frames = [
        f"{time / seconds:.3%} {{ transform: translateY(-{(row - ROWS + 1) * ROW_HEIGHT:.1f}px) }}"
        for row, time in enumerate(times)
        if row >= ROWS
    ]
    return {
        "seconds": f"{seconds:.2f}",
        "last": f"{last:.1f}",
        "frames": "\n".join(frames),
        "height": round(ROWS * ROW_HEIGHT + 40),
        "width": round(COLUMNS * 12.2 + 40),
    }


_SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>contexta run, diff, why and bisect in a terminal</title>
<style>
svg {{ font: 20px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }}
{styles}
.rows {{ transform: translateY(-{last}px) }}
@media (prefers-reduced-motion: no-preference) {{
.row {{ animation: appear 0s both }}
.rows {{ animation: scroll {seconds}s step-end both }}
}}
@keyframes appear {{ from {{ visibility: hidden }} to {{ visibility: visible }} }}
@keyframes scroll {{ 0% {{ transform: translateY(0) }}
{frames}
100% {{ transform: translateY(-{last}px) }} }}
</style>
<rect width="100%" height="100%" rx="10" fill="#0c0c0c"/>
<svg x="20" y="20" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<clipPath id="window"><rect width="{width}" height="{height}"/></clipPath>
<g clip-path="url(#window)"><g class="rows">
{rows}</g></g>
</svg>
</svg>
"""


def main(arguments: list[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    python = os.environ.get("PYTHON") or sys.executable
    blocks = commands(page)
    lines = [line for block in blocks for line in block]
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "examples").symlink_to(ROOT / "examples")
        outputs = execute(lines, Path(directory), python)
    new = shown(page, outputs)
    if "--write" in arguments:
        PAGE.write_text(new, encoding="utf-8")
        RECORDING.parent.mkdir(exist_ok=True)
        chosen = [number for number, line in enumerate(lines) if line.startswith("contexta ")]
        RECORDING.write_text(recording([lines[n] for n in chosen], [outputs[n] for n in chosen]), encoding="utf-8")
        return 0
    report = differences(page, new)
    print(report or "docs/tutorial.md shows what the commands print")
    return 1 if report else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
