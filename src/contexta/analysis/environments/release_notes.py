"""The address of the release notes of a package, from its metadata. Pure."""

from __future__ import annotations

import re
from email.parser import HeaderParser

# The well-known labels of PyPI, most useful first, without case and punctuation.
_LABELS = (
    ("release notes", ("changelog", "changes", "releasenotes", "history", "whatsnew", "news", "releases")),
    ("source", ("source", "repository", "sourcecode", "github", "code")),
    ("home page", ("homepage", "home", "documentation", "docs")),
)
_ADDRESS = re.compile(r"https?://[^\s<>()\[\]\"'`\\|]+\Z")
_REPOSITORY = re.compile(r"https?://(?:www\.)?github\.com/[\w.-]+/[\w.-]+?(?:\.git)?/?\Z")


def release_notes(metadata: str) -> tuple[str, str] | None:
    """(label, address) of the release notes, else of the releases of its repository, else of its home page.

    metadata: the header of METADATA. None if it has no usable address.
    """
    fields = HeaderParser().parsestr(metadata)
    pairs = [("homepage", str(value)) for value in fields.get_all("Home-page", [])]
    pairs += [
        (re.sub(r"[\W_]", "", label).lower(), address.strip())
        for label, _, address in (str(value).partition(",") for value in fields.get_all("Project-URL", []))
    ]
    pairs = [(label, address) for label, address in pairs if _ADDRESS.match(address)]
    addresses: dict[str, str] = {}
    for kind, labels in _LABELS:
        matches = [address for name in labels for label, address in pairs if label == name]
        if matches:
            addresses[kind] = matches[0]
    if "release notes" in addresses:
        return "release notes", addresses["release notes"]
    for _, address in pairs:
        if _REPOSITORY.match(address):
            return "releases", re.sub(r"(?:\.git)?/?\Z", "/releases", address, count=1)
    return next(iter(addresses.items()), None)
