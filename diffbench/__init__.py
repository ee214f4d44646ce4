"""diffbench: how good a diffusion model is, and why it errs, on data whose truth is known."""

__version__ = "0.1.0"
