"""Back up, restore, clean up, verify and diagnose a workspace."""
