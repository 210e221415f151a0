"""``contexta run``: record a command, and every Python process below it, without changing its code."""
