"""The witness: a numeric run that shows which positions reach the logits."""
