"""Helpers that several tests share: builders of values, package indexes, servers, simulated worlds."""
