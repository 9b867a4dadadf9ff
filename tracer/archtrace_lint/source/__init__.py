"""Source: files of Python read, parsed, and cut down to what can matter to a rule."""
