"""Tracing: from a target to the answer about what its classifier reads."""
