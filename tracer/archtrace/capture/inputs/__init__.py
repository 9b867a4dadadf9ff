"""Inputs: what a forward takes, and the concrete tensors that it is run with."""
