"""Turn a mix into the next trial: choose its seed, or run an endpoint first if its value could not be interpreted."""

from __future__ import annotations

from contexta.bisect.inference.endpoints import next_endpoint_run
from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.search.problem import Probe, Purpose


def next_seed(evidence: MixEvidence, mix: int) -> int:
    """The most informative seed for another run of a mix.

    0. In a study of one seed: this seed.
    1. If no value depends on the seed: an unused seed, so that every trial tests this as well.
    2. For the first run with fingerprints: the seed with the most results, so that ties show at once.
    3. If seeds move all values: a seed with a known effect.
    4. A seed at which no mix with the same behaviour has run, because its value would be known in advance.
    """
    observations = evidence.observations
    if observations.has_one_seed:
        return observations.results[0].seed
    if observations.seedless:
        return max(result.seed for result in observations.results) + 1
    used = observations.seeds(mix)
    shared = [seed for seed in observations.fingerprints if seed not in used]

    def results_at(seed: int) -> tuple[int, int]:
        return len(observations.ran_at(seed)), -seed

    if shared and not used:
        return max(shared, key=results_at)
    if with_effect := [seed for seed in observations.seed_effects if seed not in used]:
        return max(with_effect, key=results_at)
    if observations.fingerprints:
        if evidence.values.identifies:
            used = {seed for other in observations.indistinguishable(mix) for seed in observations.seeds(other)}
        if unused := [seed for seed in shared if seed not in used]:
            return max(unused, key=results_at)
    return next(seed for seed in range(len(used) + 1) if seed not in used)


def run_endpoint(evidence: MixEvidence, why: str) -> Probe:
    """The most informative run of an endpoint."""
    return Probe(*next_endpoint_run(evidence.observations), "end", why)


def run_mix(evidence: MixEvidence, mix: int, purpose: Purpose, why: str) -> Probe:
    """A run of a mix, or of an endpoint if the run of the mix could not be interpreted without it."""
    observations = evidence.observations
    endpoint_values = min(len(observations.samples(endpoint)) for endpoint in (0, observations.new))
    if not observations.seedless and len(evidence.values.unmatched.get(mix, ())) >= 2 * endpoint_values:
        return run_endpoint(evidence, "the endpoints have fewer values than the mix that is compared with them")
    seed = next_seed(evidence, mix)
    if evidence.pairs.seeds_move or evidence.pairs.needs_pairs(mix):
        paired = (observations.seeds(0) & observations.seeds(observations.new)) - observations.seeds(mix)
        if not paired:
            return run_endpoint(evidence, "the effect of a further seed on OLD and NEW is unknown")
        seed = seed if seed in paired else min(paired)
    if observations.seed_effects and seed not in observations.seed_effects:
        return run_endpoint(evidence, "the effect of a further seed on all values is unknown")
    return Probe(mix, seed, purpose, why)
