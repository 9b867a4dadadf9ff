"""The version, apart so that whoever names it need not import the verb."""

__version__ = "0.2.0"
