"""Ways to write a name and its secret value, and the search for them."""
