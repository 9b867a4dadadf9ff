"""Asking: questions put to the tracer, in this process or in others, and the answers that are kept."""
