"""Describe a verdict: report, proof wording, advice, estimate."""
