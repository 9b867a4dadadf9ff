"""Dataflow: a file followed from its first statement to its last, with abstract values in the place of tensors."""
