"""Reach: which elements may reach which. Marks flow through the program, one rule for each op."""
