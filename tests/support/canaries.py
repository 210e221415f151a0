"""Secrets as programs, shells, settings and logs write them, and texts that only look as if they held one.

``{}`` stands for the secret. Nothing here is a secret of anybody: tokens of published forms are made when a test runs.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from hashlib import sha256

# fmt: off
WRITTEN: dict[str, tuple[str, ...]] = {
    "assignment": (
        'password={}',
        'password = {}',
        'PASSWORD: {}',
        'db_password := {}',
        'api_key => {}',
        'token={}',
        'export HF_TOKEN={}',
        'HF_TOKEN={} python train.py',
        'set TOKEN={}',
        '$env:API_TOKEN = "{}"',
        'TOKEN ?= {}',
        'secret: {}',
        "password: '{}'",
        'client_secret="{}"',
        'AWS_SECRET_ACCESS_KEY={}',
        "Namespace(lr=0.1, password='{}', x=1)",
        'Config(token={}, lr=1)',
        'password is {}',
        'Using token: {}',
        '  password : {}',
        'hub_token={}',
    ),
    "short_names": (
        'pwd={}',
        'pw={}',
        'tok={}',
        'dbpass={}',
        'githubtoken={}',
        'clientsecret={}',
        'userpwd={}',
        'dbpw={}',
        'mypassword={}',
        'ghtoken={}',
        'authtoken={}',
        'apikey={}',
        'accesskey={}',
        'smtppass={}',
        'redispass={}',
        'passwd={}',
        'pass={}',
        'passphrase={}',
        'creds={}',
    ),
    "option_in_string": (
        'python train.py --password {}',
        '--token {} --lr 1',
        'train --api-key={} --x',
        "bash -c 'run --password {}'",
        'sh -c "login --token {} && x"',
        '+ python train.py --db-password {}',
        '\tpython x.py --password {}',
        "--password '{}'",
        '-password {}',
        'cmd --secret {} | tee log',
        "['--password', '{}']",
        '["train.py", "--token", "{}"]',
        'args: --hf-token {}',
        '--password \\\n  {} --x',
    ),
    "json": (
        '{{"password": "{}"}}',
        '{{"a": {{"api_key": "{}"}}}}',
        '{{"name": "HF_TOKEN", "value": "{}"}}',
        '{{"value": "{}", "name": "HF_TOKEN"}}',
        '{{"openai": {{"key": "{}"}}}}',
        '{{\\"api_key\\": \\"{}\\"}}',
        '{{"tokens": ["{}"], "x": 1}}',
        '{{"credentials": {{"login": "{}"}}}}',
        '[{{"key": "password", "value": "{}"}}]',
        '{{"auths": {{"r": {{"auth": "{}"}}}}}}',
        "{{'password': '{}', 'lr': 1}}",
        '{{"env": [{{"name": "WANDB_API_KEY", "value": "{}"}}]}}',
        '{{"private_key": "{}"}}',
    ),
    "yaml": (
        'password: {}\n',
        'openai:\n  key: {}\n',
        'env:\n  - name: HF_TOKEN\n    value: {}\n',
        'tokens:\n  - {}\n',
        'api_keys:\n- {}\n',
        'password:\n  {}\n',
        'password: |\n  {}\n',
        'password: >-\n  {}\n',
        'db:\n  user: bob\n  password: "{}"\n',
        'kind: Secret\napiVersion: v1\ndata:\n  whatever: {}\n',
        'environment:\n  - HF_TOKEN={}\n',
        'environment:\n  HF_TOKEN: {}\n',
        '- key: api_key\n  value: {}\n',
        "- name: x\n  env:\n  - name: DB_PASSWORD\n    value: '{}'\n",
        'stringData:\n  x: {}\nkind: Secret\n',
        '{{kind: Secret, data: {{x: {}}}}}',
        '{{"kind": "Secret", "apiVersion": "v1", "stringData": {{"x": "{}"}}}}',
    ),
    "xml": (
        '<password>{}</password>',
        '<property name="password" value="{}"/>',
        '<entry key="db.password">{}</entry>',
        '<add key="ApiKey" value="{}" />',
        "<apiKey type='x'>{}</apiKey>",
        '<password><![CDATA[{}]]></password>',
        '<server><username>x</username><password>{}</password></server>',
        '<property name="hibernate.connection.password">{}</property>',
    ),
    "docker": (
        'ENV NAME_TOKEN {}',
        'ENV HF_TOKEN={}',
        'ARG API_KEY={}',
        'ENV HF_TOKEN {}',
        'RUN echo x --password {}',
        'docker login -u me -p {} reg',
        'docker run -e HF_TOKEN={} img',
        'LABEL token={}',
    ),
    "sql": (
        "CREATE USER bob PASSWORD '{}'",
        "ALTER USER bob WITH PASSWORD '{}';",
        "CREATE USER 'b'@'h' IDENTIFIED BY '{}'",
        "INSERT INTO users (name, password) VALUES ('bob', '{}')",
        "UPDATE users SET password='{}' WHERE id=1",
        "SET PASSWORD FOR 'x'@'y' = '{}'",
        "SET PASSWORD = PASSWORD('{}')",
        "CREATE ROLE r LOGIN PASSWORD '{}'",
        "CREATE LOGIN x WITH PASSWORD = '{}'",
        "insert into t (a, api_key, b) values (1, '{}', 2)",
        'IDENTIFIED BY {}',
    ),
    "connection": (
        'postgresql://u:{}@h/d',
        'mysql+pymysql://root:{}@db:3306/x',
        'Server=h;User=sa;Password={};Timeout=3',
        'host=db user=u password={} dbname=x',
        'mongodb+srv://u:{}@c/x',
        'redis://:{}@c:6379/0',
        'amqp://u:{}@mq//',
        'AccountName=x;AccountKey={}==;EndpointSuffix=y',
        'jdbc:mysql://h/d?user=u&password={}',
        'jdbc:oracle:thin:u/{}@//h:1521/x',
        'Driver={{SQL Server}};UID=x;PWD={};',
        'https://u:{}@h/x.git',
        'snowflake://u:{}@acc/db',
        'Endpoint=sb://x/;SharedAccessKeyName=y;SharedAccessKey={}',
        'ftp://u:{}@h/f',
        'smtp://u:{}@h:25',
        'data source=h;user id=x;pwd={}',
    ),
    "headers": (
        'Authorization: Bearer {}',
        "curl -H 'Authorization: Bearer {}' u",
        'authorization: token {}',
        'X-Api-Key: {}',
        'Cookie: a=b; session={}',
        'Set-Cookie: sid={}; Path=/',
        '{{"Authorization": "Bearer {}"}}',
        'Proxy-Authorization: Basic {}',
        'PRIVATE-TOKEN: {}',
        "'x-goog-api-key': '{}'",
        'bearer {}',
        'Authorization: ApiKey {}',
        '-H "X-Vault-Token: {}"',
        'api-key: {}',
    ),
    "code": (
        'password = "{}"',
        "self.token = '{}'",
        'os.environ["HF_TOKEN"] = "{}"',
        'os.environ.setdefault("HF_TOKEN", "{}")',
        'os.getenv("HF_TOKEN", "{}")',
        'os.environ.get("HF_TOKEN") or "{}"',
        'token = os.environ.get("HF_TOKEN", "{}")',
        'x = os.environ.get("API_KEY", default="{}")',
        'p.add_argument("--password", default="{}")',
        'p.add_argument("--password", "-p", type=str, help="the password", default="{}")',
        'password: str = field(default="{}")',
        'api_key: Optional[str] = "{}"',
        'login(token="{}", add=True)',
        'client = OpenAI(api_key="{}")',
        'password = SecretStr("{}")',
        "password: str = '{}'",
        '("password", "{}")',
        'dict(password="{}")',
        'setattr(c, "token", "{}")',
        'token = x if y else "{}"',
        'password = None or "{}"',
        'auth=("user", "{}")',
        'if password == "{}":',
        '@click.option("--token", default="{}")',
        'const apiKey = "{}";',
        'let token: string = "{}";',
        'String password = "{}";',
        'token = f"{}"',
        'config["db"]["password"] = "{}"',
        'config.api_key = "{}"',
        "requests.get(u, auth=HTTPBasicAuth('u', '{}'))",
        'token = getenv("X") || "{}"',
        'client.set_token("{}")',
        'password = (\n    "{}"\n)',
        'define("DB_PASSWORD", "{}");',
        'password := "{}"',
        'API_KEY: Final = "{}"',
        'wandb.login(key="{}")',
        'openai.api_key = "{}"',
        'HfApi(token="{}")',
    ),
    "programs": (
        'curl -u me:{} https://x',
        'curl --user me:{} u',
        'mysql -u root -p{} db',
        'sshpass -p {} ssh h',
        'sshpass -p{} ssh h',
        'redis-cli -a {} ping',
        'mongosh -u a -p {} h',
        'wandb login {}',
        'vault login {}',
        'twine upload -u __token__ -p {} dist/*',
        'zip -P {} x.zip f',
        '7z x -p{} a.7z',
        'ldapsearch -D cn=x -w {} -b y',
        'openssl enc -pass pass:{} -in x',
        'smbclient //h/s -U user%{}',
        'http -a me:{} GET u',
        'lftp -u me,{} h',
        'sqlplus me/{}@db',
        'htpasswd -b file me {}',
        'aws configure set aws_secret_access_key {}',
        'gpg --batch --passphrase {} -d f',
        'mc alias set m http://h acc {}',
        'snmpwalk -v3 -A {} h',
        'sudo mysql -p{} db',
        "bash -c 'mysql -uroot -p{} db'",
        'bash -c "sshpass -p {} ssh h"',
        '+ curl -u me:{} u',
        'RUN curl -u me:{} u',
        'huggingface-cli login --token {}',
        'ansible-playbook -e ansible_password={} x',
        'sudo -S ls <<< {}',
        'keytool -storepass {} -list',
        'cargo login {}',
        'rclone obscure {}',
        'wget --password={} u',
        'cqlsh -u a -p {} h',
    ),
    "netrc": (
        'machine h login u password {}',
        'default login x password {}',
        'login bob\npassword {}\n',
    ),
    "shell_defaults": (
        '${{HF_TOKEN:-{}}}',
        '${{PASSWORD:={}}}',
        'setenv HF_TOKEN {}',
        'set -gx HF_TOKEN {}',
        'setx API_TOKEN {}',
        "export TOKEN='{}'",
        'heroku config:set API_KEY={}',
    ),
    "ini": (
        '[db]\npassword = {}\n',
        'password={}\n',
        'spring.datasource.password={}',
        '_authToken={}',
        '//registry.npmjs.org/:_authToken={}',
        'requirepass {}\n',
        'password: {} # note\n',
        'aws_secret_access_key = {}',
    ),
    "csv": (
        'user,password\nbob,{}\n',
        '"user","api_key","team"\r\nbob,"{}",ml\r\n',
        'id;db_password;host\n1;x9;a\n2;{};b\n',
        'user\tclient_secret\nbob\t{}\n',
    ),
    "table": (
        '│ HF_TOKEN │ {} │',
        '| password | {} |',
        '┃ api_key ┃ {} ┃',
        '|token|{}|',
    ),
    "ansi": (
        '\x1b[31mpassword\x1b[0m=\x1b[1m{}\x1b[0m',
        'token: \x1b[32m{}\x1b[0m',
        '\x1b[1mAuthorization\x1b[0m: Bearer {}',
    ),
    "webhook": (
        'https://hooks.slack.com/services/T00/B00/{}',
        'https://discord.com/api/webhooks/123456/{}',
        'https://x.webhook.office.com/webhookb2/{}/IncomingWebhook/abc',
        'https://api.telegram.org/bot123456:{}/sendMessage',
        'https://chat.googleapis.com/v1/spaces/x/messages?key=k&token={}',
        'https://maker.ifttt.com/trigger/x/with/key/{}',
    ),
    "url": (
        'https://x/?token={}&a=1',
        'https://x/cb#access_token={}',
        'https://x/f?X-Amz-Signature={}',
        'https://c.example/t/{}/main',
        'https://x/?api_key={}',
        'https://{}@h/x',
    ),
    "urlencoded": (
        'password%3D{}%26x',
        'token%3D{}',
    ),
    "more logs": (
        'password -> {}',
        "PASSWORD '{}'",
        'the password was {}',
        'Enter password: {}',
        'user=admin password={} host=x',
        'user:admin,password:{}',
        '(password={})',
        '[token={}]',
        '<token>{}</token>',
        'api key: {}',
        'API Key = {}',
        'Api-Key {}',
        'secret key: {}',
        'access token: {}',
        'Access Token={}',
        'private key: {}',
        "'Authorization': 'token {}'",
        "headers={{'Authorization': 'Bearer {}'}}",
        'http.extraheader=AUTHORIZATION: basic {}',
        'redis://default:{}@h:1',
        '{{"password":"{}"}}',
        '{{password: {}}}',
        "{{'token': '{}'}}",
        'password="{}"',
        "password='''{}'''",
        'password = """{}"""',
        "password=b'{}'",
        "password=r'{}'",
        'password: &x {}',
        "password: '{}' # c",
        '  - password: {}',
        '- token: {}',
        'HF_TOKEN\t{}',
        'HF_TOKEN    {}',
        '│ password: {} │',
        'password………{}',
        '<input name="password" value="{}">',
        '\\"password\\": \\"{}\\"',
        '\\\\\\"password\\\\\\": \\\\\\"{}\\\\\\"',
        '&quot;password&quot;:&quot;{}&quot;',
        "monkeypatch.setenv('API_KEY', '{}')",
        "conf.setdefault('secret', '{}')",
        "token: Optional[str] = '{}'",
        "token: str | None = '{}'",
        "password: Annotated[str, x] = '{}'",
        "PASSWORD = env('PASSWORD', default='{}')",
        "password = input() or '{}'",
        "app.secret_key = '{}'",
        "SECRET_KEY = '{}'",
        "hf_hub_download(x, use_auth_token='{}')",
        "neptune.init(api_token='{}')",
        "mlflow.set_tracking_uri('https://u:{}@h')",
        'password==={}',
        'x-api-key={}',
        'X-Auth-Token: {}',
        'Ocp-Apim-Subscription-Key: {}',
        'sas_token=?sv=2020&sig={}',
        'SharedAccessSignature=sv=1&sig={}',
        'DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}',
        'seed phrase: {} a b c',
        'backup_codes: [{}]',
        'passcode {}',
        'http-basic.x.password {}',
        'credentials "app.terraform.io" {{ token = "{}" }}',
        'args: ["--password", "{}"]',
        "args: ['--password={}']",
        'command: ["sh","-c","x --token {}"]',
    ),
    "more source": (
        'client secret: {}',
        "auth = ('me', '{}')",
        "requests.get(url, auth=('me','{}'))",
        'pip config set global.index-url https://u:{}@h/simple',
        'npm config set //registry.npmjs.org/:_authToken {}',
        "os.environ['X_SECRET']='{}'",
        "os.environ.update(HF_TOKEN='{}')",
        "os.environ.update({{'HF_TOKEN': '{}'}})",
        "config.set('db', 'password', '{}')",
        "getattr(args, 'token', '{}')",
        "args.token or '{}'",
        "def f(password='{}'):",
        "lambda token='{}': 1",
        "@dataclass\nclass A:\n    password: str = '{}'",
        "PASSWORD = os.getenv('PASSWORD', default='{}')",
        "PASSWORD = config('PASSWORD', '{}')",
        "self.password = password or '{}'",
        "api_key=os.environ.get('K', '{}')",
        "Fernet(b'{}')",
        "app.config['SECRET_KEY'] = '{}'",
        "DATABASES = {{'default': {{'PASSWORD': '{}'}}}}",
        "smtp.login('me', '{}')",
        "conn = connect(user='u', passwd='{}')",
        "session.auth = ('u', '{}')",
        "s3 = boto3.client('s3', aws_secret_access_key='{}')",
        "login('{}')",
        "wandb.login(key='{}')",
        "huggingface_hub.login('{}')",
        "comet_ml.Experiment(api_key='{}')",
        "openai.api_key='{}'",
        'Set-Cookie: session={}; HttpOnly',
        'sessionid={}',
        'os.system("sshpass -p {} ssh")',
    ),
    "more commands": (
        'mysql://root:{}@localhost/db?ssl=1',
        '--token={},--x=1',
        '--auth-token {}',
        '-Dpassword={}',
        '-Ppassword={}',
        '/p:Password={}',
        '--set db.password={}',
        '--from-literal=password={}',
        'kubectl create secret generic x --from-literal=apikey={}',
        'helm install --set secret.token={}',
        'wandb: ERROR api_key {} invalid',
        "git -c http.extraHeader='Authorization: Bearer {}' clone",
        'git clone https://oauth2:{}@gitlab.com/x.git',
        'pip install --index-url https://__token__:{}@h/simple x',
        'echo {} | docker login --password-stdin',
        'export PGPASSWORD={};psql',
        'password: !!str {}',
        'password%3A%20{}',
        "cmd=['mysql', '-p{}']",
        "['curl', '-u', 'me:{}']",
        "subprocess.run(['curl','-u','me:{}'])",
        "subprocess.run('mysql -p{} db', shell=True)",
        '!wandb login {}',
        '%env HF_TOKEN={}',
        '%env HF_TOKEN {}',
        '!export HF_TOKEN={}',
        '%%bash\nexport TOKEN={}',
    ),
    "more names": (
        'DB_PASS: {}',
        'MYSQL_ROOT_PASSWORD={}',
        'Password: {}',
        'PGPASSWORD={} psql -h x',
        'token = {} ; comment',
        'token={};',
        'password.....: {}',
        'token:{}',
        'TOKEN:{}',
        'JSESSIONID={}',
        'csrftoken={}',
        'TRAINER_WANDB_KEY={}',
        'WANDB_KEY={}',
        'COMET_KEY={}',
        'DB_PWD={}',
        'MAIL_PW={}',
        'ADMIN_PW={}',
        'root_pw={}',
        'wifi_psk={}',
        'psk={}',
        'wpa_passphrase={}',
        'encryption_password={}',
        'vault_pass={}',
        'become_pass={}',
        'ansible_ssh_pass={}',
        'ansible_become_password: {}',
        'otp={}',
        'mfa_code={}',
        'mnemonic = {} word word',
        'recovery_code={}',
        'SNYK_TOKEN={}',
        'NPM_AUTH={}',
        '_auth={}',
        '_password={}',
        'bearer_token: {}',
        'id_token={}',
        'refresh_token={}',
        'oauth_token={}',
        'consumer_secret={}',
        'app_secret={}',
        'signing_secret={}',
        'webhook_secret={}',
        'shared_secret={}',
        'hmac_key={}',
        'aes_key={}',
        'master_key={}',
        'rsa_private_key={}',
        'deploy_key={}',
        'ssh_key={}',
        'service_account_key={}',
        'storage_key={}',
        'COSMOS_KEY={}',
        'FUNCTION_KEY={}',
        'tfe_token={}',
    ),
}
"""Class of notation -> ways to write a name and its secret."""
# fmt: on


def letters(number: int, length: int) -> str:
    """Letters and digits as a generator of tokens makes them; another number, other letters."""
    text = ""
    while len(text) < length:
        digest = sha256(f"{number} {len(text)}".encode()).digest()
        text += base64.b64encode(digest).decode().replace("+", "a").replace("/", "B").replace("=", "")
    return text[:length]


def digits(number: int, length: int) -> str:
    return "".join(str(int(c, 16) % 10) for c in sha256(str(number).encode()).hexdigest() * 2)[:length]


def hexes(number: int, length: int) -> str:
    return (sha256(str(number).encode()).hexdigest() * 3)[:length]


def _padded(number: int, length: int) -> str:
    return base64.urlsafe_b64encode(sha256(str(number).encode()).digest() * 3).decode()[:length].replace("=", "a")


ISSUED: dict[str, Callable[[int], str]] = {
    "hugging face": lambda n: "hf_" + letters(n, 34),
    "github classic": lambda n: "ghp_" + letters(n, 36),
    "github fine-grained": lambda n: "github_pat_" + letters(n, 22) + "_" + letters(n + 1, 59),
    "github app": lambda n: "ghs_" + letters(n, 36),
    "gitlab": lambda n: "glpat-" + letters(n, 20),
    "gitlab runner": lambda n: "glrt-" + letters(n, 20),
    "gitlab registration": lambda n: "GR1348941" + letters(n, 20),
    "openai legacy": lambda n: "sk-" + letters(n, 20) + "T3BlbkFJ" + letters(n + 1, 20),
    "openai project": lambda n: "sk-proj-" + letters(n, 60),
    "anthropic": lambda n: "sk-ant-api03-" + letters(n, 93) + "AA",
    "aws": lambda n: "AKIA" + letters(n, 16).upper(),
    "google api": lambda n: "AIza" + letters(n, 35),
    "google oauth": lambda n: "ya29." + letters(n, 60),
    "google client": lambda n: "GOCSPX-" + letters(n, 28),
    "slack bot": lambda n: "xoxb-" + digits(n, 12) + "-" + digits(n + 1, 12) + "-" + letters(n, 24),
    "slack app": lambda n: "xapp-1-A" + digits(n, 10) + "-" + digits(n + 1, 13) + "-" + hexes(n, 64),
    "stripe": lambda n: "sk_live_" + letters(n, 24),
    "stripe restricted": lambda n: "rk_live_" + letters(n, 24),
    "npm": lambda n: "npm_" + letters(n, 36),
    "pypi": lambda n: "pypi-AgEIcHlwaS5vcmc" + letters(n, 70),
    "json web token": lambda n: f"eyJ{_padded(n, 33)}.eyJ{_padded(n + 1, 40)}.{_padded(n + 2, 43)}",
    "sendgrid": lambda n: "SG." + letters(n, 22) + "." + letters(n + 1, 43),
    "mailgun": lambda n: "key-" + hexes(n, 32),
    "mailchimp": lambda n: hexes(n, 32) + "-us12",
    "twilio": lambda n: "SK" + hexes(n, 32),
    "telegram": lambda n: digits(n, 9).replace("0", "1") + ":AA" + letters(n, 33),
    "discord": lambda n: "MT" + letters(n, 24) + "." + letters(n + 1, 6) + "." + letters(n + 2, 38),
    "databricks": lambda n: "dapi" + hexes(n, 32),
    "nvidia": lambda n: "nvapi-" + letters(n, 64),
    "groq": lambda n: "gsk_" + letters(n, 52),
    "replicate": lambda n: "r8_" + letters(n, 37),
    "vault": lambda n: "hvs." + letters(n, 90),
    "digitalocean": lambda n: "dop_v1_" + hexes(n, 64),
    "shopify": lambda n: "shpat_" + hexes(n, 32),
    "square": lambda n: "sq0csp-" + letters(n, 43),
    "linear": lambda n: "lin_api_" + letters(n, 40),
    "grafana": lambda n: "glsa_" + letters(n, 32) + "_" + hexes(n, 8),
    "new relic": lambda n: "NRAK-" + letters(n, 27).upper(),
    "postman": lambda n: "PMAK-" + hexes(n, 24) + "-" + hexes(n + 1, 34),
    "docker": lambda n: "dckr_pat_" + letters(n, 27),
    "terraform": lambda n: letters(n, 14) + ".atlasv1." + letters(n + 1, 67),
    "atlassian": lambda n: "ATATT3" + letters(n, 186),
    "microsoft entra": lambda n: letters(n, 3) + "8Q~" + letters(n + 1, 34),
    "azure storage": lambda n: "AccountKey=" + letters(n, 86) + "==",
    "age": lambda n: "AGE-SECRET-KEY-1" + letters(n, 58).upper(),
    "weights and biases": lambda n: "wandb_v1_" + letters(n, 40),
    "fly": lambda n: "FlyV1 fm2_" + letters(n, 60),
    "random letters": lambda n: letters(n, 32),
}
"""Issuer -> a token of its form."""

LOOKALIKES = tuple(
    line.replace("\\n", "\n")
    for line in r"""
