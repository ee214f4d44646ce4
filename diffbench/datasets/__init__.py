"""The shipped datasets, a module each kind."""
