"""Complete the pins of a side: what its files do not pin, in ranges, in requirements, or by convention."""
