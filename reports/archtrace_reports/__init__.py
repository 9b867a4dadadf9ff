"""Every way to show what archtrace found: the command line, and one file a format under `formats/`."""
