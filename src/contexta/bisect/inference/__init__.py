"""Infer the cause from trials: likelihoods, the posterior over causes, and proof. Pure."""
