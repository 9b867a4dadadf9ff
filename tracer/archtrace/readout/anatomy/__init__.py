"""Anatomy: what a drawing of a traced model needs, taken from the trace as frozen values."""
