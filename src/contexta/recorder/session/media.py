"""Turn images, figures and tables of other libraries into files, without importing these libraries.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import csv
import io
import re
import struct
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice

from contexta.core.errors import InvalidInput, shown
from contexta.recorder.image_types import PNG, image_format, png_size
from contexta.recorder.notes import storable
from contexta.recorder.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Tuple

    Content = Tuple[bytes, Dict[str, Any]]

MOST_ROWS = 100_000
_HEAD_ROWS, _HEAD_COLUMNS, _HEAD_CHARACTERS = 5, 12, 60  # of a table, for screens
_DIGITS = "12345678"  # a value that is hidden in a column whose name means secrets
_REAL = re.compile(r"-?\d+\.\d{6,}(?:e[-+]?\d+)?\Z")
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of PNG, by the number of channels


def image_content(image: Any) -> Content:
    """(bytes, attributes) of an image: bytes of a file, a PIL image, or an array or tensor of pixels.

    Pixels: height x width, with 1 to 4 channels last or first; whole numbers from 0 to 255 or reals from 0 to 1.
    Raises InvalidInput for anything else, and what the library raises.
    """
    if isinstance(image, (bytes, bytearray)):
        data = bytes(image)
    elif callable(getattr(image, "save", None)) and hasattr(image, "mode"):  # PIL
        data = _written(image.save)
    elif hasattr(image, "shape"):
        data = _png(image)
    else:
        raise InvalidInput(
            f"{shown(image)} is no image", hint="give a path, the bytes of a file, an array, a tensor or a PIL image"
        )
    name = image_format(data)
    if name is None:
        raise InvalidInput("the bytes are no PNG, JPEG, GIF or WebP image", hint="store the file with run.artifact")
    return data, _facts(data, name)


def figure_content(figure: Any) -> Content:
    """(bytes, attributes) of a figure: a PNG of Matplotlib and what is built on it, an HTML file of Plotly or Bokeh.

    figure: also an ``Axes``, or the module ``pyplot``. Raises InvalidInput for anything else, and what the library
    raises.
    """
    for candidate in (figure, getattr(figure, "figure", None)):
        save = getattr(candidate, "savefig", None)
        if callable(save):
            data = _written(save, bbox_inches="tight")
            return data, _facts(data, "png")
    if callable(getattr(figure, "to_html", None)):  # Plotly, Altair
        return storable(str(figure.to_html())).encode(), {"format": "html"}
    raise InvalidInput(f"{shown(figure)} is no figure", hint="give a figure of Matplotlib or Plotly")


def table_text(rows: Any, columns: Optional[Sequence[str]], salt: bytes) -> Tuple[str, Dict[str, Any]]:
    """(CSV without secrets, attributes) of a table: a DataFrame, a mapping of columns, or rows that are mappings or
    sequences.

    columns: titles of rows that are sequences. Raises InvalidInput for anything else. Costs about 40 microseconds for
    each distinct text.
    """
    titles, lines = _lines(rows, columns)
    titles = [redact.inside(str(title), salt) for title in titles]
    cleaned = lru_cache(maxsize=10_000)(lambda title, cell: redact.value(title, cell, salt))
    is_secret = [cleaned(title, _DIGITS) != _DIGITS for title in titles]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(titles)
    count = 0
    for line in lines:
        count += 1
        if count <= MOST_ROWS:
            writer.writerow(
                ""
                if cell is None
                else cell
                if isinstance(cell, (int, float)) and not hidden
                else cleaned(title, str(cell))
                for title, cell, hidden in zip(titles, line, is_secret)
            )
    return stream.getvalue(), {"format": "csv", "rows": count, "columns": len(titles)}


def head_of(text: str) -> List[List[str]]:
    """The titles and the first rows of a CSV text, with shortened cells."""
    lines = islice(csv.reader(io.StringIO(text)), _HEAD_ROWS + 1)
    return [[_short(cell) for cell in line[:_HEAD_COLUMNS]] for line in lines]


def _short(cell: str) -> str:
    """At most 60 characters of a text, and six digits of a number with decimals."""
    if _REAL.match(cell):
        return f"{float(cell):.6g}"
    return cell if len(cell) <= _HEAD_CHARACTERS else f"{cell[: _HEAD_CHARACTERS - 3]}..."


def file_facts(path: str) -> Dict[str, Any]:
    """The format and the size of an image file; empty for another file and for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            data = file.read(64)
    except OSError:
        return {}
    name = image_format(data)
    return {} if name is None else _facts(data, name)


