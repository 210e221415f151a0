"""Decide whether a value is a secret, under a name of some sensitivity or by its characters alone."""

from __future__ import annotations

import re

from contexta.recorder.redaction.rules.names import CERTAIN, LIKELY, NONE, is_plural, sensitivity
from contexta.recorder.redaction.rules.pattern import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contexta.recorder.redaction.rules.names import Sensitivity

HIDDEN = "secret:sha256:"
REMOVED = "[redacted]"

_FLAGS = frozenset(
    """
    0 1 true false yes no on off none null nil auto default undefined unset empty required optional enabled disabled
    str string int bytes bool any todo tbd n/a na required, xxx changeme
    redacted hidden removed masked filtered prompt ask input text value file path secretstr secretbytes
    """.split()
)
_NUMBER = Pattern(r"[-+]?(?:\d[\d_,]*)?\.?\d+(?:[eE][-+]?\d+)?\Z")
_COUNT, _LARGEST_COUNT = 6, 12  # most digits of a number, and of a count of things, that is no secret
_PLACEHOLDER = Pattern(
    r"(?:(?:bearer|basic|token)\s+)?(?:\$\{?\(?[\w.:-]+\}?\)?|\$\{\{[^}]*\}\}|\{\{[^}]*\}\}|\{[\w.()\[\]!:'\" -]*\}"
    r"|%[\w(][\w)]*[%s]?"
    r"|<[\w .-]{1,40}>|\[[\w .-]{1,40}\]|\*{2,}|x{3,}|\.{2,}|-+|!(?:ENV|env|vault|secret)\b.*|\{env:\w+\})\Z",
    re.IGNORECASE,
)
_SPECIAL_TOKEN = Pattern(r"(?:</?\|?[\w ▁.:-]{1,24}\|?>|\[/?[A-Za-z_]{1,24}\d{0,4}\])\Z")
_ORDINARY = Pattern(
    r"(?:[A-Z]?[a-z]{1,14}|[A-Z]{1,14})(?:[ _./:,+-]{1,2}(?:[A-Z]?[a-z]{1,14}|[A-Z]{1,14})){0,8}[.!?]?\Z"
)
_TECHNICAL = Pattern(
    r"(?:v?\d+(?:\.\d+)*|\d{1,7}/\d{1,7}|\d+(?:\.\d+)?[ ]?%"
    r"|(?:oauth|oauth-|hs|rs|es|ps|sha|sha-|md|aes|ntlm|ntlmv|tls|tlsv|http|utf-?)\d+(?:\.\d+)?"
    r"|(?:apache|l?a?gpl|bsd|mpl|cc-by(?:-(?:sa|nc|nd))*|epl)-\d(?:[.\d]*)(?:-clause|-only|-or-later)?)\Z",
    re.IGNORECASE,
)
_VARIABLE = Pattern(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\Z|[A-Z][A-Za-z]*(?:-[A-Z][A-Za-z]*)+\Z")  # or a header
_PATH = Pattern(r"(?:[~.]{0,2}/|[A-Za-z]:[\\/])[\w.@ \\/~+-]*\Z")
_FILE = Pattern(
    r"\.[A-Za-z][\w-]{0,15}(?:/[\w./-]{1,80})?\Z"
    r"|[\w./-]{1,80}\.(?:json|ya?ml|toml|txt|pem|key|env|cfg|ini|crt|p12|pfx|local)\Z"
)
# These may name a file, whose path is no secret
_FILES = frozenset(
    "credential credentials creds netrc pwd cwd cookie cookies key keys secret secrets jwt token".split()
)
_CLASSES = Pattern(r"[a-z]+|[A-Z]+|[0-9]+")
_HEX = Pattern(r"(?:0x)?[0-9a-fA-F]+\Z")
_ISSUED = Pattern(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[\x21-\x7e]+\Z")
_SYMBOLS = r"[\w+/=!@#$%^&*.~-]*"
_DIGITS_WITHIN = Pattern(
    rf"{_SYMBOLS[:-1]}*?(?:[A-Za-z]{{2}}\d+[A-Za-z]{{2}}|[A-Za-z]\d+[A-Za-z]+\d|\d[A-Za-z]+\d+[A-Za-z]){_SYMBOLS}\Z"
)
_RESOLUTION = Pattern(r"(\d{2,4})x\1\Z")
_ALPHANUMERIC = Pattern(r"\w")
_DASHED = Pattern(r"[A-Za-z0-9+/_=.-]{16,}\Z")


def is_secret_under(name: Sensitivity, value: str) -> bool:
    """Whether a value is a secret if its name has this sensitivity.

    Flags, placeholders, names of variables, counts under a plural and paths of credential files are no secrets.
    """
    level, word = name
    text = value.strip()
    lower = text.lower() if len(text) <= 200 else ""
    if (
        level == NONE
        or not text
        or lower in _FLAGS
        or (len(text) < 4 and not _ALPHANUMERIC.search(text))
        or text.startswith((HIDDEN, REMOVED))
    ):
        return False
    if len(text) > 200:
        return level >= LIKELY or is_random(text)
    if _NUMBER.match(text):
        if word == "cwd":
            return False
        digits = sum(c.isdigit() for c in text)
        if is_plural(word):
            return digits > _LARGEST_COUNT and word != "tokens"
        is_count = word == "pass" and digits <= 2  # --pass 2
        return (level == CERTAIN and not is_count) or (level == LIKELY and digits > _COUNT and "." not in text)
    if _PLACEHOLDER.match(text) and not looks_issued(text.strip("<>[]")):
        return False
    if _VARIABLE.match(text) and sensitivity(text)[0] >= LIKELY:
        return False
    if word in _FILES and _FILE.match(text):
        return False
    if word in _FILES and _PATH.match(text) and (word in ("pwd", "cwd") or "/" in text[1:].replace("\\", "/")):
        return False
    if level == CERTAIN:
        return lower != word
    if level == LIKELY:
        if word in ("tokens", "cell"):  # pieces of text far more often
            return len(text) >= (8 if word == "tokens" else 10) and _ISSUED.match(text) is not None
        return not (_SPECIAL_TOKEN.match(text) or is_ordinary(text.strip("().,:;")))
    return _mixed(text)


def is_ordinary(text: str) -> bool:
    """Whether a text consists of ordinary words or technical terms: ``serving_default``, ``MIT``, ``oauth2``."""
    return _ORDINARY.match(text) is not None or _TECHNICAL.match(text) is not None


def looks_issued(text: str) -> bool:
    """Whether a text is no word, name, file or version, but letters with digits among them: ``plain07word``."""
    return (
        7 <= len(text) <= 200
        and _DIGITS_WITHIN.match(text) is not None
        and not (_HEX.match(text) or _PATH.match(text) or _FILE.match(text) or "://" in text or _TECHNICAL.match(text))
    )


def _mixed(text: str) -> bool:
    """Whether a text looks like a secret, if its name contains a sensitive word."""
    return _DASHED.match(text) is not None and not _HEX.match(text) and "/" not in text and _changes_class(text, 0.36)


def is_random(text: str) -> bool:
    """Whether letters and digits are mixed at random. In CamelCase words the class of character changes far less often.

    text: at least 20 letters and digits. Hexadecimal digests are not random in this sense: commits look like that.
    """
    if len(text) > 512 or _HEX.match(text) or not any(c.isdigit() for c in text):
        return False  # longer ones are data: images, weights
    if _RESOLUTION.search(text, len(text) - 9):
        return False  # the name of a model: EfficientNetV2B3NoTop224x224
    is_mixed = text.lower() != text and text.upper() != text
    return _changes_class(text, 0.42) if is_mixed else len(text) >= 28 and _changes_class(text, 0.3)


def _changes_class(text: str, share: float) -> bool:
    """Whether the class of character (small, capital, digit) changes at this share of all places."""
    return any(c.isdigit() for c in text) and (len(_CLASSES.findall(text)) - 1) / (len(text) - 1) >= share
