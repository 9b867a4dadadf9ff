"""Command names: the one table of the commands, apart so that whoever reads it need not import what parses them."""

from __future__ import annotations

from collections.abc import Mapping

#: Command -> what it does, in the order in which --help shows them. Each is a file of `commands`, imported when it is
#: asked for: a hook that checks one file pays for nothing else. A folder of such a name is given as ./check.
COMMANDS: Mapping[str, str] = {
    "trace": "Tell which hidden states the logits are read from.",
    "check": "Find wrong readouts in code, and in the models you declare.",
    "diff": "Tell what changes from one model to another.",
    "doctor": "Tell whether checkpoint, tokenizer and texts go together.",
    "serving": "Tell whether vLLM, TEI and others pool what the model reads.",
    "atlas": "Write a site of every architecture and head, to browse.",
    "ls": "List what is known, and so answered at once.",
    "explain": "Tell what a code of archtrace check means, and what to do.",
    "help": "Show this page, or that of a command.",
}
DEFAULT = "trace"
