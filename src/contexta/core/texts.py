"""Make texts storable: any database can hold them. Standard library only, Python 3.8."""

from __future__ import annotations


def storable(text: str) -> str:
    """The text itself, with NUL and lone surrogates written as escapes: ``\\x00``, ``\\udcff``.

    Undecodable bytes of file names, arguments and variables reach Python as such surrogates (PEP 383).
    """
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return text
