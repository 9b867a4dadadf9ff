"""The answer: what a trace says, as frozen values. Whatever shows it needs this folder alone."""
