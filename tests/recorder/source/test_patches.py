from __future__ import annotations

import pytest

from contexta.recorder.source.patches import without_secrets

SALT = b"salt"
CANARY = "canary-5f3a9c-0123456789"


def patch(path: str, *lines: str) -> bytes:
    head = (
        f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n"
    )
    return (head + "".join(f"+{line}\n" for line in lines)).encode()


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.py", f'HF_TOKEN = "{CANARY}"'),
        ("a.py", f"password: str = '{CANARY}'"),
        ("a.py", f'os.environ["WANDB_API_KEY"] = "{CANARY}"'),
        ("a.py", f'os.environ.setdefault("HF_TOKEN", "{CANARY}")'),
        ("a.py", f'login(token="{CANARY}", add=True)'),
        ("a.py", f'headers = {{"Authorization": "Bearer {CANARY}"}}'),
        ("a.py", f'engine = create_engine("postgresql://u:{CANARY}@db/x")'),
        ("a.py", f'key = "sk-{CANARY}"'),
        ("a.py", 'x = "Zx9Kq2Lm8Wp4Rt7Yv3Bn6Hs1"'),
        ("a.ipynb", f'    "token = \\"{CANARY}\\"\\n",'),
        ("c.yaml", f"  api_key: {CANARY}"),
        ("c.json", f'  "client_secret": "{CANARY}",'),
        ("c.toml", f'password = "{CANARY}"'),
        ("run.sh", f"export HF_TOKEN={CANARY}"),
        ("Dockerfile", f"ENV WANDB_API_KEY={CANARY}"),
        ("app.ini", f"db_password = {CANARY} and more"),
        ("requirements.txt", f"--index-url https://u:{CANARY}@example.org/simple"),
    ],
)
def test_a_secret_in_a_line_is_hidden(path: str, line: str) -> None:
    patched = patch(path, "before = 1", line, "after = 2")
    cleaned, touched = without_secrets(patched, SALT)
    assert CANARY.encode() not in cleaned
    assert b"Zx9Kq2Lm8Wp4Rt7Yv3Bn6Hs1" not in cleaned
    assert touched == [path]
    assert cleaned.count(b"\n") == patched.count(b"\n")
    assert b"+before = 1\n" in cleaned
    assert b"+after = 2\n" in cleaned


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.py", 'token = os.environ["HF_TOKEN"]'),
        ("a.py", "token = line.strip()"),
        ("a.py", 'if token == "the":'),
        ("a.py", 'pad_token="[PAD]", use_cls_token=True, num_tokens=5'),
        ("a.py", "def login(password: str, token: Optional[str] = None) -> None:"),
        ("a.py", 'tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")'),
        ("a.py", 'API = "https://example.org/v1?page=2"'),
        ("a.py", 'COMMIT = "0123456789abcdef0123456789abcdef01234567"'),
        ("c.yaml", "  api_key: ${oc.env:API_KEY}"),
        ("c.yaml", "max_tokens: 100"),
        ("run.sh", 'export HF_TOKEN="$1"'),
        ("package-lock.json", '"integrity": "sha512-Zx9Kq2Lm8Wp4Rt7Yv3Bn6Hs1AAAA=="'),
        ("poetry.lock", '    {file = "a.whl", hash = "sha256:' + "ab" * 32 + '"},'),
        ("README.md", "Set your token: see the manual."),
        ("a.py", 'if "-----BEGIN RSA PRIVATE KEY-----" in text:'),
    ],
)
def test_ordinary_code_and_settings_stay_as_they_are(path: str, line: str) -> None:
    patched = patch(path, line, "def after(): return SomethingElse")
    assert without_secrets(patched, SALT) == (patched, [])


def test_a_private_key_is_hidden_line_by_line_and_the_next_lines_stay() -> None:
    body = ["MIIEowIBAAKCAQEAq1Yc7QzJ4m0yq9yY", "Zx9Kq2Lm8Wp4Rt7Yv3Bn6Hs1abcdefgh", "c2hvcnQ="]
    begin, end = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
    patched = patch("conf.py", 'KEY = """', begin, *body, end, '"""', "after = 1")
    cleaned, touched = without_secrets(patched, SALT)
    assert touched == ["conf.py"]
    for line in body:
        assert line.encode() not in cleaned
    assert b"+after = 1\n" in cleaned


def test_removed_and_surrounding_lines_are_cleaned_too() -> None:
    head = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n"
    patched = f'{head} PASSWORD = "{CANARY}"\n-API_KEY = "{CANARY}"\n+x = 1\n'
    assert CANARY.encode() not in without_secrets(patched.encode(), SALT)[0]


def test_binary_parts_are_left_alone() -> None:
    patched = b"diff --git a/x.y b/x.y\nGIT binary patch\nliteral 3\n+token = 'Zx9Kq2Lm8Wp4Rt7Yv3Bn6Hs1'\n\xff\n"
    assert without_secrets(patched, SALT) == (patched, [])


def test_undecodable_bytes_stay() -> None:
    patched = patch("a.py", "x = 1") + b"+caf\xe9 = '\xff'\n"
    assert without_secrets(patched, SALT) == (patched, [])


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ('print("password=hunter2hunter")', True),
        ("connect('user=me;password=hunter2hunter')", True),
        ("login(user=me, password=the_password)", False),
        ('print(f"password={password}")', False),
        ('url = "?num_tokens=100000&use_cls_token=always"', False),
    ],
)
def test_a_setting_inside_a_text_of_a_program_is_hidden(line: str, hidden: bool) -> None:
    patch = f"diff --git a/train.py b/train.py\n+{line}\n".encode()
    cleaned, touched = without_secrets(patch, b"salt")
    assert (cleaned != patch, bool(touched)) == (hidden, hidden)
