"""Capture: from a class and its config to a functional program, without weights."""
