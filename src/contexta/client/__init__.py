"""The Python interface: ``Contexta``, one short method per verb, and the workspace that it opens."""
