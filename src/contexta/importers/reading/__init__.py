"""Descriptions of runs that another tool recorded, and decoders of its files."""
