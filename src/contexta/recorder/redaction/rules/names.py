"""Decide which names of variables, options, keys and headers name a secret, and how certainly."""

from __future__ import annotations

from contexta.recorder.redaction.rules.pattern import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Tuple

    Sensitivity = Tuple[int, str]  # a level of certainty, and the word that decides

NONE, CONTAINED, LIKELY, CERTAIN = range(4)
"""The levels of certainty.

NONE: no sensitive word. CONTAINED: a sensitive word that describes another one (``password_dataset``). LIKELY: a word
with other uses (``token``, ``auth``), so that ordinary words under it are no secrets. CERTAIN: a word with one use.
"""

_WORDS = Pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_FOREIGN = Pattern("contraseñ|пароль|密码|密碼|密钥|パスワード|비밀번호")

_CERTAIN = frozenset(
    """
    secret secrets password passwords passwd passphrase passphrases passcode credential credentials creds apikey apikeys
    apitoken authtoken accesstoken accesskey secretkey privatekey authkey jwt dsn netrc connectionstring connstr otp
    htpasswd mnemonic psk pwd pw passwort kennwort senha contrasena motdepasse userpwd userpass dbpass dbpw dbpasswd
    masterauth
    """.split()
)
_LIKELY = frozenset(
    "token tok auth pat pass bearer sas webhook signature cookie cookies authorization"
    " sessionid jsessionid phpsessid sessid".split()
)
# One word of a name may be made of two: dbpassword, githubtoken, clientsecret
_ENDINGS = (
    "password passwd passwort kennwort passphrase passcode secret secrets apikey apikeys authtoken accesstoken "
    "accesskey secretkey privatekey authkey pwd credentials connectionstring"
).split()
_BEFORE_PASS = frozenset(
    """
    db database user my root admin sql mysql pg postgres psql redis smtp mail email imap ftp sftp ssh key store trust
    keystore truststore vault sudo http https proxy ldap mongo mongodb rabbit rabbitmq amqp mqtt login wifi wlan vpn
    account service registry docker nexus artifactory jenkins jira grafana oracle mssql ora sys app api basic auth bind
    http_auth web site net nas smb rdp vnc cert p12 pfx jks master encryption enc zip pdf git svn hive kafka elastic es
    require
    """.split()
)
_BEFORE_TOKEN = frozenset(
    """
    api access auth authn authz refresh bearer bot user id secret oauth oauth2 hf hub huggingface github gh gitlab gl
    bitbucket git session csrf xsrf wandb openai anthropic cohere mistral replicate slack discord telegram azure aws gcp
    google npm pypi twine cargo conda anaconda docker registry vault consul nomad k8s kube kubernetes sa service jwt
    login admin personal private deploy deployment webhook app client dev read write publish upload index repo ci
    codecov sonar jenkins circle circleci travis heroku netlify vercel cloudflare digitalocean do linode terraform tf
    tfe mlflow comet neptune clearml dagshub kaggle roboflow labelbox databricks snowflake influx influxdb grafana
    sentry datadog newrelic security sts sso saml mfa device verify verification reset invite signing master root db
    jupyter notebook lab gateway proxy x my
    """.split()
)
_KEYS = frozenset(
    """
    api access secret private auth encryption decryption signing sign ssh aws azure gcp openai anthropic cohere hf wandb
    pgp gpg tls ssl rsa dsa hmac aes fernet cipher crypto crypt account storage subscription client cohere mistral groq
    gemini deepseek together replicate pinecone qdrant weaviate langchain langsmith sendgrid mailgun twilio stripe
    comet neptune kaggle cosmos datadog dd newrelic sentry algolia google maps firebase supabase jwt minio
    s3 b2 r2 backblaze wasabi
    """.split()
)
_MAYBE_KEYS = frozenset(
    "license licence session host admin write read push app shared deploy service master root token consumer vault sas "
    "user team project org member instrumentation function functions search speech vision translator".split()
)
# Before "token": it is a piece of a text
_MODEL_WORDS = frozenset(
    """
    cls pad eos bos sep mask unk unknown special image img video audio vision text speech num n max min per new total
    prefix suffix next first last prev previous vocab start end begin stop decoder encoder forced class distill dist
    visual query register reg sot eot middle pre word sub subword byte char add skip ignore use has is by line
    think tool role classification separation extra additional learnable global patch row column newline space blank
    target source lang language each every one single avg mean average count fim sink draft accepted rejected prompt
    completion input output context generated in out cache cached time memory latent state object point box grid frame
    """.split()
)
_PASSES = frozenset(
    """
    forward backward n num single multi two one first second third high low band final train eval test tests val all
    render compile optimizer graph fusion lowering did does must will can should is has pre post by com sur tres over
    under encom im
    """.split()
)
# These words may follow the name of a secret: PASSWORD_PROD, secret_2, token_value
_AFTER = frozenset(
    """
    value val raw plain plaintext text str string b64 base64 json header prod production dev development stage staging
    test testing live sandbox old new current backup primary secondary main confirmation confirm again repeat local
    remote default env
    """.split()
)
_OPTIONS = frozenset("token tok pat pass cookie sas webhook".split())
_PAIRS = {
    **dict.fromkeys([("connection", "string"), ("connection", "str"), ("conn", "str")], "connectionstring"),
    ("webhook", "url"): "url",
    **{(before, last): "passcode" for before in "mfa otp recovery backup totp".split() for last in ("code", "codes")},
    **{
        (before, last): "passphrase"
        for before in "pass seed recovery mnemonic secret".split()
        for last in ("phrase", "words")
    },
}
_ONLY_AT_THE_END = frozenset(["pwd", "pw", "tok", "pat", "pass", "otp", "sas", "dsn", "jwt", "auth", "bearer"])
_LONGEST = 128
_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-ñÑ"
# The words that sensitive names are made of, and the letters that must not follow them
_STEMS = (
    *(
        (stem, "")
        for stem in "pass pwd pw secret tok key cred cookie bearer jwt dsn sas otp webhook signature netrc phrase"
        " mnemonic identified psk sessionid sessid mfa_code otp_code recovery_code backup_code login fernet simple_bind"
        " hmac.new boto3.session"
        " kennwort senha contrase connstr conn_str connectionstring connection_string"
        " пароль 密码 密碼 密钥 パスワード 비밀번호".split()
    ),
    ("pat", "hct"),
    ("auth", "o"),
    ("authori", "t"),
)
CONTEXTUAL = tuple("key keys phrase words passe identified login fernet simple_bind simple_bind_s new session".split())
"""Names that only their context makes sensitive."""
_CACHE: Dict[str, Sensitivity] = {}
_CACHED = 20_000


