"""Web pages of a workspace, served on this machine."""
