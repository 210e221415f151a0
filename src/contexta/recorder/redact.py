"""Secrets: told by name and by value, and kept out of everything that is written.

A secret is replaced by ``secret:sha256:<16 hex>``, salted: that it changed stays visible, what it is does not.
What merely sounds alike stays readable: ``num_tokens=5``, ``use_cls_token``, ``max_tokens``, ``tokenizer``.
In doubt a value is hidden. Nothing here raises for any text; what comes back can be stored (see ``notes.storable``).
"""

from __future__ import annotations

import re

from contexta.recorder.notes import note, storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Match, Sequence

    from contexta.recorder.notes import Note

HIDDEN = "secret:sha256:"
REMOVED = "[redacted]"

# ------------------------------------------------------------------------------------------------ names

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Anywhere in a name
_ALWAYS = frozenset(
    "secret secrets password passwords passwd passphrase passcode credential credentials creds apikey apikeys apitoken "
    "authtoken accesstoken accesskey secretkey privatekey authkey authorization bearer cookie cookies jwt dsn netrc "
    "connectionstring connstr otp htpasswd".split()
)
# At the end of a name
_FINAL = frozenset("token auth pat pwd pass sas webhook signature credential".split())
_QUALIFIED = {
    "key": frozenset(
        "api access secret private auth encryption signing sign account ssh master service storage subscription deploy "
        "license app client aws azure gcp openai anthropic hf wandb pgp gpg tls ssl rsa dsa hmac session consumer "
        "token admin write read push shared public sas root cipher crypto crypt vault host".split()
    ),
    "keys": frozenset("api access secret private auth encryption signing ssh account".split()),
    "tokens": frozenset("api access auth refresh bearer bot user id secret oauth hf hub github gitlab session".split()),
    "string": frozenset(["connection"]),
    "url": frozenset(["webhook"]),
}
# ... token: the vocabulary of language models, not of locks
_MODEL_WORDS = frozenset(
    "cls pad eos bos sep mask unk special image img video audio vision text speech num n max min per new total prefix "
    "suffix next first last prev vocab start end begin stop decoder encoder forced class distill dist visual query "
    "register reg sot eot sos fim middle pre word sub subword byte char add skip ignore use with has is by line think "
    "tool role user_defined separator classification separation extra additional learnable global patch row column "
    "newline space blank target source lang language".split()
)
_FORWARD = frozenset("forward backward n num single multi two one first second high low band".split())
_NOT_SECRET = frozenset(["pwd", "oldpwd", "public_key", "key"])
_FLAGS = frozenset(["", "0", "1", "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "auto", "default"])
_SPECIAL_TOKEN = re.compile(r"(?:</?\|?[\w ▁.:-]{1,24}\|?>|\[/?[A-Za-z_]{1,24}\d{0,4}\])\Z")


def is_secret_name(name: str) -> bool:
    """Whether a variable, option or key of this name holds a secret."""
    if name.lower() in _NOT_SECRET:
        return False
    words = [word.lower() for word in _WORDS.findall(name)]
    if not _ALWAYS.isdisjoint(words) or "".join(words) in _ALWAYS:
        return True
    if any(word.endswith(("password", "passwd", "passphrase", "apikey")) for word in words):
        return True  # PGPASSWORD
    while words and words[-1].isdigit():
        words.pop()
    if not words:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _FINAL:
        return before not in (_FORWARD if last == "pass" else _MODEL_WORDS)
    if "token" in words and last in ("value", "raw", "header", "plain", "plaintext", "env"):
        return True
    return before in _QUALIFIED.get(last, ())


def is_secret(name: str, value: str) -> bool:
    """Whether ``value`` of ``name`` must not be written: by its name, unless it is a mere flag, or by its looks."""
    if is_secret_name(name) and value.strip().lower() not in _FLAGS:
        return not ("token" in name.lower() and _SPECIAL_TOKEN.match(value))
    return looks_secret(value)


# ------------------------------------------------------------------------------------------------ values

# Shapes that issuers publish, so that scanners find them (GitHub, Hugging Face, AWS, Slack, Google, OpenAI ...)
_SHAPES = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      hf_[A-Za-z0-9]{16,} | api_org_[A-Za-z0-9]{16,} | sk-[A-Za-z0-9_-]{16,} | [sr]k_(?:live|test)_[A-Za-z0-9]{10,}
    | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_[A-Za-z0-9_]{20,} | gl[a-z]{2,6}-[A-Za-z0-9_.-]{16,}
    | (?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{12,} | AIza[A-Za-z0-9_-]{30,} | ya29\.[A-Za-z0-9_.-]{10,}
    | xox[a-z]-[A-Za-z0-9-]{10,} | xapp-[A-Za-z0-9-]{10,} | npm_[A-Za-z0-9]{20,} | pypi-[A-Za-z0-9_-]{16,}
    | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)? | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}
    | (?:dapi|dkea)[a-f0-9]{32} | nvapi-[A-Za-z0-9_-]{16,} | gsk_[A-Za-z0-9]{16,} | r8_[A-Za-z0-9]{16,}
    | tk-[a-f0-9-]{32,} | hvs\.[A-Za-z0-9_-]{16,} | do[opr]_v1_[a-f0-9]{32,} | wandb_v1_[A-Za-z0-9_]{16,}
    | AGE-SECRET-KEY-[A-Z0-9]{20,}
    )""",
    re.VERBOSE,
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_BEARER = re.compile(r"\bbearer\s+[\w.~+/=:-]{8,}", re.IGNORECASE)
_HEADER = re.compile(
    r"""\b(?P<name>(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token|auth|secret)[a-z-]*)"""
    r"""(?P<gap>\\*["']?\s*[:=,]\s*\\*["']?)(?P<value>[^\r\n"'\\]+)""",
    re.IGNORECASE,
)
# NAME=VALUE, "name": "value", name: value, environ["NAME"] = "value", ("name", "value")
_PAIR = re.compile(
    r"""(?<!\w)(?P<name>[A-Za-z_][\w.-]{0,200})"""
    r"""(?P<gap>\\*["']?\]?\s*(?:=>|:=|==?|:)\s*|\\*["']\s*,\s*(?=\\*["']))\\*["']?"""
)
_VALUE = re.compile(r"""(?<=")(?:[^"\\]|\\.)+|(?<=')(?:[^'\\]|\\.)+|[^\s"'&;]+""")
_LETTERS = re.compile(r"(?<![A-Za-z0-9])(?<!/nix/store/)[A-Za-z0-9]{20,}")
_PATH = re.compile(r"(?:[~.]{0,2}/|[A-Za-z]:[\\/])")
_CLASSES = re.compile(r"[a-z]+|[A-Z]+|[0-9]+")
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]+\Z")


