"""The shipped metrics, a module each idea."""
