"""What the trials say: likelihoods, the posterior over causes, and proof. Pure."""
