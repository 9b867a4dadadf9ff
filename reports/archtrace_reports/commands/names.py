"""Command names: the table of the commands, in a file that can be read without importing click."""

from __future__ import annotations

from collections.abc import Mapping

#: Command -> what it does, in the order in which --help shows them. Each is a file of `commands`, imported when it is
#: called: a hook that checks one file pays for nothing else. A folder of such a name is given as ./check.
COMMANDS: Mapping[str, str] = {
    "trace": "Show which hidden states a classifier reads.",
    "check": "Find wrong readouts in code, and in the models you declare.",
    "diff": "Show what changes from one model to another.",
    "doctor": "Check that a checkpoint, its tokenizer and texts go together.",
    "serving": "Check that vLLM, TEI and others pool what the model reads.",
    "atlas": "Write a site of every architecture and head, to browse.",
    "ls": "List the answers that are cached, or come with archtrace.",
    "explain": "Explain a code of archtrace check, and what to do about it.",
    "help": "Show this page, or that of a command.",
}
DEFAULT = "trace"
