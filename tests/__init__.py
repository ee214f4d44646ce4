"""A package, so that no other's hides it: some wheels put a `tests` of their own beside the libraries."""
