"""The frame of every page: elements, head and navigation."""