def looks_secret(value: str) -> bool:
    """Whether a text is, or holds, something issued as a secret: a known shape, a private key, random characters."""
    if _SHAPES.search(value) or _BEARER.search(value) or "PRIVATE KEY-----" in value:
        return True
    return not _PATH.match(value) and any(_is_random(run) for run in _LETTERS.findall(value))


def _is_random(text: str) -> bool:
    """Whether letters and digits are mixed as only dice do: classes change far more often than in CamelCase words.

    Digests in hex stay readable: commits and checksums look like that.
    """
    if _HEX.match(text) or not any(c.isdigit() for c in text):
        return False
    changes = (len(_CLASSES.findall(text)) - 1) / (len(text) - 1)
    mixed = text.lower() != text and text.upper() != text
    return changes >= 0.42 if mixed else len(text) >= 28 and changes >= 0.3


def secret_hash(value: str, salt: bytes) -> str:
    """What is written in place of a secret. The salt belongs to the workspace; without it nothing can be guessed."""
    from hashlib import sha256

    return HIDDEN + sha256(salt + b"\0" + value.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# ------------------------------------------------------------------------------------------------ URLs

_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{1,30})://([^\s\"'<>]*)")
_USER = re.compile(r"[^/?#]*@")
_QUERY = re.compile(r"(?<=[?&;#])([^=&#;]+)=([^&#;]*)")
_SECRET_QUERY = frozenset("sig signature key code sv se sp skoid x-amz-security-token x-goog-signature".split())


