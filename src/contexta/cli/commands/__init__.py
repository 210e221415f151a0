"""The commands: options and one call of the client each. `contexta.cli.app` lists them."""
