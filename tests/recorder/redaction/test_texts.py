"""Secrets in all the ways they are written are hidden; what only sounds or looks like one stays readable."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable

import pytest
from support.canaries import ISSUED, LOOKALIKES, WRITTEN, written

from contexta.recorder.redaction import redact
from contexta.recorder.redaction.notations import named, repetition
from contexta.recorder.redaction.rules import program_options
from contexta.recorder.source.patches import without_secrets

SALT = b"salt of a workspace"
# A word with a number in it, letters and digits, two words in one: only their context reveals these, not their form
CANARIES = ("plaincanary07word", "Tr0ub4dor3x", "hunter2hunter")
KEY = """-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEAq1Yc7QzJ4m0yq9yYb7Qe0n2gq1mY0t5cZ3kq9yYb7Qe0n2gq
Zx9Kq2Lm8Wp4Rt7Yv3Bn6Hs1abcdefghmY0t5cZ3kq9yYb7Qe0n2gq1mY0t5cZ3k
c2hvcnQ=
-----END RSA PRIVATE KEY-----
after = 1"""
LINES = KEY.split("\n")


@pytest.mark.parametrize("notation", WRITTEN)
def test_a_secret_is_hidden_in_every_notation(notation: str) -> None:
    leaked = [
        text
        for line in WRITTEN[notation]
        for canary in CANARIES
        for text in (written(line, canary), f"2025-02-15 12:00 INFO\n{written(line, canary)}\nnext line")
        if canary in redact.inside(text, SALT)
    ]
    assert leaked == []


@pytest.mark.parametrize("between", ["\n\n", "\n", "\n---\n"])
def test_secrets_of_all_notations_in_one_text_are_hidden(between: str) -> None:
    secrets: dict[str, str] = {}
    for notation in (notation for notations in WRITTEN.values() for notation in notations):
        secrets[f"plain{len(secrets):04}canary"] = notation
    cleaned = redact.inside(between.join(written(notation, secret) for secret, notation in secrets.items()), SALT)
    leaked = [notation for secret, notation in secrets.items() if secret in cleaned]
    assert len(leaked) <= 0.01 * len(secrets), leaked


@pytest.mark.parametrize("issuer", ISSUED)
def test_a_token_of_a_published_form_is_hidden_in_every_context(issuer: str) -> None:
    for number in range(5):
        token = ISSUED[issuer](number)
        last_part = re.findall(r"[A-Za-z0-9]{6,}", token)[-1][-10:]
        for text in (token, f"see {token} there", f'"{token}"', f"value: {token}", f"a={token};", f"line\\n{token}"):
            assert last_part not in redact.inside(text, SALT), text


def test_lookalikes_stay_readable_in_texts_parameters_and_arguments() -> None:
    assert len(set(LOOKALIKES)) >= 500
    assert [text for text in LOOKALIKES if redact.inside(text, SALT) != text] == []
    assert redact.parameters({"texts": {str(n): text for n, text in enumerate(LOOKALIKES)}}, SALT)[1] == []
    words = [text for text in LOOKALIKES if not set(text) & set("\n{}")]
    hidden = [text for text in words if redact.argv(split(text), SALT)[0] != split(text)]
    assert hidden == []


def split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


@pytest.mark.parametrize(
    ("arguments", "is_readable"),
    [
        (["python", "-u", "train.py"], True),
        (["python3.12", "-u", "-m", "package.train", "-p", "8080"], True),
        (["torchrun", "-u", "train.py"], True),
        (["ssh", "-p", "2222", "me@host"], True),
        (["docker", "run", "-p", "80:80", "-u", "1000", "image"], True),
        (["uv", "run", "-p", "3.12", "train.py"], True),
        (["pip", "install", "-U", "package"], True),
        (["curl", "-o", "file", "-u", "me:plaincanary"], False),
        (["mysql", "-u", "root", "-pplaincanary", "db"], False),
        (["mysqldump", "--password=plaincanary"], False),
        (["sshpass", "-p", "plaincanary", "ssh", "host"], False),
        (["docker", "login", "-u", "me", "-p", "plaincanary"], False),
        (["sudo", "-u", "me", "redis-cli", "-a", "plaincanary"], False),
        (["bash", "-c", "mysql -pplaincanary db"], False),
        (["sh", "-c", "wandb login plaincanary && python -u train.py"], False),
        (["env", "A=b", "vault", "login", "plaincanary"], False),
        (["openssl", "enc", "-pass", "pass:plaincanary"], False),
    ],
)
def test_an_option_is_read_as_its_program_reads_it(arguments: list[str], is_readable: bool) -> None:
    cleaned, notes = redact.argv(arguments, SALT)
    assert "plaincanary" not in " ".join(cleaned)
    assert (cleaned == arguments) is is_readable
    assert bool(notes) is not is_readable


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        "\n".join(f"2025-02-15 INFO {line}" for line in LINES),
        "\n".join(f"+ {line}" for line in LINES),
        json.dumps({"a": KEY}),
        "\n".join(LINES[1:]),
        "\n".join(LINES[:3]),
        "\n".join(f"\x1b[31m{line}\x1b[0m" for line in LINES),
        "\r\n".join(LINES),
        KEY.replace("RSA PRIVATE", "OPENSSH PRIVATE"),
    ],
)
def test_the_lines_of_a_private_key_are_hidden_and_the_lines_around_it_stay(text: str) -> None:
    cleaned = redact.inside(text, SALT)
    for line in LINES[1:4]:
        assert line not in cleaned
    assert ("after = 1" in cleaned) == ("after = 1" in text)
    assert cleaned.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    "text",
    [
        "x" * 50 + " ghp_aBcDeFgHiJkL\nmNoPqRsTuVwXyZ0123",
        "│ HF_TOKEN │ hf_aBcDeFgH │\n│          │ mNoPqRsTuVwXyZ0123 │",
        "token: hf_aBcDeFg\x1b[0m\x1b[31mHmNoPqRsTuVwXyZ0123",
        "password: " + "x7" * 30 + "\nmNoPqRsTuVwXyZ0123",
        "│ " + "y" * 40 + " sk-proj-aBcDeFg │\n│ mNoPqRsTuVwXyZ0123 │",
    ],
)
def test_a_secret_that_colours_tables_or_line_breaks_split_is_hidden(text: str) -> None:
    cleaned = redact.inside(text, SALT)
    assert "mNoPqRsTuVwXyZ0123" not in cleaned
    assert "aBcDeFg" not in cleaned


def test_redacting_twice_changes_nothing_more() -> None:
    for notation in (notation for notations in WRITTEN.values() for notation in notations):
        once = redact.inside(written(notation, "plaincanary07word"), SALT)
        assert redact.inside(once, SALT) == once, notation


def test_a_secret_that_is_a_key_appears_in_no_note() -> None:
    cleaned, notes = redact.parameters(
        {
            "api_keys": {"plaincanary07word": "alice"},
            "x": {"password=plaincanary07word": {"token": "abc123def"}},
            "args": ["--password", "plaincanary07word", "--lr", "0.1"],
            "pairs": [["password", "plaincanary07word"]],
            "env": [{"name": "HF_TOKEN", "value": "plaincanary07word"}],
            "command": "bash -c 'train --token plaincanary07word'",
        },
        SALT,
    )
    assert "plaincanary07word" not in json.dumps([cleaned, notes])
    assert cleaned["args"][2:] == ["--lr", "0.1"]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("a.yaml", [" password:", "-  old1canary", "+  new1canary"]),
        ("a.yaml", ["+token: |", "+  new1canary", "+next: 1"]),
        ("a.yaml", ["+  - name: HF_TOKEN", "+    value: new1canary"]),
        ("a.py", ['@@ -1,2 +3,4 @@ password = "new1canary"', "+x = 1"]),
        ("a.py", ['+parser.add_argument("--password",', '+    default="new1canary")']),
        ("a.py", ['+token = os.environ.get("K") or "new1canary"']),
        ("a.py", ['+    password: str = field(default="new1canary")']),
        ("a.ipynb", ['+    "login(token=\\"new1canary\\")\\n",']),
        ("Makefile", ["+\tpython train.py --password new1canary"]),
        ("Dockerfile", ["+ENV HF_TOKEN new1canary"]),
        ("a.xml", ["+<password>new1canary</password>"]),
        ("a.sql", ["+CREATE USER me IDENTIFIED BY 'new1canary'"]),
    ],
)
def test_a_secret_in_a_patch_is_hidden_by_the_lines_and_the_kind_of_its_file(path: str, lines: list[str]) -> None:
    values = "\n".join([f"diff --git a/{path} b/{path}", f"--- a/{path}", f"+++ b/{path}", *lines, ""]).encode()
    cleaned, touched = without_secrets(values, SALT)
    assert b"1canary" not in cleaned
    assert touched == [path]
    assert [line[:1] for line in cleaned.split(b"\n")] == [line[:1] for line in values.split(b"\n")]


@pytest.mark.parametrize("text", ["x", "aB3", "{'lr': 0.1, 'name': 'x'}, ", "step 12 loss 0.5\n"])
def test_a_megabyte_takes_less_than_two_seconds(text: str) -> None:
    long = text * (1_000_000 // len(text))
    began = time.process_time()
    assert redact.inside(long, SALT) == long
    assert time.process_time() - began < 2  # seconds, of a busy machine; a quarter of one on an idle one


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["password: {}", "token=abc{} ", "'password{}', ", "-----BEGIN PRIVATE KEY-----", "password  x{}\n"]
)
def test_the_cost_of_many_names_grows_linearly(text: str) -> None:
    seconds = []
    for size in (250_000, 1_000_000):
        names = [text.format(number) for number in range(size // len(text))]
        began = time.process_time()
        redact.inside("".join(names), SALT)
        seconds.append(time.process_time() - began)
    assert seconds[1] < 8 * seconds[0] + 0.5


@pytest.mark.slow
def test_eight_megabytes_of_one_name_take_less_than_four_seconds() -> None:
    began = time.process_time()
    redact.inside("password: " * 800_000, SALT)
    assert time.process_time() - began < 4  # seconds, of a busy machine; 1.7 on an idle one


@pytest.mark.parametrize(
    "unit", ["password: ", "password: hunter2x ", "a = 1; token=abc7def\n", '["--password", "x7y"]\n']
)
@pytest.mark.parametrize(("head", "tail"), [("", ""), ("api_keys: [", " x7y8]")])
def test_a_text_that_repeats_gives_what_a_search_of_all_of_it_gives(
    unit: str, head: str, tail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = head + unit * (120_000 // len(unit)) + tail
    skipped = redact.inside(text, SALT)
    monkeypatch.setattr(repetition, "REACH", len(text))
    assert skipped == redact.inside(text, SALT)


@pytest.mark.parametrize("find", named.NOTATIONS, ids=lambda find: find.__name__.strip("_"))
def test_the_examples_of_each_notation_are_hidden(find: Callable[..., int]) -> None:
    examples = [text for text in re.findall(r"``(.+?)``", str(find.__doc__), re.DOTALL) if re.search(r"\bX\b", text)]
    assert examples
    for example in examples:
        assert "zu8ieW3" not in redact.inside(re.sub(r"\bX\b", "zu8ieW3", example).replace("\\n", "\n"), SALT), example


@pytest.mark.parametrize("row", program_options.TABLE.strip().split("\n"))
def test_each_row_of_the_table_of_programs_hides_a_secret(row: str) -> None:
    kind, names, options = (column.split() for column in row.split("|"))
    value = {
        "login": "me:¤",
        "cookie": "id=¤",
        "percent": "me%¤",
        "comma": "me,¤",
        "prefixed": "pass:¤",
        "slash": "me/¤@db",
    }
    for name in names:
        for option in options:
            words = name.split(":")
            if option.isdigit():
                before = ["api_key"] if kind == ["setting"] else ["-b"] if kind == ["last"] else []
                words += [*before, *["other"] * (int(option) - 1 - len(before)), value.get(kind[0], "¤")]
            elif kind == ["attached"]:
                words += [option + "¤"]
            else:
                words += [option, value.get(kind[0], "¤")]
            command = [word.replace("¤", "zu8ieW3") for word in words]
            assert "zu8ieW3" not in " ".join(redact.argv(command, SALT)[0]), command


@pytest.mark.parametrize(
    "lines",
    [
        "# password: zu8ieW3\nx = 1",
        "x = 1  # password = zu8ieW3",
        'CONFIG = """\n[db]\npassword = zu8ieW3\n"""\n',
        "// token=zu8ieW3q",
    ],
)
def test_a_secret_in_a_comment_or_a_text_of_several_lines_of_a_program_is_hidden(lines: str) -> None:
    patch = "".join(["diff --git a/a.py b/a.py\n", *(f"+{line}\n" for line in lines.split("\n"))])
    assert b"zu8ieW3" not in without_secrets(patch.encode(), SALT)[0]


@pytest.mark.parametrize("form", ["hf_{}", "ghp_{}", "export HF_TOKEN=hf_{}", "sk-proj-{}{}"])
@pytest.mark.parametrize("below", ["epoch 1 accuracy 0.5", "Done", "loading data", "Step 5", "unfinished business"])
def test_words_below_a_complete_token_stay(form: str, below: str) -> None:
    random = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
    text = redact.inside(f"{form.format(random, random)}\n{below}\n", None)
    assert random not in text
    assert text.endswith(f"\n{below}\n")


@pytest.mark.parametrize("at", [8, 20, 30])
def test_the_rest_of_a_token_below_is_hidden_where_its_line_is_wrapped(at: int) -> None:
    token = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
    text = redact.inside(f"{token[:at]}\n{token[at:]} and more\n", None)
    assert token[at:] not in text
    assert text.endswith(" and more\n")


_TOKEN = "hf_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z"


@pytest.mark.parametrize(
    "table",
    [
        "user,hf_token\na1,{0}\nb2x9,{0}\nc3_y,{0}\n",
        "user;hf_token\na1;{0}\nb2x9;{0}\n",
        "user\thf_token\na1\t{0}\nb2x9\t{0}\n",
        "lr,hf_token\n0.1,{0}\n1e5,{0}\n15,{0}\n",
        "hf_token\n{0}\n1.5\n{0}\n12\n",
        "| user | hf_token |\n|---|---|\n| a1 | {0} |\n| b2x9 | {0} |\n",
        "│ user │ hf_token │\n│ a1   │ {0} │\n│ b2x9 │ {0} │\n",
        "NAME    HF_TOKEN\na1      {0}\nb2x9    {0}\n",
    ],
)
def test_the_first_cell_of_the_next_row_stays_below_a_token(table: str) -> None:
    assert redact.inside(table.format(_TOKEN), None) == table.format("[redacted]")


@pytest.mark.parametrize("text", ["│ token: {} │\n│ {} │\n", "token: {}\n{}\n", "a, b, {}\n{}, c\n"])
def test_a_token_that_a_frame_or_a_sentence_wraps_is_hidden_as_a_whole(text: str) -> None:
    first, rest = "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5", "rS7tU9vW1xY3zA5bq8"
    hidden = redact.inside(text.format(first, rest), None)
    assert first not in hidden
    assert rest not in hidden


def test_the_secret_of_a_login_is_hidden_before_and_behind_an_equals_sign() -> None:
    command = [
        "train",
        "--user=bob:hunter2Zq",
        "--login",
        "bob:hunter2Zq",
        "--auth=bob:hunter2Zq",
        "--auth",
        "bob:x:hunter2Zq",
    ]
    assert "hunter2Zq" not in " ".join(redact.argv(command, SALT)[0])
    assert redact.argv(["docker", "run", "--user=app:staff", "--user=1000:1000"], SALT)[0][2:] == [
        "--user=app:staff",
        "--user=1000:1000",
    ]
