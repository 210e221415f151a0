"""Hide secrets in everything that is written: arguments, variables, parameters, texts, URLs.

A secret is replaced by ``secret:sha256:<16 hex>``, keyed with the workspace's salt: that it changed stays visible, what
it is does not. What merely sounds alike stays readable: ``num_tokens=5``, ``use_cls_token``, ``tokenizer``. In doubt a
value is hidden. Nothing here raises for any text; what comes back can be stored (see ``notes.storable``).

What is a secret is decided in ``redaction/``.
"""

from __future__ import annotations

from contexta.core.validation import MAX_NAME
from contexta.recorder.notes import note, storable
from contexta.recorder.redaction.find import find, find_in_url
from contexta.recorder.redaction.names import CERTAIN, LIKELY, below, of_option, sensitivity
from contexta.recorder.redaction.names import is_secret_name as is_secret_name
from contexta.recorder.redaction.pattern import Pattern
from contexta.recorder.redaction.spans import secret_hash, without
from contexta.recorder.redaction.values import HIDDEN, REMOVED, is_secret_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

    from contexta.recorder.notes import Note
    from contexta.recorder.redaction.names import Sensitivity

__all__ = [
    "HIDDEN",
    "REMOVED",
    "argv",
    "clean_url",
    "holds_secret",
    "inside",
    "is_secret_name",
    "name",
    "parameters",
    "secret_hash",
    "value",
]


def clean_url(url: str) -> str:
    """A URL without credentials; the rest as it was. ``git@host:path`` and ``ssh://git@host`` name no secret.

    Removed: user and password, queries of secret names, tokens in the path (conda's ``/t/<token>/``, webhooks').
    """
    return storable(without(url, find_in_url(url), None)) if "://" in url else storable(url)


def value(name: str, text: str, salt: Optional[bytes]) -> str:
    """What is written for ``text`` under ``name``: itself, itself with the secrets inside replaced, or a hash.

    A URL keeps all but its credentials, so that another index or database host stays visible.
    """
    if text.startswith(HIDDEN):
        return storable(text)
    return secret_hash(text, salt) if is_secret_under(sensitivity(name), text) else inside(text, salt)


def inside(text: str, salt: Optional[bytes]) -> str:
    """A text with the secrets inside it replaced; everything else as it was.

    Found: URLs with credentials (these are cut out), the values of secret names however a shell, a program, JSON, YAML,
    XML, SQL or a table writes them, headers, private keys, known and random token forms. salt: None writes
    ``[redacted]``. About 4 MB/s.
    """
    return storable(without(text, find(text), salt))


def name(text: str, salt: bytes) -> str:
    """A name of a run, a stage or a metric, without the secrets in it; not longer than names may be."""
    return inside(text, salt)[:MAX_NAME]


def holds_secret(text: str, *, settings: bool = False) -> bool:
    """Whether a text holds a private key or a token of a published form. settings: or any secret; the text is a file of
    settings, in which a value goes to the end of its line."""
    from contexta.recorder.redaction.shapes import private_keys, tokens

    return bool(find(text, settings=True)) if settings else any(True for _ in (*private_keys(text), *tokens(text)))


# ------------------------------------------------------------------------------------------------ nested values

_NAMES = ("name", "key", "field", "variable", "var", "env", "param", "parameter", "option", "setting", "header", "id")
_VALUES = ("value", "val", "default", "content", "secret", "text", "data", "current", "stringvalue", "secretvalue")


def parameters(given: Any, salt: Optional[bytes]) -> Tuple[Any, List[Note]]:
    """Parameters, tags or any nested JSON value with the secrets in it hidden, by key and by looks; and what was."""
    nested = _Nested(salt)
    cleaned = nested.clean(given, (0, ""), "", "")
    return cleaned, _hidden_note("parameters", nested.hidden)


class _Nested:
    """One JSON value on its way through."""

    def __init__(self, salt: Optional[bytes]) -> None:
        self.hidden: List[str] = []
        self._salt = salt

    def clean(self, given: Any, kind: Sensitivity, name: str, path: str) -> Any:
        """kind: of what the value lies under. name: its key. path: the keys down to it, without secrets."""
        if isinstance(given, dict):
            return self._mapping(given, kind, name, path)
        if isinstance(given, (list, tuple)):
            return self._list(given, kind, name, path)
        if given is None or isinstance(given, bool):
            return given
        text = given if isinstance(given, str) else str(given)
        if is_secret_under(kind, text):
            self.hidden.append(path)
            return secret_hash(text, self._salt)
        if not isinstance(given, str):
            return given if isinstance(given, (int, float)) else inside(text, self._salt)
        cleaned = inside(text, self._salt)
        if cleaned != storable(text):
            self.hidden.append(path)
        return cleaned

    def _mapping(self, given: Dict[Any, Any], kind: Sensitivity, name: str, path: str) -> Dict[str, Any]:
        named = self._named_by_sibling(given)
        manifest = given.get("kind") == "Secret"
        items: Dict[str, Any] = {}
        for key, inner in given.items():
            text = str(key)
            shown = inside(text, self._salt)
            if kind[0] >= LIKELY and not _is_key(text):
                shown = secret_hash(text, self._salt)  # a mapping of secrets to whose they are
            under = below(name, text) if name else sensitivity(text)
            own = under if under is not None else sensitivity(text)
            if under is None and kind[0] >= LIKELY:  # `credentials: {type: basic}`
                own = kind if isinstance(inner, (dict, list)) else (0, "")
            if named is not None and text.lower() in _VALUES:
                own = named
            if manifest and text in ("data", "stringData"):
                own = (CERTAIN, "secret")
            below_name = text if own[0] < LIKELY or own == sensitivity(text) else name
            items[shown] = self.clean(inner, own, below_name, f"{path}.{shown}" if path else shown)
        return items

    @staticmethod
    def _named_by_sibling(given: Dict[Any, Any]) -> Optional[Sensitivity]:
        """``{"name": "HF_TOKEN", "value": X}``"""
        for key, inner in given.items():
            if str(key).lower() in _NAMES and isinstance(inner, str) and len(inner) < 200:
                kind = sensitivity(inner)
                if kind[0] >= LIKELY:
                    return kind
        return None

    def _list(self, given: Sequence[Any], kind: Sensitivity, name: str, path: str) -> List[Any]:
        if len(given) == 2 and isinstance(given[0], str) and kind[0] < LIKELY and _NAME.match(given[0]):
            pair = sensitivity(given[0])
            if pair[0] == CERTAIN and isinstance(given[1], (str, int)):  # ("password", X)
                return [given[0], self.clean(given[1], pair, given[0], f"{path}.{given[0]}" if path else given[0])]
        if kind[0] < LIKELY and given and all(isinstance(each, str) for each in given):
            cleaned, hidden = _arguments(list(given), self._salt)
            self.hidden.extend([path] if hidden else [])
            return list(cleaned)
        return [self.clean(each, kind, name, path) for each in given]


