"""Compiling for tests: quickly rather than well."""

import functools

import jax

quickly = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
