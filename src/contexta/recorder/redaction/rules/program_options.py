"""Secrets in the options of known programs: ``-p`` of mysql takes a password, of ssh a port.

Options whose names say that they take a secret (``--password``) need no entry here. Source: the programs' manual pages.
"""

from __future__ import annotations

import re

from contexta.recorder.redaction.rules.names import LIKELY, sensitivity
from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.values import looks_issued

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Optional, Sequence, Tuple

    from contexta.recorder.redaction.rules.spans import Span

    Part = Tuple[int, int, int]  # number of the word, start and end in it

# kind of value | programs, with their subcommand if only that takes it | options, or the number of the argument
TABLE = """
secret | curl | --oauth2-bearer
login | curl | -u --user -U --proxy-user -E --cert --proxy-cert
cookie | curl | -b --cookie
login | http https xh xhs ab hey siege | -a -A --auth
login | podman skopeo buildah | --creds --src-creds --dest-creds
attached | mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlpump mariadb mariadb-dump mariadb-admin | -p
attached | 7z 7za 7zr 7zz rar unrar | -p -hp
secret | docker:login podman:login nerdctl:login buildah:login helm:login oras:login crane:login skopeo:login | -p
secret | apptainer:login singularity:login az:login oc:login | -p
secret | mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop mongofiles | -p
secret | psexec schtasks | -p /p /rp
secret | cypher-shell | -p
secret | sshpass cqlsh beeline exaplus ncftp ncftpput ncftpget rabbitmqadmin rdesktop xfreerdp wlfreerdp | -p
secret | crackmapexec netexec evil-winrm useradd usermod | -p
secret | youtube-dl yt-dlp gallery-dl | -p --twofactor
secret | twine:upload poetry:publish pdm:publish hatch:publish flit:publish uv:publish | -p -t
secret | hatch:publish | -a --auth -P
secret | sqlcmd bcp osql isql tsql fisql zip unzip zipcloak pdm:publish ipmitool | -P
secret | mosquitto_pub mosquitto_sub mosquitto_rr | -P
secret | vsql ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldapcompare ldapmodrdn | -w
secret | ldappasswd | -w -a -s
secret | influx anaconda binstar glab doctl | -t
login | etcdctl | --user
secret | gem:push nuget:push dotnet:nuget kaggle | -k --key
secret | redis-cli | -a
secret | gh:secret | -b --body
attached | xfreerdp wlfreerdp sdl-freerdp | /p:
secret | ssh-keygen | -N -P
secret | keytool jarsigner apksigner | -srcstorepass -deststorepass -new
secret | pdftk | user_pw owner_pw input_pw
secret | swaks sendemail | -ap -xp
secret | snmpwalk snmpget snmpset snmpbulkwalk | -A -X -c
percent | smbclient rpcclient smbget winexe | -U --user
comma | lftp | -u
prefixed | openssl | -passin -passout -pass -k -K
secret | convertto-securestring | -String 1
secret | wandb:login vault:login cargo:login comet:login neptune:login dvc:studio:login rclone:obscure bw:unlock | 1
secret | rabbitmqctl:add_user rabbitmqctl:change_password wpa_passphrase bw:login | 2
secret | mc:alias:set mc:config:host:add | 3 4
setting | aws:configure:set | 2
setting | poetry:config | 3
slash | sqlplus sqlldr expdp impdp | 1 2 3
last | htpasswd | 1
"""
# secret: the word after the option, or what is attached to a short one. attached: only what is attached.
# login: user:secret, as a whole because a token may be in place of the user. cookie: name=secret, otherwise a file.
# percent: user%secret. comma: user,secret. prefixed: pass:secret. slash: user/secret@host.
# setting: the first argument says whether this one is a secret. last: the last argument, with an option -b.
_SEPARATORS = {"percent": "%", "comma": ",", "prefixed": ":"}
_PYTHON = Pattern(r"(?:python|pypy)[\d.]*t?\Z")
_ALIASES = {"huggingface": "huggingface-cli"}
_LONG = Pattern(r"--?[A-Za-z][\w-]*\Z")
_SLASH = Pattern(r"[^\s/@:]+/(?P<secret>[^\s@]+)(?:@\S+)?\Z")
_PAIR = Pattern(r"[^\s:/=,]+:(?P<secret>[^\s/:]{3,})\Z")
_options: Dict[str, Dict[str, str]] = {}  # program, with its subcommand -> option -> kind
_arguments: Dict[str, List[Tuple[List[str], int, str]]] = {}  # program -> words behind it, number of argument, kind


def _load() -> None:
    for line in TABLE.strip().split("\n"):
        kind, names, options = (column.split() for column in line.split("|"))
        for name in names:
            program, *words = name.split(":")
            for option in options:
                if option.isdigit():
                    _arguments.setdefault(program, []).append((words, int(option), kind[0]))
                else:
                    _options.setdefault(name, {})[option] = kind[0]
                    _options.setdefault(program, {})


