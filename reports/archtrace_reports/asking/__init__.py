"""Asking: questions to the tracer, in this process or in others, and the store of their answers."""