def clean_url(url: str) -> str:
    """A URL without credentials; the rest as it was. ``git@host:path`` and ``ssh://git@host`` name no secret.

    Removed: user and password, queries of secret names, tokens in the path (conda's ``/t/<token>/``).
    """
    return storable(_URL.sub(_clean_match, url))


def _clean_match(match: Match[str]) -> str:
    scheme, rest = match.group(1), match.group(2)
    authority, slash, tail = rest.partition("/")
    if not slash:
        cut = re.search(r"[?#]", authority)
        if cut and "@" not in authority[cut.start() :]:
            authority, tail = authority[: cut.start()], authority[cut.start() :]
    user, at, host = authority.rpartition("@")
    if at and not (scheme.endswith("ssh") and re.match(r"[a-z_][a-z0-9_-]{0,31}\Z", user)):
        user, at = "", ""
    if not at and _USER.match(tail) and ":" in authority:  # a password with "/" in it: scheme://user:pa/ss@host
        host, slash, tail = tail.rpartition("@")[2], "", ""
    return f"{scheme}://{user}{at}{host}{slash}{_clean_tail(tail)}"


def _clean_tail(tail: str) -> str:
    tail = _QUERY.sub(_clean_query, tail)
    tail = re.sub(r"(?:(?<=/t/)|(?<=\At/))[^/]{8,}", REMOVED, tail)
    tail = _SHAPES.sub(REMOVED, tail)
    return _LETTERS.sub(lambda run: REMOVED if _is_random(run.group()) else run.group(), tail)


def _clean_query(match: Match[str]) -> str:
    name, value = match.group(1), match.group(2)
    if name.lower() in _SECRET_QUERY or is_secret(name, value):
        return f"{name}={REMOVED}"
    return match.group()


# ------------------------------------------------------------------------------------------------ texts


def value(name: str, text: str, salt: bytes) -> str:
    """What is written for ``text`` under ``name``: itself, itself with the secrets inside replaced, or a hash.

    A URL keeps all but its credentials, so that another index or database host stays visible.
    """
    if is_secret_name(name) and is_secret(name, text) and not text.startswith(HIDDEN):
        return secret_hash(text, salt)
    return inside(text, salt)


def inside(text: str, salt: bytes) -> str:
    """A text with the secrets inside it replaced; everything else as it was.

    Found: URLs with credentials (these are cut out), ``NAME=VALUE``, ``"name": "value"`` and ``name: value`` of secret
    names, HTTP authorisation headers, private keys, known and random token shapes.
    """

    def hide(match: Match[str]) -> str:
        return secret_hash(match.group(), salt)

    if "PRIVATE KEY-----" in text:
        text = _PRIVATE_KEY.sub(hide, text)
    if "://" in text:
        text = clean_url(text)
    text = tokens_hidden(text, salt)
    if "=" in text or ":" in text or "," in text:
        text = pairs_hidden(text, salt)
    if not _PATH.match(text):
        text = _LETTERS.sub(lambda run: hide(run) if _is_random(run.group()) else run.group(), text)
    return storable(text)


def tokens_hidden(text: str, salt: bytes) -> str:
    """The text without authorisation headers and tokens of known shapes, by whatever name they go."""

    def hide(match: Match[str]) -> str:
        return secret_hash(match.group(), salt)

    def hide_value(match: Match[str]) -> str:
        return match.group("name") + match.group("gap") + secret_hash(match.group("value"), salt)

    if ":" in text or "=" in text:
        text = _HEADER.sub(hide_value, text)
    return _SHAPES.sub(hide, _BEARER.sub(hide, text))


