"""Distributions that know themselves blurred by Gaussian noise."""
