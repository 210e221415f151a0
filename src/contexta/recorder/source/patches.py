"""Take the secrets out of a patch, so that no key in a changed file is ever stored."""

from __future__ import annotations

from contexta.recorder.redaction.find import find
from contexta.recorder.redaction.pattern import Pattern
from contexta.recorder.redaction.spans import merged, secret_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Set, Tuple

# Where NAME=value without quotes assigns a text; in code it would be an expression
_SETTINGS = Pattern(
    r"(?:.*/)?(?:[^/]*\.(?:ya?ml|ini|cfg|conf|toml|properties|sh|bash|zsh|fish|json|txt|md|rst|bat|ps1|service|tf|hcl"
    r"|xml|sql|env|cnf|plist|pom|config|envrc)"
    r"|Dockerfile[^/]*|Makefile|[^/.]+|\.[^/.]+)\Z"
)
_CHECKSUMS = Pattern(r"(?:.*/)?(?:[^/]*\.lock|package-lock\.json|go\.sum|pnpm-lock\.yaml)\Z")


def without_secrets(patch: bytes, salt: bytes) -> Tuple[bytes, List[str]]:
    """The patch with secret values hashed, and the files in which there were any. Binary parts are left as they are.

    Each file is searched as it was and as it is, so that a value may stand on another line than its name. About 2 MB/s.
    """
    lines = patch.split(b"\n")
    touched: Dict[str, None] = {}
    for path, numbers in _files(lines):
        hidden = False
        for marks in (b"-", b"+"):
            hidden = (
                _clean(lines, [number for number in numbers if _belongs(lines[number], marks)], path, salt) or hidden
            )
        if hidden:
            touched[path] = None
    return b"\n".join(lines), list(touched)


def _files(lines: List[bytes]) -> List[Tuple[str, List[int]]]:
    """(path, the numbers of the lines of its text parts) for each file of a patch."""
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


def _belongs(line: bytes, mark: bytes) -> bool:
    return line[:1] in (mark, b" ", b"@")


def _path(header: bytes) -> str:
    text = header.decode("utf-8", "backslashreplace")
    return text.rpartition(" b/")[2] if " b/" in text else text.rpartition('"b/')[2].rstrip('"')


def _clean(lines: List[bytes], numbers: List[int], path: str, salt: bytes) -> bool:
    """Hide the secrets in one side of a file, in place. Whether there were any."""
    texts = [lines[number].decode("utf-8", "surrogateescape") for number in numbers]
    heads = [_head(text) for text in texts]
    whole = "\n".join(text[head:] for text, head in zip(texts, heads))
    settings = _SETTINGS.match(path) is not None
    spans = merged(
        whole, find(whole, code=not settings, settings=settings, checksums=_CHECKSUMS.match(path) is not None)
    )
    if not spans:
        return False
    changed: Set[int] = set()
    starts, position = [], 0
    for text, head in zip(texts, heads):
        starts.append(position)
        position += len(text) - head + 1
    at = len(starts) - 1
    for start, end, new in reversed(spans):
        while starts[at] > start:
            at -= 1
        first, last = start - starts[at] + heads[at], end - starts[at] + heads[at]
        text = texts[at]
        texts[at] = text[:first] + (secret_hash(text[first:last], salt) if new is None else new) + text[last:]
        changed.add(at)
    for place in changed:
        lines[numbers[place]] = texts[place].encode("utf-8", "surrogateescape")
    return True


def _head(text: str) -> int:
    """How many characters of a line are git's: a mark, or the places of a hunk, which the line it is in follows."""
    if not text.startswith("@@"):
        return 1
    end = text.find("@@", 2)
    return end + 2 if end > 0 else len(text)