def secret_parts(words: Sequence[str]) -> List[Part]:
    """Where the words of a command line contain secrets, by what its programs take.

    Any word may be a program: sudo, env, docker exec and ssh start others. Its options are those behind it.
    """
    if not _options:
        _load()
    parts: List[Part] = []
    options: Dict[str, str] = {}
    program = ""
    for number, word in enumerate(words):
        name = _program(word)
        if name in _arguments:
            parts.extend(_in_arguments(name, number, words))
        if program and f"{program}:{word}" in _options:
            options.update(_options[f"{program}:{word}"])
        elif name in _options or _PYTHON.match(name):
            program, options = name, dict(_options.get(name, {}))
        else:
            part = _in_option(number, words, options) if options else None
            if part is None and not program:
                part = _in_unknown_login(number, words)
            parts.extend([part] if part else [])
    return parts


def _program(word: str) -> str:
    name = word.replace("\\", "/").rpartition("/")[2].lower()
    name = name[:-4] if name.endswith(".exe") else name
    return _ALIASES.get(name, name)


def _in_option(number: int, words: Sequence[str], options: Dict[str, str]) -> Optional[Part]:
    word = words[number]
    kind = options.get(word)
    if kind is not None:
        return _in_value(kind, number + 1, words, 0) if kind != "attached" else None
    if word[:1] == "-" and word[1:].isalpha() and len(word) <= 8 and options.get(f"-{word[-1]}") == "login":
        return _in_value("login", number + 1, words, 0)  # curl -sSu
    option, equals, value = word.partition("=")
    if equals and option in options and value:
        return _in_value(options[option], number, words, len(option) + 1)
    for short, kind in options.items():
        if word.startswith(short) and not short.startswith("--") and len(short) <= 3:
            is_plain = kind in ("secret", "login", "cookie") and len(short) == 2 and not _is_long(word, options)
            if kind == "attached" or is_plain:
                return _in_value(kind, number, words, len(short))
    return None


def _is_long(word: str, options: Dict[str, str]) -> bool:
    """Whether a word with one dash is an option of several letters (``-password``) of a program that has such."""
    return any(len(option) > 3 and not option.startswith("--") and word.startswith(option) for option in options)


def _in_value(kind: str, number: int, words: Sequence[str], start: int) -> Optional[Part]:
    """The secret in the value of an option, which begins in a word."""
    word = words[number] if number < len(words) else ""
    value = word[start:]
    if not value or (start == 0 and value.startswith("--") and _LONG.match(value)):
        return None  # an option follows: the program will ask for the password
    if (kind == "cookie" and "=" not in value) or (kind == "login" and "://" in value):
        return None  # a file, the URL behind an option without its value
    if kind not in _SEPARATORS:
        return number, start, len(word)
    at = value.find(_SEPARATORS[kind])
    if kind == "prefixed":
        if at > 0 and value[:at] != "pass":
            return None  # env:NAME, file:PATH, fd:3
        return number, start + at + 1, len(word)
    return (number, start + at + 1, len(word)) if at >= 0 else None


def _in_unknown_login(number: int, words: Sequence[str]) -> Optional[Part]:
    """``-u me:secret`` or ``--user=me:secret`` of an unknown program, by the form of the value."""
    option, equals, value = words[number].partition("=")
    if option not in ("-u", "--user", "--proxy-user", "--login", "--auth"):
        return None
    at, start = (number, len(option) + 1) if equals else (number + 1, 0)
    pair = _PAIR.match(value if equals else words[at] if at < len(words) else "")
    if pair is None or pair.group("secret").isdigit():
        return None
    # the value of --auth is hidden as a whole by its name
    return at, start if option == "--auth" else start + pair.start("secret"), len(words[at])


def _in_arguments(program: str, begin: int, words: Sequence[str]) -> Iterator[Part]:
    """The arguments of a program that are secrets; ``begin`` is the number of the program's word."""
    for subcommand, position, kind in _arguments[program]:
        first = begin + 1 + len(subcommand)
        if list(words[begin + 1 : first]) != subcommand:
            continue
        arguments = [number for number in range(first, min(first + 8, len(words))) if not words[number].startswith("-")]
        number = arguments[position - 1] if len(arguments) >= position else -1
        if kind == "last":
            if any(word.startswith("-") and "b" in word for word in words[begin + 1 : begin + 4]):
                yield len(words) - 1, 0, len(words[-1])
        elif number < 0:
            continue
        elif kind == "slash":
            match = _SLASH.match(words[number])
            if match:
                yield number, match.start("secret"), match.end("secret")
        elif kind != "setting" or _is_secret_setting(words[arguments[0]]):
            yield number, 0, len(words[number])


