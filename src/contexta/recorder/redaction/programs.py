"""Which options of which program take a secret: ``-p`` of mysql does, of ssh it is a port, and ``-u`` of python is no
login.

Sources: the manual pages of these programs.
"""

from __future__ import annotations

import re

from contexta.recorder.redaction.pattern import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Optional, Sequence, Tuple

    Part = Tuple[int, int, int]  # number of the word, start and end in it

# secret: the word after the option, or what is attached to a short one. attached: only what is attached.
# login: user:secret, as a whole because a token may stand for the user. cookie: name=secret, else a file.
# percent: user%secret. comma: user,secret. prefixed: pass:secret
_SECRET, _ATTACHED, _LOGIN, _COOKIE = "secret", "attached", "login", "cookie"
_PERCENT, _COMMA, _PREFIXED = "percent", "comma", "prefixed"
_TABLE = """
curl|-u --user -U --proxy-user login
curl|--oauth2-bearer --pass --proxy-pass --tlspassword --proxy-tlspassword secret
curl|-b --cookie cookie
curl|-E --cert --proxy-cert login
wget|--password --http-password --ftp-password --proxy-password secret
http https xh xhs|-a --auth login
mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlpump|-p attached
mariadb mariadb-dump mariadb-admin|-p attached
sshpass|-p secret
docker:login podman:login nerdctl:login buildah:login|-p --password secret
helm:login oras:login crane:login skopeo:login|-p --password secret
apptainer:login singularity:login|-p --password secret
podman skopeo buildah|--creds --src-creds --dest-creds login
redis-cli|-a --pass secret
mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop mongofiles|-p --password secret
sqlcmd bcp osql isql tsql fisql|-P secret
cqlsh beeline exaplus|-p secret
clickhouse-client|--password secret
vsql|-w secret
influx|-password --password -t --token secret
ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldapcompare ldapmodrdn|-w secret
ldappasswd|-w -a -s secret
smbclient rpcclient smbget|-U --user percent
winexe|-U percent
zip unzip zipcloak|-P --password secret
7z 7za 7zr 7zz rar unrar|-p -hp attached
gpg gpg2|--passphrase secret
openssl|-passin -passout -pass -k -K prefixed
ssh-keygen|-N -P secret
keytool jarsigner apksigner|-storepass -keypass -srcstorepass -deststorepass -new secret
pdftk|user_pw owner_pw input_pw secret
az:login|-p --password secret
oc:login|-p --password --token secret
az|--account-key --sas-token --connection-string secret
huggingface-cli hf|--token secret
twine:upload poetry:publish pdm:publish hatch:publish flit:publish uv:publish|-p --password -t --token secret
hatch:publish|-a --auth -P secret
pdm:publish|-P secret
npm yarn pnpm|--_authToken --otp secret
gem:push nuget:push dotnet:nuget|-k --api-key -ApiKey --key secret
nuget|-Password -ApiKey secret
anaconda binstar|-t --token secret
jf jfrog|--password --access-token --apikey secret
s3cmd|--access_key --secret_key secret
svn|--password secret
lftp|-u comma
ncftp ncftpput ncftpget|-p secret
swaks sendemail|-ap --auth-password -xp secret
ipmitool|-P secret
snmpwalk snmpget snmpset snmpbulkwalk|-A -X -c secret
rabbitmqadmin|-p --password secret
mosquitto_pub mosquitto_sub mosquitto_rr|-P --pw secret
ab hey siege|-A -a login
aria2c|--http-passwd --ftp-passwd --rpc-secret secret
youtube-dl yt-dlp gallery-dl|-p --password --video-password --twofactor secret
rdesktop xfreerdp wlfreerdp|-p secret
crackmapexec netexec evil-winrm|-p --password secret
useradd usermod|-p --password secret
nats|--password --token secret
consul nomad|-token secret
glab|--token -t secret
databricks|--token secret
kaggle|-k --key secret
"""
# (program and the words that follow it, how many words to pass over, which are no options); the next one is the secret
_POSITIONS = (
    (("wandb", "login"), 0),
    (("vault", "login"), 0),
    (("cargo", "login"), 0),
    (("comet", "login"), 0),
    (("neptune", "login"), 0),
    (("dvc", "studio", "login"), 0),
    (("rclone", "obscure"), 0),
    (("aws", "configure", "set"), 1),
    (("poetry", "config"), 2),
    (("rabbitmqctl", "add_user"), 1),
    (("rabbitmqctl", "change_password"), 1),
    (("wpa_passphrase",), 1),
    (("mc", "alias", "set"), 2),
    (("mc", "alias", "set"), 3),
    (("mc", "config", "host", "add"), 2),
    (("mc", "config", "host", "add"), 3),
)
_PYTHON = Pattern(r"(?:python|pypy)[\d.]*t?\Z")
_ALIASES = {"huggingface": "huggingface-cli"}
_LONG = Pattern(r"--?[A-Za-z][\w-]*\Z")
_options: Dict[str, Dict[str, str]] = {}
_SQLPLUS = Pattern(r"[^\s/@:]+/(?P<secret>[^\s@]+)(?:@\S+)?\Z")