num_tokens=5
max_tokens=100
step,loss,tokens\n1,0.5,1200\n2,0.4,1300\n
user,password_policy\nbob,strict\n
name,kind,data\nx,Secret,y\n
user_tokens=7
api_keys=3
license_key="MIT"
license_key=MIT
signature="serving_default"
signature=serving_default
secret_santa_dataset=v2
secret_santa_dataset="santa2024"
password_dataset=rockyou
password_dataset="rockyou2021"
token_dim=64
pad_token="<pad>"
eos_token_id=2
key=accuracy
primary_key="id"
tokenizer=bert-base-uncased
password_strength: 0.8
auth=False
use_auth_token=True
use_cls_token=yes
token_type_ids
token="the"
token=hello
tokens=1024
total_tokens: 99321
tokens_per_second=1234.5
tok/s=123.4
cls_token=[CLS]
mask_token="[MASK]"
bos_token="<s>"
stop_token="<|endoftext|>"
unk_token='<unk>'
sep_token=[SEP]
key_dim=64
num_key_value_heads=8
num_keys=5
keys=["a","b"]
key="val_loss"
sort_key="date"
foreign_key=user_id
monkey=banana
keyboard=qwerty
turkey=dinner
hockey=ice
author=bob
authors=["Ada Lovelace"]
authority=local
auth_type=basic
auth_method="ldap"
auth="kerberos"
auth=none
authentication=disabled
author_email=a@b.org
passes=3
forward_pass=slow
bypass=True
compass=north
passenger=42
pass_rate=0.93
passed=12
n_passes=4
pass=True
first_pass=True
password_length=12
password_policy=strict
password_entropy=3.2
password_hash_rounds=12
passwords=14344391
n_passwords=100000
secret_sauce=ketchup
secret_agent=bond
secretary=anna
secrets_found=0
num_secrets=4
cookie_cutter=template
cookies=False
cookie_policy=lax
session=train
session_id=42
bearer_capacity=3
credential_count=2
credentials=2
key_frames=12
key_padding_mask=None
key_proj.weight
attn.key.bias=0.1
query_key_value
public_key=none
keypoints=17
hotkey=ctrl
keyword=vision
keywords=["ml"]
webhook_enabled=false
webhook_retries=3
signature=predict
signatures=["serving_default"]
signature_def=predict
model_signature=v2
patience=5
pattern=abc
path=/data/x
patch_size=16
pat=5
sas_version=9
otp_version=25
jwt_alg=HS256
jwt_algorithm="RS256"
token_dropout=0.1
token_embedding_dim=768
special_tokens=["<a>","<b>"]
added_tokens=3
new_tokens=20
max_new_tokens=256
min_tokens=1
tokens_seen=1000000
image_token_index=32000
vocab_tokens=50257
target_token=world
next_token="Paris"
prev_token=of
first_token=The
predicted_token="dog"
token_accuracy=0.91
token_level=word
tokenization=bpe
detokenize=True
subtoken=ing
tokenizer_class=LlamaTokenizer
TOKENIZERS_PARALLELISM=false
access_key_count=2
license=MIT
licence_key=Apache-2.0
license_key="GPL-3.0"
host_key=ed
master_key=none
session_key=default
user_key=name
team_key=ML
partition_key=date
cache_key=train
shuffle_key=0
rng_key=[0, 42]
PRNGKey=0
prng_key=42
dropout_key=3
api_key=None
api_key=${API_KEY}
api_key="${oc.env:OPENAI_API_KEY}"
api_key=<your-key>
password=***
password=$PASSWORD
password={{ db_password }}
token=${{ secrets.TOKEN }}
password=None
password=""
password=********
api_key_env=OPENAI_API_KEY
api_key="OPENAI_API_KEY"
token_file=/run/x
secret_name=db-creds
secret_path=/run/secrets
password_file=/etc/p
credentials=/home/me/.config/creds.json
private_key_path=/x/y.pem
PWD=/home/x
OLDPWD=/tmp
pwd=/home/me/work
conn_str_len=5
passphrase_words=6
mnemonic_model=x
seed_phrase_dataset=bip
a.token_count=3
loss/token=0.5
val/key_acc=0.9
train/secret_acc=0.8
secret_detection_f1=0.77
password_f1=0.5
n_secret_classes=40
commit 0123456789abcdef0123456789abcdef01234567
sha256:aaaabbbbccccddddeeeeffff0000111122223333444455556666777788889999
123e4567-e89b-12d3-a456-426614174000
run_id=123e4567-e89b-12d3-a456-426614174000
digest=d41d8cd98f00b204e9800998ecf8427e
facebook/wav2vec2-large-960h-lv60-self
ViTLargePatch16Resolution224x224
meta-llama/Llama-3.1-8B-Instruct
torch-2.1.0+cu118-cp311-cp311-linux_x86_64.whl
checkpoints/epoch=3-step=1200.ckpt
https://example.org/a?page=2#top
https://huggingface.co/bert-base-uncased/resolve/main/tokenizer.json
git@github.com:team/repo.git
Set your token: see the manual.
Loading tokenizer from cache
Saved secrets.yaml
wrote token.json: 3 entries
KeyError: 'accuracy'
key error: missing key 'lr'
Primary key: id
Key: accuracy, value: 0.91
The password field is required
Enter password:
password:
Password required for user bob
token count: 512
tokens: 128
Token indices sequence length is longer
Authentication failed for user bob
Authorized keys loaded
auth: ok
auth: disabled
Author: Ada
python -u train.py
python -u train.py -p 5432
ssh -p 22 host
docker run -p 80:80 img
uv run -p 3.12 train.py
torchrun --nproc_per_node 4 train.py
nvcc -p x
pytest -p no:cacheprovider
mkdir -p out/dir
rsync -a src dst
curl -o out.bin https://x/y
git commit -m "add token counting"
--max-tokens 128
--tokenizer bert
--key accuracy
--use-auth-token --lr 0.1
--sort-key name
--num-tokens=8
--secret-santa yes
--token-dim 64
--license-key MIT
{"key": "accuracy", "value": 0.91}
{"name": "num_tokens", "value": 5}
{"name": "lr", "value": "0.1"}
{"model": {"key": "resnet"}}
{"tokens": 5, "keys": ["a"]}
{"tokenizer": {"name": "bert-base"}}
{"signature": "serving_default"}
{"auth": {"type": "basic", "enabled": true}}
{"pad_token": "<pad>", "eos_token": "</s>"}
{"special_tokens_map": {"cls_token": "[CLS]"}}
tokenizer:\n  name: bert\n
auth:\n  type: basic\n  enabled: true\n
model:\n  key: resnet50\n
keys:\n  - accuracy\n  - loss\n
def login(password: str, token: Optional[str] = None) -> None:
token = line.strip()
token = os.environ["HF_TOKEN"]
password = getpass("Password: ")
password = args.password
token=token, add=True
if token == "the":
tokens = tokenizer(text)
for key, value in d.items():
key = jax.random.PRNGKey(0)
key, subkey = jax.random.split(key)
secret = secrets.token_hex(16)
parser.add_argument("--max-tokens", type=int, default=128)
parser.add_argument("--tokenizer", default="bert-base-uncased")
parser.add_argument("--token-dim", default="64")
parser.add_argument("--password-dataset", default="rockyou")
columns = ["user", "password", "email"]
SELECT password FROM users
CREATE TABLE users (id int, password text)
<key>accuracy</key>
<tokens>5</tokens>
<property name="key" value="x"/>
Passing key_padding_mask
passing grade: 0.7
compass heading: 12| metric | key | value || tokens | 512 |
│ tokenizer │ bert │
│ auth │ ldap │
conda-forge::pytorch
Basic block: residual
Bearer of bad news
basic authentication required
hidden_size=768, num_tokens=5
TF_ENABLE_ONEDNN_OPTS=0
OMP_NUM_THREADS=4
CUBLAS_WORKSPACE_CONFIG=:4096:8
expandable_segments:True,max_split_size_mb:128
PYTHONHASHSEED=0
wandb_project=x
wandb_entity=team
hf_home=/cache
aws_region=eu-west-1
s3_bucket=models
gcp_project=my-proj-123
db_user=bob
db_host=localhost
user=alice
login=bob
username=root
email=a@b.c
private=True
is_private=false
hub_private_repo=True
push_to_hub=True
passthrough=1
certificate=none
crypto=BTC
cipher=AES256
encryption=none
hash=md5
salt=42
nonce=7
seed=1234567890
iv=0
secure=True
tls=1.3
ssl_mode=require
sslmode=require
API key: not set
API key error: missing
Foreign key: user_id
Sort key: date
Cache key: train
Answer key: B
login("bob")
login successful for bob
login page loaded
if token or flag:
token or word
password or token required
Downloading tokenizer.json: 100%
Downloading tokenizer_config.json: 100%|##########| 48.0/48.0 [00:00<00:00, 12.1kB/s]
model.safetensors: 100%|██████████| 440M/440M [00:10<00:00, 42.0MB/s]
Epoch 1/3: 100%|██████████| 100/100 [00:10<00:00, 9.9it/s, loss=0.5, tok/s=1200]
tokens/sec: 1523.4
tokens_per_sec=1523
train_tokens: 1.2B
num_input_tokens_seen=1048576
Tokenizer vocab size: 50257
Token count mismatch: 512 vs 510
passed tests: 12
All tests passed
compass=3
passwd file not found
Password dataset loaded: 14344391 rows
password strength: weak
password_strength=strong
secret santa dataset: v2
Secret Santa participants: 12
secrets module imported
key: accuracy
keys: ['a', 'b', 'c']
KeyError: 'token'
best key = val_loss
key=lambda x: x[1]
max(d, key=d.get)
sorted(items, key=len)
df.set_index("key")
dict(key="value")
{"key": 1, "value": 2}
{"key": "lr", "value": 0.1}
{"name": "accuracy", "value": 0.91}
{"id": "layer1", "default": "relu"}
{"token": "[MASK]", "score": 0.9, "token_str": "paris"}
{"token": 1012, "token_str": "hello"}
{"generated_text": "secret agent"}
{"sequence": "the password is weak"}
[{"word": "pass", "score": 0.9}]
attention.key.weight
encoder.layer.0.attention.self.key.bias
transformer.h.0.attn.c_attn.weight
layers.3.self_attn.k_proj.weight
cls.predictions.decoder.weight
special_tokens_map.json
added_tokens.json
tokenizer_config.json
vocab.txt, merges.txt, tokenizer.json
keras.layers.Dense(64)
tf.keras.utils.get_file
key_size=128
key_length=32
value_dim=64, key_dim=64
num_attention_heads=12
state_dict_keys=199
missing_keys=[]
unexpected_keys=[]
missing_keys=['classifier.weight', 'classifier.bias']
pass_through=True
high_pass=200
low_pass_cutoff=50
bandpass=(1, 40)
forward_pass_time=0.02
backward_pass_ms=12
author="The Authors"
authors: Ada Lovelace, Alan Turing
auth_mode=oauth2
auth_url=https://example.org/login
oauth2=enabled
authenticated=True
authorization=none
authorization_required=False
cookie_consent=accepted
patience=10, pattern=*.py
path=/data/pat/001
patient_id=12345
patch_embed.proj.weight
dispatch=eager
compat_mode=1
spatial_dims=3
sas7bdat=True
dataset=token_classification
task=token-classification
task_type="TOKEN_CLS"
problem_type="single_label_classification"
model_type=bert, hidden_act=gelu
license: apache-2.0
license=cc-by-nc-4.0
license_key: mit
signature: predict
signature_name="serving_default"
signature_keys=["serving_default"]
method signature mismatch: expected 3 arguments
bearer=alice
certificate=issued
secure_mode=True
encryption=aes256
crypto_dataset=btc_2021
hash_key=id
partition_keys=["year", "month"]
primary_keys=["id"]
join_key="user_id"
group_key=country
random_key=0
jax_key=[0 42]
key_data=uint32
PRNG key: [0 1]
dropout_rng=key
api_version=v1
api_base=https://api.example.org/v1
api_type=azure
api_calls=120
access_level=public
access_count=17
client_id=3
client_name=flower
num_clients=10
session_length=30
session_count=12
user_id=1234
user_agent=python-requests/2.31
otp_release=26
pin_memory=True
pinned=True
num_pins=3
sid=12
connection=ok
connection_pool=5
dsn_count=1
webhooks=0
hook_name=forward
forward_hook=None
private_dataset=True
public_key_size=2048
master_port=29500
MASTER_ADDR=127.0.0.1
MASTER_PORT=29500
WORLD_SIZE=8
NCCL_DEBUG=INFO
TOKENIZERS_PARALLELISM=true
HF_HUB_OFFLINE=1
TRANSFORMERS_CACHE=/cache/hf
HF_DATASETS_CACHE=/cache/ds
WANDB_MODE=offline
WANDB_PROJECT=demo
AWS_DEFAULT_REGION=eu-west-1
CUDA_VISIBLE_DEVICES=0,1
GPU-12345678-1234-1234-1234-123456789abc
run-20250215_120000-3x7k2m9q
wandb: Syncing run happy-sun-12
Run 3f2b1c9e8d7a6f5e4d3c2b1a0f9e8d7c6b5a4f3e finished
checksum: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
etag: "d41d8cd98f00b204e9800998ecf8427e"
md5 d41d8cd98f00b204e9800998ecf8427e
numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
torch==2.1.0+cu121
build 20240115.123456
0x7f8b4c0d1e90
<torch.nn.modules.linear.Linear object at 0x7f8b4c0d1e90>
File "/home/me/train.py", line 12, in <module>
ValueError: token not found in vocabulary
RuntimeError: expected key.size(1) == value.size(1)
assert key.shape == value.shape
query, key, value = qkv.chunk(3, dim=-1)
q = q.view(b, t, h, d); k = key.view(b, t, h, d)
token_ids = [101, 2023, 102]
input_ids = tokenizer(text)["input_ids"]
labels[labels == tokenizer.pad_token_id] = -100
tokenizer.pad_token = tokenizer.eos_token
tokenizer.add_special_tokens({"pad_token": "[PAD]"})
parser.add_argument("--token", type=str)
parser.add_argument("--token", "-t", type=str, help="your token")
parser.add_argument("--password", "-p", help="the password")
parser.add_argument("--key", default="accuracy")
@click.option("--password", prompt=True, hide_input=True)
token = getpass.getpass("Token: ")
token = os.getenv("HF_TOKEN")
api_key = os.environ.get("OPENAI_API_KEY", None)
api_key = os.environ["OPENAI_API_KEY"]
client = OpenAI(api_key=os.environ["OPENAI_API_KEY"])
password = keyring.get_password("system", "user")
secret = client.get_secret_value(SecretId="db-creds")
headers = {"Authorization": f"Bearer {token}"}
with open("token.txt") as f: token = f.read()
if not token: raise ValueError("no token")
assert token is not None, "set HF_TOKEN"
print("token", token)
logger.info("token %s", token)
def tokenize(text, token="word"):
class Token(NamedTuple):
self.key = nn.Linear(d, d)
self.token_embedding = nn.Embedding(n, d)
kwargs.pop("token", None)
""".strip("\n").split("\n")
)
"""Texts of training code, settings and logs in which nothing is secret."""
