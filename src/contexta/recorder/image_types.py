"""Recognise images that a browser shows without running anything. Standard library only, Python 3.8."""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple

PNG = b"\x89PNG\r\n\x1a\n"
LARGEST = 4 * 1024**2
"""Bytes up to which a page shows an image."""
FORMATS = ("png", "jpeg", "gif", "webp")
_STARTS = ((PNG, "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))


def image_format(data: bytes) -> Optional[str]:
    """``png``, ``jpeg``, ``gif`` or ``webp``, by the first bytes; None for anything else, also for SVG."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((name for start, name in _STARTS if data.startswith(start)), None)


def png_size(data: bytes) -> Optional[Tuple[int, int]]:
    """(width, height) in pixels of a PNG file; None for anything else."""
    if data[:8] != PNG or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height