def stems(text: str) -> List[Tuple[int, int]]:
    """The places of parts of sensitive names in a text, in order: (start, end)."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters become two
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    places: List[Tuple[int, int]] = []
    for stem, unless in _STEMS:
        at = lower.find(stem)
        while at >= 0:
            end = at + len(stem)
            if not unless or lower[end : end + 1] not in unless or end == len(lower):
                places.append((at, end))
            at = lower.find(stem, end)
    return sorted(places)


def name_around(text: str, start: int, end: int, floor: int) -> Tuple[int, int]:
    """The start and end of the name that a part belongs to. It begins at ``floor`` at the earliest."""
    before, after = text[max(floor, start - _LONGEST) : start], text[end : end + _LONGEST]
    return start - len(before) + len(before.rstrip(_CHARACTERS)), end + len(after) - len(after.lstrip(_CHARACTERS))


def is_secret_name(name: str) -> bool:
    """Whether a variable, option or key of this name holds a secret."""
    return sensitivity(name)[0] >= LIKELY


def sensitivity(name: str) -> Sensitivity:
    """How certainly a value of this name is a secret, and the word that decides.

    name: also a path of keys, ``trainer.logger.api_key``.
    """
    cached = _CACHE.get(name)
    if cached is None:
        if len(_CACHE) >= _CACHED:
            _CACHE.clear()
        cached = _CACHE[name] = _sensitivity(name[-256:])
    return cached


def of_option(name: str) -> Sensitivity:
    """The sensitivity of a command-line option: the value of ``--token`` is no piece of a text."""
    level, word = sensitivity(name)
    return (CERTAIN if level == LIKELY and word in _OPTIONS else level), word


def is_plural(word: str) -> bool:
    """Whether the word that decides names several secrets: ``api_keys``. Then a small number counts them."""
    return word.endswith("s") and not word.endswith("pass")


# Keys under `credentials:` whose values are no secrets
_BESIDE = frozenset(
    """
    type kind name user username enabled provider path file url uri host port region method scheme backend project id
    description expires scope scopes email account realm database db driver version timeout size length
    """.split()
)


def _sensitivity(name: str) -> Sensitivity:
    if name in ("PWD", "OLDPWD"):
        return LIKELY, "cwd"  # a shell's directory, or the password of a connection string
    whole = _of_words([word.lower() for word in _WORDS.findall(name)])
    if whole[0] < LIKELY and not name.isascii() and _FOREIGN.search(name.lower()):
        return CERTAIN, "password"
    if whole[0] < LIKELY and "." in name:
        above, _, leaf = name.rpartition(".")
        if leaf and below(above.rpartition(".")[2], leaf) is not None:
            return LIKELY, leaf.lower()
    return whole


def below(above: str, leaf: str) -> "Sensitivity | None":
    """The sensitivity of a key by the name above it (``key`` under ``openai``); None if that says nothing."""
    level, word = sensitivity(above)
    own = sensitivity(leaf)
    if own[0] >= LIKELY:
        return own
    if level >= LIKELY:
        return None if leaf.lower() in _BESIDE else (level, word)
    if leaf.lower() in ("key", "keys"):
        joined = _of_words([word.lower() for word in _WORDS.findall(f"{above}_{leaf}")])
        return joined if joined[0] >= LIKELY else None
    return None


def _of_words(words: List[str]) -> Sensitivity:
    joined = "".join(words)
    if joined in _CERTAIN and len(joined) > 3:
        return CERTAIN, joined
    core = _without_qualifier(words)
    while len(core) > 1 and (core[-1] in _AFTER or core[-1].isdigit()) and not _ends_secret(core):
        core.pop()
    decided = _ends_secret(core)
    if decided is not None:
        return decided
    if any(_ends_secret([word]) is not None for word in words if word not in _ONLY_AT_THE_END):
        return CONTAINED, ""
    return NONE, ""


def _without_qualifier(words: List[str]) -> List[str]:
    """The words without those that only say whose secret it is: ``password_for_db``, ``POETRY_PYPI_TOKEN_PRIVATE``."""
    if "for" in words[1:]:
        named = words[: words.index("for", 1)]
        return named if _ends_secret(named) is not None else list(words)
    if words[:1] in (["poetry"], ["fs"], ["spark"]):
        for number in range(2, len(words)):
            if words[number - 2 : number] in (["pypi", "token"], ["account", "key"]):
                return words[:number]
    return words[:-1] if words[-2:] in (["key", "data"], ["key", "base"]) else list(words)


def _ends_secret(words: List[str]) -> "Sensitivity | None":
    """The sensitivity by the last word and the one before it; None if they say nothing."""
    if not words:
        return None
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _CERTAIN or (before, last) in _PAIRS:
        return CERTAIN, _PAIRS.get((before, last), last)
    if last in ("key", "keys"):
        if before in _KEYS:
            return CERTAIN, last
        return (LIKELY, last) if before in _MAYBE_KEYS else None
    if last == "tokens":
        if before in ("", "user", "id"):
            return LIKELY, last
        return (CERTAIN, last) if before in _BEFORE_TOKEN else None
    if last in ("token", "tok"):
        return None if before in _MODEL_WORDS else (CERTAIN if before in _BEFORE_TOKEN else LIKELY, last)
    if last == "pass":
        return None if before in _PASSES else (CERTAIN if before in _BEFORE_PASS else LIKELY, last)
    if last in _LIKELY:
        return (CERTAIN if last == "pat" and before in _BEFORE_TOKEN else LIKELY), last
    return _of_compound(last)


def _of_compound(word: str) -> "Sensitivity | None":
    """The sensitivity of two words written as one: dbpassword, githubtoken."""
    for ending in _ENDINGS:
        if word.endswith(ending):
            return CERTAIN, ending
    if word.endswith("token") and word[:-5] not in _MODEL_WORDS:
        return (CERTAIN if word[:-5] in _BEFORE_TOKEN else LIKELY), "token"
    for ending, before in (("pass", _BEFORE_PASS), ("pw", _BEFORE_PASS), ("key", _KEYS)):
        if word.endswith(ending) and word[: -len(ending)] in before:
            return CERTAIN, ending
    return None
