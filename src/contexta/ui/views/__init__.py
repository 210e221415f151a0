"""The pages: one function per address, from a request to a response."""