def pairs_hidden(text: str, salt: bytes) -> str:
    """The text without the values of secret names; another value may hold a pair itself (``flags=password=x``)."""
    kept: list[str] = []
    position = 0
    while True:
        pair = _PAIR.search(text, position)
        if pair is None:
            return "".join([*kept, text[position:]])
        kept.append(text[position : pair.end()])
        position = pair.end()
        hidden_before = text.startswith((HIDDEN, HIDDEN.partition(":")[2], REMOVED), position)
        if not hidden_before and not is_secret_name(pair.group("name")):
            continue
        given = _VALUE.match(text, position)
        if given is None or (not hidden_before and not is_secret(pair.group("name"), given.group())):
            continue
        kept.append(given.group() if hidden_before else secret_hash(given.group(), salt))
        position = given.end()


def parameters(given: Any, salt: bytes) -> tuple[Any, list[Note]]:
    """Parameters, tags or any nested JSON value with the secrets in it hidden, by key and by looks; and what was."""
    hidden: list[str] = []
    cleaned = _nested(given, "", "", salt, hidden)
    return cleaned, _hidden_note("parameters", hidden)


def _nested(given: Any, name: str, path: str, salt: bytes, hidden: list[str]) -> Any:
    if isinstance(given, dict):
        items = {}
        for key, inner in given.items():
            text = str(key)
            below = text if is_secret_name(text) or not is_secret_name(name) else name
            items[inside(text, salt)] = _nested(inner, below, f"{path}.{text}" if path else text, salt, hidden)
        return items
    if isinstance(given, (list, tuple)):
        return [_nested(inner, name, path, salt, hidden) for inner in given]
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, (int, float)):
        if not (is_secret_name(name) and is_secret(name, str(given))):
            return given
        hidden.append(path)
        return secret_hash(str(given), salt)
    text = given if isinstance(given, str) else str(given)
    cleaned = value(name, text, salt)
    if cleaned != storable(text):
        hidden.append(path)
    return cleaned


# ------------------------------------------------------------------------------------------------ arguments

_OPTION = re.compile(
    r"(?P<dashes>--?|\+{1,2}|~|/)?(?P<name>[A-Za-z_][\w.@/-]*)(?P<equals>:?=)(?P<value>.*)\Z", re.DOTALL
)
_BARE = re.compile(r"(?:--?|\+{1,2})?([A-Za-z_][\w.-]*)\Z")
_LOGIN = frozenset(["-u", "--user", "--proxy-user", "-U"])  # curl, wget: user:password


def argv(arguments: Sequence[str], salt: bytes) -> tuple[list[str], list[Note]]:
    """A command line with the secrets in it hidden, and which ones were.

    Understood: ``--token X``, ``--token=X``, ``-token X``, ``KEY=VALUE``, ``++a.token=X``, ``--api-keys X Y``, ``-u
    user:X``, a bare ``password X``, JSON and code inside an argument, URLs, DSNs, headers. The short ``-pX`` is not:
    it is a port or a path far more often than a password.
    """
    written: list[str] = []
    hidden: list[str] = []
    awaited, many = "", False
    for argument in arguments:
        if awaited and not _is_option(argument):
            cleaned = argument if argument.lower() in _FLAGS else secret_hash(argument, salt)
            awaited = awaited if many else ""
        else:
            cleaned, awaited = _argument(argument, salt), ""
            bare = _BARE.match(argument)
            if argument in _LOGIN:
                awaited, many = argument, False
            elif bare and is_secret_name(bare.group(1)):
                awaited, many = bare.group(1), argument.startswith("-") and argument.endswith("s")
        cleaned = storable(cleaned)
        if cleaned != storable(argument):
            hidden.append(f"argument {len(written)}")
        written.append(cleaned)
    return written, _hidden_note("argv", hidden)


def _is_option(argument: str) -> bool:
    return re.match(r"--[A-Za-z]|-[A-Za-z]\Z", argument) is not None


def _argument(argument: str, salt: bytes) -> str:
    match = _OPTION.match(argument)
    if match is None:
        return inside(argument, salt)
    name, given = match.group("name"), match.group("value")
    return argument[: match.start("value")] + value(name.replace("/", "."), given, salt)


def _hidden_note(topic: str, hidden: Iterable[str]) -> list[Note]:
    names = ", ".join(dict.fromkeys(hidden))
    return [note("redaction", f"{topic}: the secret in {names} is stored as a salted hash")] if names else []
