"""Rules that say what is a secret: names, values, forms of tokens, URLs, private keys, options of programs."""
