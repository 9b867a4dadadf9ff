"""Setup: whether a checkpoint, its tokenizer and a batch go together."""
