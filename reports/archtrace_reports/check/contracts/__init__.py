"""Contracts of a project: declared in its pyproject.toml, held by tracing, kept while nothing changes."""
