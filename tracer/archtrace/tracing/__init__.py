"""Tracing: from a target to everything that can be said of what its classifier reads."""
