"""Diff: what differs between two answers, in words and beside each other."""