def _table() -> Dict[str, Dict[str, str]]:
    """program (with its subcommand) -> option -> kind"""
    if not _options:
        for line in _TABLE.split("\n"):
            names, _, rest = line.partition("|")
            *options, kind = rest.split() or [""]
            for name in names.split():
                _options.setdefault(name, {}).update(dict.fromkeys(options, kind))
    return _options


def program_names() -> List[str]:
    """The programs whose options are known here, the longest name first."""
    names = (
        {name.partition(":")[0] for name in _table()} | {words[0] for words, _ in _POSITIONS} | {"htpasswd", "sqlplus"}
    )
    return sorted(names, key=lambda name: (-len(name), name))


def secret_parts(words: Sequence[str]) -> List[Part]:
    """Where in the words of a command line secrets are, by what its programs take.

    A program may be any of the words: sudo, env, docker exec and ssh start others. Its options are those behind it.
    """
    parts: List[Part] = []
    table = _table()
    known: Dict[str, str] = {}
    program = ""
    for number, word in enumerate(words):
        name = _program(word)
        if name and (name in table or any(key.startswith(name + ":") for key in table)):
            program, known = name, dict(table.get(name, {}))
            continue
        if program and f"{program}:{word}" in table:
            known.update(table[f"{program}:{word}"])
            continue
        if name and _PYTHON.match(name):
            program, known = name, {}
        part = _part(number, word, words, known) if known else None
        if part is None and not program:
            part = _unknown_login(number, word, words)
        if part is not None:
            parts.append(part)
    return [*parts, *_positions(words)]


def _program(word: str) -> str:
    name = word.replace("\\", "/").rpartition("/")[2].lower()
    if name.endswith(".exe"):
        name = name[:-4]
    return _ALIASES.get(name, name)


def _part(number: int, word: str, words: Sequence[str], known: Dict[str, str]) -> Optional[Part]:
    kind = known.get(word)
    if kind == _ATTACHED:
        return None
    if kind is not None:
        return _in_value(kind, number + 1, words[number + 1], 0) if number + 1 < len(words) else None
    option, equals, value = word.partition("=")
    if equals and option in known and value:
        return _in_value(known[option], number, word, len(option) + 1)
    for short, kind in known.items():
        if len(word) > len(short) and word.startswith(short) and not short.startswith("--") and len(short) <= 3:
            if kind == _ATTACHED or (
                kind in (_SECRET, _LOGIN, _COOKIE) and len(short) == 2 and not _is_long(word, known)
            ):
                return _in_value(_SECRET if kind == _ATTACHED else kind, number, word, len(short))
    return None


def _is_long(word: str, known: Dict[str, str]) -> bool:
    """Whether a word with one dash is an option of several letters (-password) where programs have such."""
    return any(len(option) > 3 and not option.startswith("--") and word.startswith(option) for option in known)


def _in_value(kind: str, number: int, word: str, start: int) -> Optional[Part]:
    value = word[start:]
    if not value or (start == 0 and value.startswith("--") and _LONG.match(value)):
        return None  # an option follows: the password will be asked for
    if kind == _COOKIE and "=" not in value:
        return None  # a file
    mark = {_PERCENT: "%", _COMMA: ",", _PREFIXED: ":"}.get(kind)
    if mark is None:
        return number, start, len(word)
    at = value.find(mark)
    if kind == _PREFIXED:
        if at > 0 and value[:at] != "pass":
            return None  # env:NAME, file:PATH, fd:3
        return number, start + at + 1, len(word)
    return (number, start + at + 1, len(word)) if at >= 0 else None


_PAIR = Pattern(r"[^\s:/=,]+:(?P<secret>[^\s/:]{3,})\Z")


def _unknown_login(number: int, word: str, words: Sequence[str]) -> Optional[Part]:
    """``-u me:secret`` of a program that is not known here: by the form of the value."""
    if word not in ("-u", "--user", "--proxy-user", "--login", "--auth") or number + 1 == len(words):
        return None
    pair = _PAIR.match(words[number + 1])
    if pair is None or pair.group("secret").isdigit():
        return None
    return number + 1, pair.start("secret"), len(words[number + 1])


