"""The shipped samplers, a module each."""
