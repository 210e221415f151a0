"""``contexta run -- CMD``: the command behaves as without Contexta, and its run is recorded."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.pythons import another_python, every_python

from contexta import Contexta
from contexta.findings import RunDetails

pytestmark = pytest.mark.skipif(os.name != "posix", reason="written for POSIX shells, signals and terminals")

Wrap = Callable[..., "subprocess.CompletedProcess[str]"]
CONTEXTA = [sys.executable, "-I", "-m", "contexta.cli"]


@pytest.fixture
def wrap(tmp_path: Path) -> Wrap:
    def run(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CONTEXTA, "run", "--quiet", *arguments],
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    return run


def script(tmp_path: Path, text: str, name: str = "train.py") -> str:
    (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return name


def recorded(tmp_path: Path, name: str = "@latest") -> RunDetails:
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        return ctx.get_run(name)


def environment(tmp_path: Path, name: str = "@latest") -> Any:
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (first, *_) = ctx.metadata_store.environments.list_environment_snapshots(ctx.get_run(name).run_ref)
        return first


def version(python: str) -> str:
    code = "import sys; print(sys.version.split()[0])"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def notes(details: RunDetails, topic: str) -> list[str]:
    return [note.text for note in details.notes if note.topic == topic]


# ---------------------------------------------------------------------------------------------- the record


@pytest.mark.parametrize("python", every_python())
def test_every_python_is_recorded_from_inside(tmp_path: Path, wrap: Wrap, python: str) -> None:
    done = wrap("--name", "r", "--tag", "a=b", "--", python, script(tmp_path, "print('trained')"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "trained\n", "")
    details = recorded(tmp_path, "r")
    assert (details.status, dict(details.tags)) == ("completed", {"a": "b"})
    assert environment(tmp_path).python_version == version(python)
    assert notes(details, "environment") == []
    assert notes(details, "journal") == []


def test_packages_of_the_other_environment_are_recorded_without_those_of_contexta(tmp_path: Path, wrap: Wrap) -> None:
    python = another_python()
    subprocess.run([python, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (site / "torch-2.0.0.dist-info").mkdir()
    (site / "torch-2.0.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.0.0\n")
    done = wrap("--", os.fspath(tmp_path / "venv/bin/python"), script(tmp_path, "pass"), env={"PYTHONPATH": ""})
    assert done.returncode == 0
    assert dict(environment(tmp_path).packages) == {"torch": "2.0.0"}


def test_settings_that_cannot_be_relied_on_are_noted_once(tmp_path: Path, wrap: Wrap) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.contexta]\nproject = "p"\n[tool.other]\nx = = 1\n')
    assert wrap("--", sys.executable, script(tmp_path, "pass")).returncode == 0
    (tmp_path / "pyproject.toml").unlink()  # questions refuse it
    (note,) = notes(recorded(tmp_path), "settings")
    assert "is no valid TOML: " in note


def test_environment_is_on_disk_before_the_program_begins(tmp_path: Path, wrap: Wrap) -> None:
    program = """
    import os, pathlib
    (mine,) = pathlib.Path(os.environ["CONTEXTA_JOURNALS"]).glob(f"*.{os.getpid()}-*.jsonl")
    assert '"t":"environment"' in mine.read_text()
    """
    assert wrap("--", sys.executable, script(tmp_path, program)).returncode == 0


MIXED = r"""
import os
for number in range(300):
    os.write(1, b"out %d\n" % number)
    os.write(2, b"err %d\n" % number)
    os.write(1, b"epoch %d: " % number)  # a line that both streams write
    os.write(2, b"\rprogress \xff\0 %d%%\r" % number)
    os.write(1, b"done\n")
