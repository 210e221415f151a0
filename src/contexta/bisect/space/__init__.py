"""The changes between two environments, and the mixes of them that can exist."""
