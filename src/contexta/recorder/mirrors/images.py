"""Images and tables that a program logs to trackers.

An image is copied when it is logged, because the program may change it; the thread of the mirror stores it later.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Optional, Tuple

    Medium = Tuple[str, str, Any, Any]
    """(image or table, name, content as ``run.image`` or ``run.table`` takes it, columns of a table)"""

MOST = 200  # images and tables of a process
MOST_BYTES = 256 * 1024**2  # of their content, before it is compressed
_MOST_CELLS = 10_000  # of a table
_MOST_OF_LIST = 20  # images that are logged under one name
_TRACKERS = ("wandb", "swanlab", "trackio")  # packages with a class for images
_LAYOUTS = {"CHW": (1, 2, 0), "HWC": (0, 1, 2), "HW": (0, 1), "WHC": (1, 0, 2), "CWH": (2, 1, 0), "WH": (1, 0)}


def media_of(name: str, value: Any) -> Iterator[Medium]:
    """The images and tables of a value that is logged to W&B, SwanLab or Trackio."""
    values = value if isinstance(value, (list, tuple)) else [value]
    for number, item in enumerate(values[:_MOST_OF_LIST]):
        kind = type(item)
        if kind.__module__.partition(".")[0] not in _TRACKERS:
            return
        name_of_item = f"{name}/{number}" if isinstance(value, (list, tuple)) else name
        if kind.__name__ in ("Image", "TrackioImage"):
            yield "image", name_of_item, _content(item), None
        elif (
            kind.__name__ == "Table"
            and isinstance(getattr(item, "data", None), list)
            and len(item.data) * len(item.columns) <= _MOST_CELLS
        ):
            yield "table", name_of_item, [list(row) for row in item.data], [str(title) for title in item.columns]


def _content(image: Any) -> Any:
    """The content of an image of a tracker: the path that it wrote, the bytes of a file, or a copy of the pixels."""
    buffer = getattr(image, "buffer", None)  # of SwanLab
    if buffer is not None:
        return buffer.getvalue()
    path = getattr(image, "_path", None)  # of W&B
    return copied(path if path is not None else getattr(image, "_value", None))


def copied(image: Any, layout: Optional[str] = None) -> Any:
    """A copy of pixels or of an image of Pillow; a path as it is.

    layout: the order of the dimensions, as ``CHW``. Raises TypeError or ValueError for anything else.
    """
    if isinstance(image, (str, os.PathLike, bytes)):
        return image
    if callable(getattr(image, "to_pil", None)):  # of MLflow
        image = image.to_pil()
    if callable(getattr(image, "detach", None)):  # of PyTorch
        image = image.detach().cpu()
        image = (image.float() if "float" in str(image.dtype) else image).numpy()
    if layout is not None:
        image = image.transpose(_LAYOUTS[layout.upper()])
    return image.copy()


def size_of(content: Any) -> int:
    """The bytes of an image or table in memory or in its file, about."""
    if isinstance(content, (str, os.PathLike)):
        return os.path.getsize(content)
    if isinstance(content, (bytes, list)):
        return len(content)
    if hasattr(content, "nbytes"):
        return int(content.nbytes)
    width, height = content.size
    return int(width * height * 4)
