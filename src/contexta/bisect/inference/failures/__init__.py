"""Infer which mixes cannot run, and the risk that an untested mix fails. Pure."""