def _positions(words: Sequence[str]) -> Iterator[Part]:
    lowered = [_program(word) for word in words]
    for begin, name in enumerate(lowered):
        if name == "htpasswd" and any(word.startswith("-") and "b" in word for word in words[begin + 1 : begin + 4]):
            yield len(words) - 1, 0, len(words[-1])
        if name in ("sqlplus", "sqlldr", "expdp", "impdp"):
            for number in range(begin + 1, min(begin + 4, len(words))):
                match = _SQLPLUS.match(words[number])
                if match:
                    yield number, match.start("secret"), match.end("secret")
        for pattern, passed_over in _POSITIONS:
            if name == pattern[0] and tuple(words[begin + 1 : begin + len(pattern)]) == pattern[1:]:
                rest = [
                    number
                    for number in range(begin + len(pattern), min(begin + len(pattern) + 8, len(words)))
                    if not words[number].startswith("-")
                ]
                if len(rest) > passed_over and _fits(pattern, words, rest):
                    yield rest[passed_over], 0, len(words[rest[passed_over]])


def _fits(pattern: Tuple[str, ...], words: Sequence[str], rest: List[int]) -> bool:
    """Whether the setting that is set is one that holds a secret."""
    from contexta.recorder.redaction.names import LIKELY, sensitivity

    if pattern[0] == "aws":
        return sensitivity(words[rest[0]])[0] >= LIKELY
    if pattern[0] == "poetry":
        return words[rest[0]].startswith(("http-basic.", "pypi-token."))
    return True


# ------------------------------------------------------------------------------------------------ words of a line

_WORD = Pattern(r"""(?:[^\s"'\\;|&()]|\\.|"(?:[^"\\\n]|\\.){0,4096}"|'[^'\n]{0,4096}'|["'])+""")


def split(text: str, start: int, stop: int) -> List[Tuple[str, int, int]]:
    """The words of a command in a text, as a shell splits it: (word without its quotes, start, end).

    start and end: of what is in the quotes where these are around the whole word.
    """
    words = []
    for match in _WORD.finditer(text, start, stop):
        word, first, last = match.group(), match.start(), match.end()
        if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'":
            word, first, last = word[1:-1], first + 1, last - 1
        words.append((word, first, last))
    return words


_ITEM = Pattern(r"[\"']([^\"'\n]*)[\"']")
_PIPED = Pattern(
    r"\b(?:echo|printf)[ \t]+(?:-n[ \t]+)?[\"']?([^\s\"'|$]+)[\"']?[ \t]*\|[ \t]*[^|\n]{0,80}"
    r"(?:--password-stdin|\bsudo[ \t]+-S|--with-token|\bchpasswd)"
)


def _listed(text: str, start: int, end: int, stop: int) -> List[Tuple[str, int, int]]:
    """The words of a command that a program writes as a list: ["curl", "-u", "me:X"]."""
    closing = text.find("]", end, stop)
    items = _ITEM.finditer(text, end + 1, stop if closing < 0 else closing)
    return [(text[start:end], start, end), *((each.group(1), each.start(1), each.end(1)) for each in items)]


_SEGMENT_END = Pattern(r"(?<!\\)\n|\||;|&&")
_LONGEST_COMMAND = 4_000
_CALLS: List[Pattern] = []


def in_text(text: str) -> Iterator[Tuple[int, int, None]]:
    """Where commands in a text take secrets: ``+ curl -u me:X``, ``RUN mysql -pX``, ``bash -c "wandb login X"``."""
    if not _CALLS:
        names = "|".join(re.escape(name) for name in program_names())
        _CALLS.append(Pattern(rf"(?<![\w.-])(?:{names})(?:\.exe)?(?=[ \t]|[\"'][ \t]*,)"))
    if "|" in text and ("echo" in text or "printf" in text):
        for piped in _PIPED.finditer(text):
            yield piped.start(1), piped.end(1), None
    position = 0
    while True:
        match = _CALLS[0].search(text, position)
        if match is None:
            return
        stop = min(len(text), match.start() + _LONGEST_COMMAND)
        ends = _SEGMENT_END.search(text, match.end(), stop)
        stop = ends.start() if ends else stop
        line = text.rfind("\n", max(0, match.start() - 400), match.start()) + 1
        for quote in () if text[match.end()] in "\"'" else "\"'":
            if text.count(quote, line, match.start()) % 2:  # within quotes, which end the command
                closing = text.find(quote, match.end(), stop)
                stop = closing if closing >= 0 else stop
        listed = text[match.end()] in "\"'"
        words = _listed(text, match.start(), match.end(), stop) if listed else split(text, match.start(), stop)
        for number, start, end in secret_parts([word for word, _, _ in words]):
            first, last = words[number][1] + start, words[number][1] + end
            if not text.startswith("secret:sha256:", first) and words[number][0][start : start + 1] not in ("$", "<"):
                yield first, min(last, words[number][2]), None
        position = max(stop, match.end())
