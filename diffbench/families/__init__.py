"""The shipped model families, a module each."""
