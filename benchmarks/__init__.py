"""Benchmarks: each prints a table, from seeded data or from a path."""
