"""Hide secrets in everything that is written: arguments, variables, parameters, texts, URLs.

A secret is replaced by ``secret:sha256:`` and 16 hex digits of a hash with the workspace's salt. A reader can see that
a secret changed, but not what it is. Values under similar names stay readable: ``num_tokens=5``, ``tokenizer``. In
doubt a value is hidden. Nothing here raises for any text, and every result can be stored (see ``validation.storable``).
"""

from __future__ import annotations

from contexta.core.validation import MAX_NAME, storable
from contexta.recorder.redaction.find import find, find_in_url
from contexta.recorder.redaction.rules.environment import know as know
from contexta.recorder.redaction.rules.names import CERTAIN, LIKELY, NONE, below, is_plural, of_option, sensitivity
from contexta.recorder.redaction.rules.names import is_secret_name as is_secret_name
from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.spans import secret_hash, without
from contexta.recorder.redaction.rules.values import HIDDEN, REMOVED, is_secret_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    from contexta.recorder.redaction.rules.names import Sensitivity

__all__ = [
    "HIDDEN",
    "REMOVED",
    "argv",
    "clean_url",
    "holds_secret",
    "inside",
    "is_secret_name",
    "know",
    "name",
    "parameters",
    "secret_hash",
    "value",
]


def clean_url(url: str) -> str:
    """A URL without credentials. ``git@host:path`` and ``ssh://git@host`` contain none.

    Removed: user and password, queries of secret names, tokens in the path (``/t/<token>/`` of conda, webhooks).
    """
    return storable(without(url, find_in_url(url), None)) if "://" in url else storable(url)


def value(name: str, text: str, salt: Optional[bytes]) -> str:
    """The text that is stored for a variable or parameter: a hash if it is a secret, or itself without secrets.

    A URL loses only its credentials, so that another index or database host stays visible.
    """
    if text.startswith(HIDDEN):
        return storable(text)
    return secret_hash(text, salt) if is_secret_under(sensitivity(name), text) else inside(text, salt)


def inside(text: str, salt: Optional[bytes]) -> str:
    """A text with the secrets in it replaced.

    Credentials in URLs are removed. Replaced are the values of secret names in shells, programs, JSON, YAML, XML, SQL,
    CSV and tables. So are headers, private keys, tokens of published forms and random characters.
    salt: None writes ``[redacted]``. About 4 MB/s.
    """
    return storable(without(text, find(text), salt))


def name(text: str, salt: bytes) -> str:
    """A name of a run, a stage or a metric without the secrets in it, at most MAX_NAME characters long."""
    return inside(text, salt)[:MAX_NAME]


def holds_secret(text: str, *, settings: bool = False) -> bool:
    """Whether a text contains a private key or a token of a published form.

    settings: the text is a file of settings. Then any secret counts, and a value ends with its line.
    """
    from contexta.recorder.redaction.rules.private_keys import private_keys
    from contexta.recorder.redaction.rules.tokens import tokens

    return bool(find(text, settings=True)) if settings else any(True for _ in (*private_keys(text), *tokens(text)))


# ------------------------------------------------------------------------------------------------ nested values

_ORDINARY = (NONE, "")
_NAME_KEYS = "name key field variable var env param parameter option setting header id".split()
_VALUE_KEYS = "value val default content secret text data current stringvalue secretvalue".split()
_NAME = Pattern(r"[A-Za-z_][\w.-]{0,80}\Z")
_KEY = Pattern(r"[A-Za-z_][A-Za-z_.-]*\d{0,3}\Z")


def parameters(values: Any, salt: Optional[bytes]) -> Tuple[Any, List[Dict[str, str]]]:
    """Parameters, tags or any nested JSON value without the secrets in it; and a note that names what was hidden."""
    nested = _Nested(salt)
    cleaned = nested.clean(values, _ORDINARY, "", "")
    return cleaned, _hidden_note("parameters", nested.hidden)


class _Nested:
    """One JSON value. hidden: the paths of the secrets in it so far."""

    def __init__(self, salt: Optional[bytes]) -> None:
        self.hidden: List[str] = []
        self._salt = salt

    def clean(self, value: Any, kind: Sensitivity, name: str, path: str) -> Any:
        """kind: of the key above the value. name: that key. path: the keys down to it, without secrets."""
        if isinstance(value, dict):
            return self._mapping(value, kind, name, path)
        if isinstance(value, (list, tuple)):
            return self._list(value, kind, name, path)
        if value is None or isinstance(value, bool):
            return value
        text = value if isinstance(value, str) else str(value)
        if is_secret_under(kind, text):
            self.hidden.append(path)
            return secret_hash(text, self._salt)
        if isinstance(value, (int, float)):
            return value
        cleaned = inside(text, self._salt)
        if cleaned != storable(text):
            self.hidden.append(path)
        return cleaned

    def _mapping(self, mapping: Dict[Any, Any], kind: Sensitivity, name: str, path: str) -> Dict[str, Any]:
        by_sibling = self._by_sibling(mapping)
        is_manifest = mapping.get("kind") == "Secret"
        items: Dict[str, Any] = {}
        for key, value in mapping.items():
            text = str(key)
            shown = inside(text, self._salt)
            if kind[0] >= LIKELY and not (len(text) <= 40 and _KEY.match(text)):
                shown = secret_hash(text, self._salt)  # the key itself is the secret: {"api_keys": {X: "alice"}}
            under = below(name, text) if name else sensitivity(text)
            own = under if under is not None else sensitivity(text)
            if under is None and kind[0] >= LIKELY:  # `credentials: {type: basic}`
                own = kind if isinstance(value, (dict, list)) else _ORDINARY
            if by_sibling is not None and text.lower() in _VALUE_KEYS:
                own = by_sibling
            if is_manifest and text in ("data", "stringData"):
                own = (CERTAIN, "secret")
            next_name = text if own[0] < LIKELY or own == sensitivity(text) else name
            items[shown] = self.clean(value, own, next_name, f"{path}.{shown}" if path else shown)
        return items

    @staticmethod
    def _by_sibling(mapping: Dict[Any, Any]) -> Optional[Sensitivity]:
        """``{"name": "HF_TOKEN", "value": X}``"""
        names = [
            name
            for key, name in mapping.items()
            if str(key).lower() in _NAME_KEYS and isinstance(name, str) and len(name) < 200
        ]
        return next((kind for kind in map(sensitivity, names) if kind[0] >= LIKELY), None)

    def _list(self, items: Sequence[Any], kind: Sensitivity, name: str, path: str) -> List[Any]:
        if kind[0] < LIKELY:
            if len(items) == 2 and isinstance(items[0], str) and _NAME.match(items[0]):
                pair = sensitivity(items[0])
                if pair[0] == CERTAIN and isinstance(items[1], (str, int)):  # ("password", X)
                    return [items[0], self.clean(items[1], pair, items[0], f"{path}.{items[0]}" if path else items[0])]
            if items and all(isinstance(item, str) for item in items):
                cleaned, hidden = _arguments(list(items), self._salt)
                self.hidden.extend([path] if hidden else [])
                return list(cleaned)
        return [self.clean(item, kind, name, path) for item in items]


