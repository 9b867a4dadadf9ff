"""Targets: from what the user names to a class, a config and where the config came from."""
