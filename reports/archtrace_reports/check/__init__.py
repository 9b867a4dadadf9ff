"""Check: the source rules over files, as people know it from other linters. Imports little: a hook runs often."""
