"""Contracts: what a project says that its models read, held against what a trace of them finds.

>>> from archtrace.contract.contract import declared
>>> contract = declared("sentiment", {"target": "bert-base-uncased", "reads": "first"}, "pyproject.toml")
>>> contract.reads
('first',)
"""
