"""Contracts of a project: declared in its pyproject.toml, checked by tracing the models; verdicts are cached."""