def _is_secret_setting(name: str) -> bool:
    return sensitivity(name)[0] >= LIKELY or name.startswith(("http-basic.", "pypi-token."))


# ------------------------------------------------------------------------------------------------ commands in a text

_WORD = Pattern(r"""(?:[^\s"'\\;|&()]|\\.|"(?:[^"\\\n]|\\.){0,4096}"|'[^'\n]{0,4096}'|["'])+""")
_ITEM = Pattern(r"[\"']([^\"'\n]*)[\"']")
_INPUT = r"[^|\n]{0,80}(?:--password-stdin|\bsudo[ \t]+-S|--with-token|\bchpasswd|\bsecrets?[ \t]+(?:create|set)\b)"
_PIPED = Pattern(
    rf"\b(?:echo|printf)[ \t]+(?:-n[ \t]+)?[\"']?([^\s\"'|$]+)[\"']?[ \t]*\|[ \t]*{_INPUT}"
    rf"|{_INPUT}[^|\n]{{0,80}}<<<[ \t]*[\"']?([^\s\"'|$]+)"
    r"|(?:pass|secret|token|key)[\w-]{0,20}[ =]<\((?:echo|printf)[ \t]+(?:-n[ \t]+)?[\"']?([^\s\"')$]+)"
)
_SECRET_FILE = r">{1,2}[ \t]*[\"']?[^\s\"'|;&]{0,200}?(?:token|secret|passw|api_?key|netrc|pgpass|credential)"
_WRITTEN = Pattern(
    rf"(?:\b(?:echo|printf|Set-Content)[ \t]+(?:-n[ \t]+|[\"']?%s(?:\\\\?n)?[\"']?[ \t]+)?|<<<[ \t]*)"
    rf"[\"']?([^\s\"'|>$]+)[\"']?[ \t]*{_SECRET_FILE}",
    re.IGNORECASE,
)
_SEGMENT_END = Pattern(r"(?<!\\)\n|\||;|&&")
_LONGEST_COMMAND = 4_000
_calls: List[Pattern] = []


def in_text(text: str) -> Iterator[Span]:
    """Where commands in a text take secrets: ``+ curl -u me:X``, ``RUN mysql -pX``, ``bash -c "wandb login X"``."""
    if not _calls:
        _load()
        programs = {*_options, *_arguments, "ConvertTo-SecureString"}
        names = "|".join(re.escape(name) for name in sorted(programs, key=lambda name: (-len(name), name)))
        _calls.append(Pattern(rf"(?<![\w.-])(?:{names})(?:\.exe)?(?=[ \t]|[\"'][ \t]*,)"))
    if ("|" in text and ("echo" in text or "printf" in text)) or "<<<" in text or "<(" in text:
        for piped in _PIPED.finditer(text):
            yield (*piped.span(piped.lastindex or 0), None)
    if ">" in text:
        for written in _WRITTEN.finditer(text):
            if looks_issued(written.group(1)):
                yield (*written.span(1), None)
    position = 0
    while True:
        match = _calls[0].search(text, position)
        if match is None:
            return
        stop = min(len(text), match.start() + _LONGEST_COMMAND)
        is_list = text[match.end()] in "\"'"
        words, stop = (_listed if is_list else _split)(text, match.start(), match.end(), stop)
        for number, start, end in secret_parts([word for word, _, _ in words]):
            word, first, last = words[number]
            if not text.startswith("secret:sha256:", first + start) and word[start : start + 1] not in ("$", "<"):
                yield first + start, min(first + end, last), None
        position = max(stop, match.end())


def _split(text: str, start: int, end: int, stop: int) -> Tuple[List[Tuple[str, int, int]], int]:
    """(the words of a command, as a shell splits it, each without its quotes, with its start and end; the end)"""
    ends = _SEGMENT_END.search(text, end, stop)
    stop = ends.start() if ends else stop
    line = text.rfind("\n", max(0, start - 400), start) + 1
    for quote in "\"'`":
        if text.count(quote, line, start) % 2:  # the command is in quotes, which end it
            closing = text.find(quote, end, stop)
            stop = closing if closing >= 0 else stop
    words = []
    for match in _WORD.finditer(text, start, stop):
        word, first, last = match.group(), match.start(), match.end()
        if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'":
            word, first, last = word[1:-1], first + 1, last - 1
        words.append((word, first, last))
    return words, stop


def _listed(text: str, start: int, end: int, stop: int) -> Tuple[List[Tuple[str, int, int]], int]:
    """The same of a command that a program writes as a list: ``["curl", "-u", "me:X"]``."""
    ends = _SEGMENT_END.search(text, end, stop)
    stop = ends.start() if ends else stop
    closing = text.find("]", end, stop)
    items = _ITEM.finditer(text, end + 1, stop if closing < 0 else closing)
    return [(text[start:end], start, end), *((item.group(1), *item.span(1)) for item in items)], stop
