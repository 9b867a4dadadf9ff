"""The readout: which tensors the classifier reads, which slice of them, by which rule, at which line."""
