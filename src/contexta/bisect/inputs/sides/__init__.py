"""Kinds of sides that a user can name as OLD or NEW: one module each."""
