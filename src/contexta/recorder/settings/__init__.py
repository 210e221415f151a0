"""Record effective settings: the values that libraries really used, with their defaults.

Many drops after an upgrade are defaults that changed in a release. Each module reads the settings of some libraries
when the program fits a model or begins to train. Nothing is imported for it, and no failure reaches the program.
"""
