"""Everything that is known before one step of the search."""

from __future__ import annotations

from dataclasses import dataclass, replace

from contexta.bisect.inference.endpoints import Endpoints
from contexta.bisect.inference.failures.failure_model import Risk, learn
from contexta.bisect.inference.mix_evidence import MixEvidence
from contexta.bisect.inference.observations import ObservedTrials
from contexta.bisect.inference.posterior import Posterior, infer_posterior
from contexta.bisect.inference.proof import Proof
from contexta.bisect.search.problem import Kind, Problem, Settings, Verdict
from contexta.bisect.space.lattice import Mixes


@dataclass(frozen=True)
class Situation:
    """One state of a study, once NEW looks worse than OLD."""

    problem: Problem
    """Its lattice includes the rules that failures have shown so far."""
    evidence: MixEvidence
    endpoints: Endpoints
    risk: Risk
    posterior: Posterior
    is_spent: bool
    """Whether the allowed runs are used up."""

    @classmethod
    def of(cls, problem: Problem, evidence: MixEvidence, endpoints: Endpoints, *, is_spent: bool) -> Situation:
        risk = failure_risk(problem, evidence.observations)
        problem = replace(problem, mixes=problem.mixes.ruled(risk.rules))
        posterior = infer_posterior(evidence, problem.mixes, problem.weights)
        return cls(problem, evidence, endpoints, risk, posterior, is_spent)

    @property
    def mixes(self) -> Mixes:
        return self.problem.mixes

    @property
    def settings(self) -> Settings:
        return self.problem.settings

    @property
    def observations(self) -> ObservedTrials:
        return self.evidence.observations

    def with_rules(self, rules: list[tuple[int, int]]) -> Situation:
        """The same trials under further rules between changes."""
        problem = replace(self.problem, mixes=self.mixes.ruled(rules))
        return replace(self, problem=problem, posterior=infer_posterior(self.evidence, problem.mixes, problem.weights))

    def verdict(
        self,
        kind: Kind,
        why: str,
        culprits: int = 0,
        proof: Proof | None = None,
        share: tuple[float, float, float] | None = None,
    ) -> Verdict:
        """A verdict with the posterior and the state of the endpoints."""
        return Verdict(kind, why, culprits, proof, self.posterior, self.endpoints, share)


def failure_risk(problem: Problem, observations: ObservedTrials) -> Risk:
    """The risk of each mix to fail, from the trials so far."""
    return learn(problem.mixes.count, observations.failures, (0, problem.mixes.full, *observations.probed))