# ------------------------------------------------------------------------------------------------ arguments

_OPTION = Pattern(r"(?P<dashes>--?|\+{1,2}|~|/)?(?P<name>[A-Za-z_][\w.@/:-]*?)(?P<equals>:?=)(?P<value>[\s\S]*)\Z")
_BARE = Pattern(r"(?P<dashes>--?|\+{1,2})?(?P<name>[A-Za-z_][\w.-]*)(?P<colon>:)?\Z")
_DASHED = Pattern(r"--[A-Za-z]|-[A-Za-z]\Z")
_MOST_NAMED = 20


def argv(arguments: Sequence[str], salt: Optional[bytes]) -> Tuple[List[str], List[Dict[str, str]]]:
    """A command line without the secrets in it, and a note that names the arguments that held one.

    Recognised: ``--token X``, ``--token=X``, ``-token X``, ``KEY=VALUE``, ``++a.token=X``, ``--api-keys X Y``, a bare
    ``password X``. So are options of known programs (``curl -u user:X``, ``mysql -pX``), and what ``inside`` finds in
    an argument. ``-p X`` of another program stays: it is a port or a path far more often than a password.
    """
    cleaned, hidden = _arguments(arguments, salt)
    return cleaned, _hidden_note("argv", [f"argument {number}" for number in hidden])


def _arguments(arguments: Sequence[str], salt: Optional[bytes]) -> Tuple[List[str], List[int]]:
    """(the arguments without secrets, the numbers of those that held one)"""
    from contexta.recorder.redaction.rules.program_options import secret_parts

    by_program = {number: (start, stop) for number, start, stop in secret_parts(arguments)}
    cleaned: List[str] = []
    expected: Optional[Sensitivity] = None  # of the option before: this argument is its value
    is_list = False  # the option takes several
    for number, argument in enumerate(arguments):
        if number in by_program and not argument.startswith(HIDDEN):
            start, stop = by_program[number]
            written, expected = argument[:start] + secret_hash(argument[start:stop], salt) + argument[stop:], None
        elif expected is not None and len(argument) > 1 and not _DASHED.match(argument):
            written = secret_hash(argument, salt) if is_secret_under(expected, argument) else inside(argument, salt)
            expected = expected if is_list else None
        else:
            written, expected = _argument(argument, salt), _expected_after(argument)
            is_list = expected is not None and argument[0] in "-+" and is_plural(expected[1])
        cleaned.append(storable(written))
    return cleaned, [number for number, text in enumerate(arguments) if cleaned[number] != storable(text)]


def _expected_after(argument: str) -> Optional[Sensitivity]:
    """The sensitivity of the next argument, where this one is a name and no value."""
    bare = _BARE.match(argument)
    if bare is None:
        return None
    if bare.group("dashes"):
        if bare.group("colon"):
            return None
        kind = of_option(bare.group("name"))
        return kind if kind[0] >= LIKELY else None
    kind = sensitivity(bare.group("name"))
    return (LIKELY, kind[1]) if kind[0] == CERTAIN else None  # a bare word may be prose: `password required`


def _argument(argument: str, salt: Optional[bytes]) -> str:
    """One argument without the secrets that it shows by itself."""
    match = _OPTION.match(argument)
    if match is None or "\n" in match.group("name"):
        return inside(argument, salt)
    name, text = match.group("name").rpartition("/")[2].replace(":", "."), match.group("value")
    if sensitivity(name)[0] < LIKELY:
        return inside(argument, salt)  # together with its name
    if match.group("dashes") and is_secret_under(of_option(name), text):
        return argument[: match.start("value")] + secret_hash(text, salt)
    return argument[: match.start("value")] + value(name, text, salt)


def _hidden_note(topic: str, hidden: Sequence[str]) -> List[Dict[str, str]]:
    names = list(dict.fromkeys(hidden))
    if not names:
        return []
    rest = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    text = f"{topic}: the secret in {', '.join(names[:_MOST_NAMED])}{rest} is not stored"
    return [{"topic": "redaction", "text": inside(text[:20_000], None)[:10_000]}]