def _facts(data: bytes, name: str) -> Dict[str, Any]:
    size = png_size(data)
    return {"format": name} if size is None else {"format": name, "width": size[0], "height": size[1]}


def _written(save: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    save(stream, format="png", **options)
    return stream.getvalue()


def _png(pixels: Any) -> bytes:
    """A PNG file of an array or tensor. Source: the PNG specification, ISO/IEC 15948."""
    pixels = _array(pixels)
    shape = tuple(pixels.shape)
    if len(shape) == 3 and shape[2] not in _COLOUR_TYPES and shape[0] in _COLOUR_TYPES:
        pixels = pixels.transpose(1, 2, 0)
        shape = tuple(pixels.shape)
    channels = 1 if len(shape) == 2 else shape[2] if len(shape) == 3 else 0
    if channels not in _COLOUR_TYPES or 0 in shape:
        sides = " x ".join(map(str, shape)) or "one number"
        raise InvalidInput(f"pixels of the shape {sides} are no image", hint="give height x width x 1 to 4 channels")
    data = pixels.tobytes()
    width = shape[1] * channels
    lines = b"".join(b"\0" + data[start : start + width] for start in range(0, len(data), width))
    header = struct.pack(">IIBBBBB", shape[1], shape[0], 8, _COLOUR_TYPES[channels], 0, 0, 0)
    return PNG + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b"")


def _array(pixels: Any) -> Any:
    """A NumPy array of bytes. NumPy is loaded where an array exists; of PyTorch's tensors it is loaded here."""
    if callable(getattr(pixels, "detach", None)):  # PyTorch
        pixels = pixels.detach().cpu()
        pixels = (pixels.float() if "float" in str(pixels.dtype) else pixels).numpy()
    numpy = sys.modules["numpy"]
    pixels = numpy.asarray(pixels)
    if pixels.dtype.kind == "f":
        pixels = (numpy.nan_to_num(pixels).clip(0, 1) * 255).round()
    elif pixels.dtype.kind == "b":
        pixels = pixels * numpy.uint8(255)
    return pixels.clip(0, 255).astype("uint8")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _lines(rows: Any, columns: Optional[Sequence[str]]) -> Tuple[List[Any], Iterator[Sequence[Any]]]:
    """(titles, rows) of any kind of table."""
    if callable(getattr(rows, "itertuples", None)):  # pandas
        cells = rows.astype(object).where(rows.notna(), None)  # of a missing value nothing is written
        return list(rows.columns), cells.itertuples(index=False, name=None)
    if callable(getattr(rows, "iter_rows", None)):  # polars
        return list(rows.columns), rows.iter_rows()
    if isinstance(rows, Mapping):
        lengths = {len(values) for values in rows.values()}
        if len(lengths) > 1:
            raise InvalidInput(f"the columns have {sorted(lengths)} rows", hint="give columns of one length")
        return list(rows), zip(*rows.values())
    if callable(getattr(rows, "tolist", None)):  # NumPy, PyTorch
        rows = rows.tolist()
    if not isinstance(rows, Iterable) or isinstance(rows, (str, bytes)):
        raise InvalidInput(f"{shown(rows)} is no table", hint="give a DataFrame, or rows that are dicts or lists")
    return _lines_of_rows(list(rows), columns)


def _lines_of_rows(rows: List[Any], columns: Optional[Sequence[str]]) -> Tuple[List[Any], Iterator[Sequence[Any]]]:
    if all(isinstance(row, Mapping) for row in rows):
        titles = list(columns) if columns is not None else list(dict.fromkeys(key for row in rows for key in row))
        return titles, ([row.get(title) for title in titles] for row in rows)
    for row in rows:
        if not isinstance(row, (list, tuple)) or len(row) != len(rows[0] if columns is None else columns):
            raise InvalidInput(f"the row {shown(row)} does not fit the columns", hint="give rows of one length")
    titles = list(columns) if columns is not None else [f"column {number + 1}" for number in range(len(rows[0]))]
    return titles, iter(rows)
