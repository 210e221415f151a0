from __future__ import annotations

import json
import random
import subprocess
import sys


def facts_of(code: str, **env: str) -> dict[str, str]:
    code = f"import json, sys\n{code}\nfrom contexta.recorder.probes import seeds\nprint(json.dumps(seeds.seeds()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, timeout=60)
    facts, notes = json.loads(done.stdout)
    assert notes == []
    assert isinstance(facts, dict)
    return facts


def test_equal_seeds_have_equal_digests_and_others_do_not() -> None:
    first, same, second = (facts_of(f"import random; random.seed({seed})") for seed in (1, 1, 2))
    assert first == same
    assert first["random"] != second["random"]


def test_reading_the_state_draws_no_number() -> None:
    from contexta.recorder.probes import seeds

    random.seed(7)
    expected = random.random()
    random.seed(7)
    seeds.seeds()
    assert random.random() == expected


def test_no_module_is_imported() -> None:
    assert facts_of("assert 'random' not in sys.modules") == {}
