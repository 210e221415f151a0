"""Remove the secrets from a patch."""

from __future__ import annotations

from contexta.recorder.redaction.find import find
from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.spans import without

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Tuple

# In these files NAME=value without quotes assigns a text. In code the value would be an expression.
_SETTINGS = Pattern(
    r"(?:.*/)?(?:[^/]*\.(?:ya?ml|ini|cfg|conf|toml|properties|sh|bash|zsh|fish|json|txt|md|rst|bat|ps1|service|tf|hcl"
    r"|xml|sql|env|cnf|plist|pom|config|envrc)"
    r"|Dockerfile[^/]*|Makefile|[^/.]+|\.[^/.]+)\Z"
)
_CHECKSUMS = Pattern(r"(?:.*/)?(?:[^/]*\.lock|package-lock\.json|go\.sum|pnpm-lock\.yaml)\Z")


def without_secrets(patch: bytes, salt: bytes) -> Tuple[bytes, List[str]]:
    """(the patch with its secrets replaced by hashes, the files that contained any). Binary parts stay.

    The old and the new content of each file are searched as a whole, so a value may be on another line than its name.
    About 2 MB/s.
    """
    lines = patch.split(b"\n")
    touched: Dict[str, None] = {}
    for path, numbers in _files(lines):
        for mark in (b"-", b"+"):
            side = [number for number in numbers if lines[number][:1] in (mark, b" ", b"@")]
            if _clean(lines, side, path, salt):
                touched[path] = None
    return b"\n".join(lines), list(touched)


def _files(lines: List[bytes]) -> List[Tuple[str, List[int]]]:
    """(path, numbers of the lines of text) for each file of a patch."""
    files: List[Tuple[str, List[int]]] = []
    binary = False
    for number, line in enumerate(lines):
        if line.startswith(b"diff --git "):
            files.append((_path(line), []))
            binary = False
        elif line.startswith(b"GIT binary patch"):
            binary = True
        elif (
            files
            and not binary
            and line[:1] in (b"+", b"-", b" ", b"@", b"\\")
            and not line.startswith((b"+++ ", b"--- "))
        ):
            files[-1][1].append(number)
    return files


def _path(header: bytes) -> str:
    text = header.decode("utf-8", "backslashreplace")
    return text.rpartition(" b/")[2] if " b/" in text else text.rpartition('"b/')[2].rstrip('"')


def _clean(lines: List[bytes], numbers: List[int], path: str, salt: bytes) -> bool:
    """Replace the secrets in the old or the new content of a file, in place. Return whether there were any."""
    texts = [lines[number].decode("utf-8", "surrogateescape") for number in numbers]
    heads = [_head(text) for text in texts]
    content = "\n".join(text[head:] for text, head in zip(texts, heads))
    is_settings, is_checksums = _SETTINGS.match(path) is not None, _CHECKSUMS.match(path) is not None
    spans = find(content, code=not is_settings, settings=is_settings, checksums=is_checksums)
    cleaned = without(content, spans, salt)
    if cleaned == content:
        return False
    for number, text, head, line in zip(numbers, texts, heads, cleaned.split("\n")):
        lines[number] = (text[:head] + line).encode("utf-8", "surrogateescape")
    return True


def _head(text: str) -> int:
    """The number of characters that git put before the content of a line: a mark, or the places of a hunk."""
    if not text.startswith("@@"):
        return 1
    end = text.find("@@", 2)
    return end + 2 if end > 0 else len(text)