"""


@pytest.mark.parametrize(
    "how", ["> log 2>&1", ">> log 2>&1", ">> log 2>> log", "2>&1 | cat > log", "2>&1 >&2 | cat > log"]
)
def test_streams_that_go_to_one_file_keep_their_order_and_lines(tmp_path: Path, how: str) -> None:
    script(tmp_path, MIXED)
    plain = b"".join(
        b"out %d\nerr %d\nepoch %d: \rprogress \xff\0 %d%%\rdone\n" % (number, number, number, number)
        for number in range(300)
    )
    (tmp_path / "log").write_bytes(b"before\n")
    command = f"{shlex.join([*CONTEXTA, 'run', '--quiet', '--', sys.executable, 'train.py'])} {how}"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, timeout=60, check=True)
    before = b"before\n" if ">> log" in how else b""
    assert (tmp_path / "log").read_bytes() == before + plain
    (log,) = (artifact for artifact in recorded(tmp_path).artifacts if artifact.kind == "log")
    assert (log.name, log.attributes["bytes_written"]) == ("output", len(plain))


def test_streams_that_go_apart_are_two_logs(tmp_path: Path) -> None:
    script(tmp_path, MIXED)
    command = f"{shlex.join([*CONTEXTA, 'run', '--quiet', '--', sys.executable, 'train.py'])} > out 2> err"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, timeout=60, check=True)
    assert (tmp_path / "err").read_bytes().startswith(b"err 0\n\rprogress")
    assert {artifact.name for artifact in recorded(tmp_path).artifacts} == {"stdout", "stderr"}


def test_program_that_was_killed_leaves_its_environment(tmp_path: Path, wrap: Wrap) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    done = wrap("--", sys.executable, script(tmp_path, program))
    assert done.returncode == 128 + signal.SIGKILL
    assert recorded(tmp_path).status == "failed"
    assert environment(tmp_path).python_version == version(sys.executable)


def test_contexta_can_be_used_inside_without_being_installed(tmp_path: Path, wrap: Wrap) -> None:
    program = """
    import contexta
    run = contexta.init(project="other", name="inner", config={"lr": 0.1})
    contexta.log({"loss": 0.5}, step=1)
    """
    done = wrap("--project", "p", "--", another_python(), script(tmp_path, program))
    assert (done.returncode, done.stderr) == (0, "")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (summary,) = ctx.list_runs()
    assert (summary.project_ref, summary.name, dict(summary.metrics)) == ("project:p", "inner", {"loss": 0.5})


def test_metrics_are_found_in_stdout(tmp_path: Path, wrap: Wrap) -> None:
    program = script(tmp_path, "for i in range(3): print(f'epoch {i}: loss=0.{i}5 acc=nothing')")
    pattern = r"epoch (?P<step>\d+): loss=(?P<loss>\S+) acc=(?P<acc>\S+)"
    done = wrap("--metrics-from-stdout", pattern, "--", sys.executable, program)
    assert done.stdout.count("\n") == 3
    ((metric,),) = (stage.metrics for stage in recorded(tmp_path).stages)
    assert (metric.metric_key, metric.value, metric.step, metric.points) == ("loss", 0.25, 2, 3)


def test_pattern_without_a_named_group_is_refused(wrap: Wrap) -> None:
    done = wrap("--metrics-from-stdout", r"loss=(\S+)", "--", "true")
    assert done.returncode == 2
    assert "hint: name the metric" in done.stderr


def test_output_is_stored_with_hidden_secrets(tmp_path: Path, wrap: Wrap) -> None:
    secret = "hf_" + "aB3dE6gH9jK2mN5pQ8" * 2
    wrap("--", sys.executable, "-c", f"import sys; print('out'); print('token', '{secret}', file=sys.stderr)")
    details = recorded(tmp_path)
    assert details.status == "completed"
    files = [path for path in (tmp_path / ".contexta").rglob("*") if path.is_file()]
    assert [path for path in files if secret.encode() in path.read_bytes()] == []
    assert any(path.read_bytes() == b"out\n" for path in files)


# ---------------------------------------------------------------------------------------------- which processes


def test_script_of_a_shell_and_programs_it_starts_are_seen(tmp_path: Path, wrap: Wrap) -> None:
    script(tmp_path, f"{another_python()} train.py\nexit 5\n", "train.sh")
    script(tmp_path, "pass")
    assert wrap("--", "bash", "train.sh").returncode == 5
    assert environment(tmp_path).python_version == version(another_python())


def test_one_environment_is_one_snapshot_whether_its_builds_were_known_or_not(tmp_path: Path, wrap: Wrap) -> None:
    script(tmp_path, "pass")
    twice = f"{sys.executable} train.py; {sys.executable} train.py"  # the first looks at the builds when it ends
    assert wrap("--", "bash", "-c", twice).returncode == 0
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (result,) = ctx.metadata_store.environments.list_environment_snapshots(ctx.get_run("@latest").run_ref)
    assert any(distribution.build for distribution in result.distributions)


@pytest.mark.parametrize("how", ["a console script", "bash -c", "a script of env"])
def test_python_is_recorded_under_any_name_of_its_program(tmp_path: Path, wrap: Wrap, how: str) -> None:
    python = another_python()
    first = f"#!{python}" if how == "a console script" else f"#!/usr/bin/env -S {python} -W ignore"
    (tmp_path / "train").write_text(f"{first}\nprint('trained')\n")
    (tmp_path / "train").chmod(0o755)
    command = ["bash", "-c", f"cd / && {python} {tmp_path}/train"] if how == "bash -c" else ["./train"]
    done = wrap("--", *command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "trained\n", "")
    assert environment(tmp_path).python_version == version(python)
    assert notes(recorded(tmp_path), "environment") == []


def test_program_that_becomes_another_python_is_recorded_as_that_python(tmp_path: Path, wrap: Wrap) -> None:
    script(tmp_path, "import time; time.sleep(0.3)")
    first = f"import os; os.execv({another_python()!r}, ['python', 'train.py'])"
    assert wrap("--", sys.executable, script(tmp_path, first, "first.py")).returncode == 0
    assert environment(tmp_path).python_version == version(another_python())


def test_program_started_with_a_copy_of_the_variables_is_recorded(tmp_path: Path, wrap: Wrap) -> None:
    script(tmp_path, "import contexta; contexta.log({'loss': 0.5})")
    launcher = f"""
    import os, subprocess
    subprocess.run([{another_python()!r}, "train.py"], env={{**os.environ, "RANK": "0"}}, check=True)
    """
    assert wrap("--", sys.executable, script(tmp_path, launcher, "launch.py")).returncode == 0
    assert dict(recorded(tmp_path).metrics) == {"loss": 0.5}
    assert environment(tmp_path).python_version == version(another_python())


# As torchrun starts its workers: a copy of the environment, and who each of them is
LAUNCHER = """
import os, subprocess, sys
ranks = [
    subprocess.Popen(
        [python, "train.py"],
        env={**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_PORT": "29500"},
    )
    for rank, python in enumerate(sys.argv[1:])
]
sys.exit(max(rank.wait() for rank in ranks))
"""
RANK = "import contexta, os; contexta.log({'loss': int(os.environ['RANK']) + 0.5}, step=1)"


def test_ranks_of_a_launcher_are_distinguished_in_one_run(tmp_path: Path, wrap: Wrap) -> None:
    script(tmp_path, RANK)
    launched = wrap("--", sys.executable, script(tmp_path, LAUNCHER, "launch.py"), sys.executable, sys.executable)
    assert (launched.returncode, launched.stderr) == (0, "")
    details = recorded(tmp_path)
    assert (details.status, dict(details.metrics)) == ("completed", {"loss": 0.5})
    answer = {metric.slice_ref: metric.value for stage in details.stages for metric in stage.metrics}
    assert answer == {None: 0.5, "rank-1": 1.5}
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert len(ctx.list_runs()) == 1
    assert notes(details, "environment") == []


def test_ranks_that_run_on_different_environments_are_warned_of(tmp_path: Path, wrap: Wrap) -> None:
    script(tmp_path, RANK)
    launch = script(tmp_path, LAUNCHER, "launch.py")
    assert wrap("--", sys.executable, launch, sys.executable, another_python()).returncode == 0
    (note,) = notes(recorded(tmp_path), "environment")
    assert re.match("the environments of rank (0 and rank 1|1 and rank 0) differ: python version: 3", note)


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not on PATH")
def test_uv_run_is_recorded_as_the_python_it_starts(tmp_path: Path, wrap: Wrap) -> None:
    python = another_python()
    uv = [shutil.which("uv") or "", "run", "--no-project", "--offline", "--python", python, "python"]
    done = wrap("--", *uv, script(tmp_path, "print('trained')"))
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert environment(tmp_path).python_version == version(python)


def test_installer_that_runs_on_the_way_is_no_environment_of_the_run(tmp_path: Path, wrap: Wrap) -> None:
    helper = another_python()
    script(tmp_path, f"{helper} -m pip --version > /dev/null\n{sys.executable} train.py\n", "train.sh")
    script(tmp_path, "pass")
    wrap("--", "bash", "train.sh")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        result = ctx.metadata_store.environments.list_environment_snapshots(ctx.get_run("@latest").run_ref)
    assert [snapshot.python_version for snapshot in result] == [version(sys.executable)]


@pytest.mark.parametrize("switch", ["-I", "-E", "-Es"])
def test_python_that_ignores_the_recorder_is_read_from_outside_with_a_note(
    tmp_path: Path, wrap: Wrap, switch: str
) -> None:
    done = wrap("--", another_python(), switch, script(tmp_path, "print('trained')"))
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert environment(tmp_path).python_version == version(another_python())
    (note,) = notes(recorded(tmp_path), "environment")
    seen = f"did not load the recorder, as it was started with {switch[:2]}"
    ended_before_it_was_seen = f"python {switch[:2]} cannot load the recorder"
    assert f"{seen}: its environment was read from outside" in note or note.startswith(
        f"{ended_before_it_was_seen}: its environment was read from outside"
    )


def test_command_without_any_python_says_so(tmp_path: Path, wrap: Wrap) -> None:
    assert wrap("--", "echo", "hello").stdout == "hello\n"
    assert notes(recorded(tmp_path), "environment") == [
        "no Python process was observed in this command: its environment is unknown"
    ]


# ---------------------------------------------------------------------------------------------- as without us


def test_program_finds_its_path_and_modules_as_without_us(tmp_path: Path, wrap: Wrap) -> None:
    script(tmp_path, "mine = True", "json.py")  # a module of the standard library, shadowed by the program's own
    program = """
    import sys
    built_in = sys.builtin_module_names  # no file of the program's can take their place
    seen = [name for name in sys.modules if not name.startswith("contexta") and name not in built_in]
    import json
    assert json.mine
    print(sys.path, sorted(seen), sys.argv, sys.flags)
    """
    command = [another_python(), script(tmp_path, program), "--lr", "0.1"]
    bare = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert wrap("--", *command).stdout == bare.stdout


@pytest.mark.parametrize("body", ["import sys; sys.own = 'was here'", "raise ValueError('own is broken')"])
def test_environments_own_sitecustomize_runs_as_without_us(tmp_path: Path, wrap: Wrap, body: str) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text(body)
    program = "import sys; m = sys.modules.get('sitecustomize'); print(getattr(sys, 'own', None), m and m.__file__)"
    command = [another_python(), "-c", program]
    env = {"PYTHONPATH": os.fspath(tmp_path / "own")}
    bare = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **env})
    done = wrap("--", *command, env=env)
    assert (done.stdout, done.stderr) == (bare.stdout, bare.stderr)
    assert environment(tmp_path).python_version == version(another_python())


def test_workspace_that_breaks_meanwhile_does_not_break_the_program(tmp_path: Path, wrap: Wrap) -> None:
    script(tmp_path, "print('trained')")
    done = wrap("--", "bash", "-c", f"rm -r .contexta; {sys.executable} train.py")
    assert done.stdout == "trained\n"
    assert done.returncode == 0


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_exit_code_is_the_programs(tmp_path: Path, wrap: Wrap, code: int) -> None:
    assert wrap("--", sys.executable, "-c", f"raise SystemExit({code})").returncode == code
    details = recorded(tmp_path)
    assert details.status == ("failed" if code else "completed")
    if code:
        assert details.metadata["failure"]["message"] == f"exit code {code}"


def test_exception_of_the_program_is_why_the_run_failed(tmp_path: Path, wrap: Wrap) -> None:
    done = wrap("--", sys.executable, script(tmp_path, "raise ValueError('too high')"))
    assert (done.returncode, done.stderr.count("ValueError: too high")) == (1, 1)
    failure = recorded(tmp_path).metadata["failure"]
    assert (failure["type"], failure["message"]) == ("ValueError", "too high")


def test_exception_that_a_script_tolerates_is_a_note(tmp_path: Path, wrap: Wrap) -> None:
    script(tmp_path, "raise ValueError('too high')")
    assert wrap("--", "bash", "-c", f"{sys.executable} train.py || true").returncode == 0
    details = recorded(tmp_path)
    assert (details.status, "failure" in details.metadata) == ("completed", False)
    assert notes(details, "process") == ["a process of the run failed with ValueError: too high"]


def test_missing_command_gives_the_exit_code_of_a_shell(tmp_path: Path, wrap: Wrap) -> None:
    done = wrap("--", "no-such-program")
    assert done.returncode == 127
    assert done.stderr.startswith('error: "no-such-program" is not installed or not on PATH\nhint: ')
    assert not (tmp_path / ".contexta").exists()


def test_stdin_reaches_the_program(wrap: Wrap) -> None:
    assert wrap("--", "cat", input="one\ntwo\n").stdout == "one\ntwo\n"


def test_options_of_the_command_are_its_own(wrap: Wrap) -> None:
    assert wrap("echo", "--name", "x", "--json").stdout == "--name x --json\n"


WAITING = """
import sys, time
try:
    print("ready", flush=True)
    for _ in range(600):  # short, as Python may begin to sleep between a signal and its handler
        time.sleep(0.1)
except KeyboardInterrupt:
    sys.exit(7)
"""


@pytest.mark.parametrize("to_all", [False, True])
def test_interrupt_ends_both_and_cancels_the_run(tmp_path: Path, to_all: bool) -> None:
    process = _waiting(tmp_path)
    (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 7
    assert recorded(tmp_path).status == "cancelled"


def test_sigterm_ends_both_and_cancels_the_run(tmp_path: Path) -> None:
    process = _waiting(tmp_path)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert recorded(tmp_path).status == "cancelled"


def _waiting(tmp_path: Path) -> subprocess.Popen[bytes]:
    command = [*CONTEXTA, "run", "--", sys.executable, script(tmp_path, WAITING)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_terminal_stays_a_terminal_and_ctrl_c_reaches_the_program_once(tmp_path: Path) -> None:
    program = """
    import sys, time
    print(sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty())
    print("\\x1b[31mred\\x1b[0m", file=sys.stderr)
    try:
        print("hello", input("name? "), flush=True)
        for _ in range(600):  # short, as Python may begin to sleep between a signal and its handler
            time.sleep(0.1)
    except KeyboardInterrupt:
        time.sleep(1)  # a second one would end it here
        sys.exit(7)
    """
    script(tmp_path, program)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(CONTEXTA[0], [*CONTEXTA, "run", "--", sys.executable, "train.py"])
    observed = _talk(terminal, {b"name? ": b"bob\n", b"hello bob": b"\x03"})
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert b"True True True\r\n" in observed
    assert b"\x1b[31mred\x1b[0m\r\n" in observed
    assert recorded(tmp_path).status == "cancelled"


def _talk(terminal: int, answers: dict[bytes, bytes]) -> bytes:
    """Answer each prompt once; everything that was shown until the end."""
    observed = b""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the way a terminal ends
            break
        observed += data
        for prompt in [prompt for prompt in answers if prompt in observed]:
            os.write(terminal, answers.pop(prompt))
    os.close(terminal)
    return observed


def test_wrapper_that_is_killed_leaves_a_crashed_run(tmp_path: Path) -> None:
    process = _waiting(tmp_path)
    (first,) = (path for path in (tmp_path / ".contexta/journal").glob("*.jsonl") if path.name.count(".") == 2)
    assert json.loads(first.read_text().splitlines()[0])["pid"] == process.pid
    assert process.stdout is not None
    process.stdout.close()
    process.kill()
    process.wait()
    assert recorded(tmp_path).status == "open"  # its program still runs
    os.killpg(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while recorded(tmp_path).status == "open" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert recorded(tmp_path).status == "crashed"
