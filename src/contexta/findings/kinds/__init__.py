"""Kinds of findings: the base of all, tables, texts, and notes about what is missing."""