_NAME = Pattern(r"[A-Za-z_][\w.-]{0,80}\Z")
_KEY = Pattern(r"[A-Za-z_][A-Za-z_.-]*\d{0,3}\Z")


def _is_key(text: str) -> bool:
    """Whether a key below ``tokens:`` is a name and not a token itself."""
    return len(text) <= 40 and _KEY.match(text) is not None


# ------------------------------------------------------------------------------------------------ arguments

_OPTION = Pattern(r"(?P<dashes>--?|\+{1,2}|~|/)?(?P<name>[A-Za-z_][\w.@/:-]*?)(?P<equals>:?=)(?P<value>[\s\S]*)\Z")
_BARE = Pattern(r"(?P<dashes>--?|\+{1,2})?(?P<name>[A-Za-z_][\w.-]*)\Z")
_DASHED = Pattern(r"--[A-Za-z]|-[A-Za-z]\Z")


def argv(arguments: Sequence[str], salt: Optional[bytes]) -> Tuple[List[str], List[Note]]:
    """A command line with the secrets in it hidden, and which ones were.

    Understood: ``--token X``, ``--token=X``, ``-token X``, ``KEY=VALUE``, ``++a.token=X``, ``--api-keys X Y``, a bare
    ``password X``, the options of known programs (``curl -u user:X``, ``mysql -pX``), and all that ``inside`` finds in
    an argument. ``-p X`` of another program is a port or a path far more often than a password.
    """
    written, hidden = _arguments(arguments, salt)
    return written, _hidden_note("argv", [f"argument {number}" for number in hidden])


def _arguments(arguments: Sequence[str], salt: Optional[bytes]) -> Tuple[List[str], List[int]]:
    """(the arguments without secrets, the numbers of those that held one)"""
    from contexta.recorder.redaction.programs import secret_parts

    by_program = {number: (start, stop) for number, start, stop in secret_parts(arguments)}
    written: List[str] = []
    hidden: List[int] = []
    awaited: Optional[Sensitivity] = None
    many = False
    for number, argument in enumerate(arguments):
        if number in by_program and not argument.startswith(HIDDEN):
            start, stop = by_program[number]
            cleaned = argument[:start] + secret_hash(argument[start:stop], salt) + argument[stop:]
            awaited = None
        elif awaited is not None and len(argument) > 1 and not _DASHED.match(argument):
            cleaned = secret_hash(argument, salt) if is_secret_under(awaited, argument) else inside(argument, salt)
            awaited = awaited if many else None
        else:
            cleaned, awaited = _argument(argument, salt), None
            bare = _BARE.match(argument)
            if bare:
                kind = of_option(bare.group("name")) if bare.group("dashes") else sensitivity(bare.group("name"))
                if kind[0] >= (LIKELY if bare.group("dashes") else CERTAIN):
                    # A bare word may be prose: `password required`
                    awaited = kind if bare.group("dashes") else (LIKELY, kind[1])
                    many = bool(bare.group("dashes")) and kind[1].endswith("s")
        cleaned = storable(cleaned)
        if cleaned != storable(argument):
            hidden.append(number)
        written.append(cleaned)
    return written, hidden


def _argument(argument: str, salt: Optional[bytes]) -> str:
    match = _OPTION.match(argument)
    if match is None or "\n" in match.group("name"):
        return inside(argument, salt)
    name, given = match.group("name").rpartition("/")[2].replace(":", "."), match.group("value")
    if sensitivity(name)[0] < LIKELY:
        return inside(argument, salt)  # with its name, so that a text is seen as a whole
    if match.group("dashes") and is_secret_under(of_option(name), given):
        return argument[: match.start("value")] + secret_hash(given, salt)
    return argument[: match.start("value")] + value(name, given, salt)


_SHOWN = 20


def _hidden_note(topic: str, hidden: Iterable[str]) -> List[Note]:
    names = list(dict.fromkeys(hidden))
    if not names:
        return []
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [note("redaction", f"{topic}: the secret in {', '.join(names[:_SHOWN])}{rest} is not stored")]
