"""AT021: the last step of a recurrent net over rows that are padded and were not packed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archtrace_lint.dataflow.abstract_values import constant
from archtrace_lint.dataflow.events import AttributeStore, Class, SourceModule
from archtrace_lint.dataflow.spellings import BACKBONES, EMBEDDERS, meaning, word_set
from archtrace_lint.rule import Match, Rule
from archtrace_lint.rules.def_use import FunctionNodes, backward_slice, scope_of
from archtrace_lint.rules.readouts import abbreviated
from archtrace_lint.rules.recurrent import Net, last_step_reads, net_calls, nets, state_reads
from archtrace_lint.source.syntax import last_word

#: Packed rows, which know their lengths (torch.nn.utils.rnn).
_PACKING = word_set("pack_padded_sequence pack_sequence PackedSequence")

_TRANSPOSES = word_set("permute transpose flip swapaxes flipud fliplr movedim rearrange")

#: Values of `padding` with which a tokenizer pads.
_PADDING = (True, "max_length", "longest")


def check(module: SourceModule) -> Iterator[Match]:
    """`out[:, -1]` and the last hidden state, where a mask or lengths say that rows are padded."""
    # With padding on the left, the last step is that of the last token.
    if _pads_left(module):
        return
    for owner in {event.node for event in module.events_of(Class)}:
        recurrent_nets = nets(owner, module.imports)
        # In any method: a class seldom has two nets of which only one is packed.
        if recurrent_nets and _PACKING.isdisjoint(map(last_word, ast.walk(owner))):
            for method in owner.body:
                if isinstance(method, ast.FunctionDef) and method.name != "__init__":
                    for net in recurrent_nets.values():
                        yield from _net_matches(net, scope_of(method.body[0], module.tree), owner, method, module)


def _net_matches(
    net: Net, scope: FunctionNodes, owner: ast.ClassDef, method: ast.FunctionDef, module: SourceModule
) -> Iterator[Match]:
    """The reads of the last step of a net, at most one per call."""
    function = f"{owner.name}.{method.name}"
    for call in net_calls(scope, net):
        # torch's recurrent nets take (steps, batch, features) by default.
        if not net.batch_first and _gets_batch_first_states(call, scope):
            yield Match(call, function, f"`{net.name}` takes the batch for its steps; make it with batch_first=True")
        elif _is_padded(call, scope, method, module):
            reads: list[ast.expr] = [
                *last_step_reads(scope, call, int(net.batch_first)),
                *state_reads(scope, call, net),
            ]
            # Both directions and several layers are read side by side: one finding per call.
            for read in sorted(reads, key=lambda r: (r.lineno, r.col_offset))[:1]:
                message = f"`{abbreviated(read, 30)}` is the state after the padding; pack the rows by their lengths"
                yield Match(read, function, message)


def _is_padded(call: ast.Call, scope: FunctionNodes, method: ast.FunctionDef, module: SourceModule) -> bool:
    """The net runs over states or embedded ids beside which there is a mask, or over what is padded on the right."""
    mask = any(meaning(a.arg) == "attended" for a in method.args.args)
    return any(_is_padded_at(node, mask, module) for node in backward_slice(call.args[0], scope))


def _is_padded_at(node: ast.AST, mask: bool, module: SourceModule) -> bool:
    if isinstance(node, ast.Call):
        name = last_word(node.func)
        model = BACKBONES.fullmatch(name) and (mask or _gets_mask(node, module))
        return bool(model or (EMBEDDERS.fullmatch(name) and (mask or _pads_right(module))))
    return mask and isinstance(node, ast.Name) and meaning(node.id) == "hidden"


def _gets_mask(call: ast.Call, module: SourceModule) -> bool:
    arguments = [*call.args, *(k.value for k in call.keywords)]
    has_mask = any("mask" in (k.arg or "") for k in call.keywords) or any("mask" in last_word(a) for a in arguments)
    return has_mask or (any(k.arg is None for k in call.keywords) and _tokenizer_pads(module))


def _tokenizer_pads(module: SourceModule) -> bool:
    keywords = (n for n in ast.walk(module.tree) if isinstance(n, ast.keyword) and n.arg == "padding")
    return any(isinstance(k.value, ast.Constant) and k.value.value in _PADDING for k in keywords)


def _pads_right(module: SourceModule) -> bool:
    """`pad_sequence` pads on the right, and so does a tokenizer by default."""
    return any(last_word(n) == "pad_sequence" for n in ast.walk(module.tree)) or _tokenizer_pads(module)


def _pads_left(module: SourceModule) -> bool:
    """The padding side is set to the left somewhere in the module."""
    sides = {constant(s.value) for s in module.events_of(AttributeStore) if s.name == "padding_side"}
    sides_passed = (n.value for n in ast.walk(module.tree) if isinstance(n, ast.keyword) and n.arg == "padding_side")
    return "left" in sides or any(isinstance(value, ast.Constant) and value.value == "left" for value in sides_passed)


def _gets_batch_first_states(call: ast.Call, scope: FunctionNodes) -> bool:
    """The input is a model's states without a transpose: (batch, tokens, width)."""
    nodes = list(backward_slice(call.args[0], scope))
    state_reads = any(last_word(n) == "last_hidden_state" for n in nodes)
    return state_reads and _TRANSPOSES.isdisjoint(map(last_word, nodes))


RULE = Rule(
    code="AT021",
    name="rnn-last-of-padded",
    summary="The last step or state of a recurrent network (LSTM, GRU) over padded rows that were not packed.",
    why="""The network runs on over the padding, so the last state has seen all of it: the same text gets another
vector in a longer batch. Without `batch_first=True` it is worse: the network takes the rows of the batch for its
steps, and `out[:, -1]` has walked over the other texts.""",
    real=(
        "IndoNLP/indonlu issue 15",
        "KubiakJakub01/Feedback-Prize-ELL: `LSTMPooling` walks over the batch, for want of batch_first",
        "Taichicchi1221/feedback-prize-english-language-learning: `LSTMPooling` and `GRUPooling`",
        "649453932/Bert-Chinese-Text-Classification-Pytorch: `bert_RNN.py`",
    ),
    instead="""```python
lengths = attention_mask.sum(1).cpu()
packed = torch.nn.utils.rnn.pack_padded_sequence(hidden, lengths, batch_first=True, enforce_sorted=False)
_, (state, _) = self.lstm(packed)
```

Then the last state of each layer is that of the last token. Without packing, the last token is at
`out[torch.arange(len(out)), lengths - 1]`, for one direction and padding on the right.""",
    unseen="""A network that is passed in, or made by a function; rows that another module pads, if the class sees
neither a mask nor a padding tokenizer. The rule says nothing if something in the class is packed, or if the module
pads on the left.""",
    valid={
        "packed": """
            import torch
            from torch import nn
            from torch.nn.utils.rnn import pack_padded_sequence


            class Classifier(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.lstm = nn.LSTM(768, 128, batch_first=True)

                def forward(self, input_ids, attention_mask):
                    hidden = self.bert(input_ids, attention_mask=attention_mask)[0]
                    lengths = attention_mask.sum(1).cpu()
                    rows = pack_padded_sequence(hidden, lengths, batch_first=True, enforce_sorted=False)
                    _, (state, _) = self.lstm(rows)
                    return self.fc(state[-1])
            """,
        "the step at the last token": """
            import torch
            from torch import nn


            class Classifier(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.gru = nn.GRU(768, 128, batch_first=True)

                def forward(self, input_ids, attention_mask):
                    out, _ = self.gru(self.bert(input_ids, attention_mask=attention_mask)[0])
                    last = (torch.arange(out.shape[1]) * attention_mask).argmax(1)
                    return self.fc(out[torch.arange(len(out)), last])
            """,
        "rows of one length": """
            from torch import nn


            class Forecast(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.lstm = nn.LSTM(8, 128, batch_first=True)

                def forward(self, prices):
                    out, (state, _) = self.lstm(prices)
                    return self.fc(out[:, -1]) + state[-1]
            """,
        "padding on the left": """
            from torch import nn
            from transformers import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased", padding_side="left")


            class Classifier(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.rnn = nn.RNN(768, 128, batch_first=True)

                def forward(self, input_ids, attention_mask):
                    out, _ = self.rnn(self.bert(input_ids, attention_mask=attention_mask)[0])
                    return self.fc(out[:, -1])
            """,
        "all steps are used": """
            from torch import nn


            class Tagger(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.lstm = nn.LSTM(768, 128, batch_first=True, bidirectional=True)

                def forward(self, input_ids, attention_mask):
                    out, _ = self.lstm(self.bert(input_ids, attention_mask=attention_mask)[0])
                    return self.fc(out)
            """,
    },
    invalid={
        "the last step": """
            from torch import nn


            class Classifier(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.lstm = nn.LSTM(768, 128, num_layers=2, batch_first=True, bidirectional=True)
                    self.dropout = nn.Dropout(0.1)

                def forward(self, input_ids, attention_mask):
                    states = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
                    out, _ = self.lstm(states)
                    out = self.dropout(out)
                    return self.fc(out[:, -1, :])
            """,
        "the last state of both directions": """
            import torch


            class Classifier(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.lstm = torch.nn.LSTM(768, 64, bidirectional=True, batch_first=True)

                def forward(self, ids, mask):
                    _, (state, _) = self.lstm(self.bert(ids, mask)[0])
                    return self.fc(torch.cat((state[-2], state[-1]), dim=1))
            """,
        "without batch_first": """
            from torch import nn


            class Classifier(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.lstm = nn.LSTM(768, 128)

                def forward(self, input_ids, attention_mask):
                    outputs = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
                    out, _ = self.lstm(outputs.last_hidden_state)
                    return self.fc(out[:, -1])
            """,
        "rows from pad_sequence": """
            from torch import nn
            from torch.nn.utils.rnn import pad_sequence


            def collate(rows):
                return pad_sequence([row["ids"] for row in rows], batch_first=True)


            class Sentiment(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embedding = nn.Embedding(9000, 100)
                    self.gru = nn.GRU(100, 64, batch_first=True)

                def forward(self, text):
                    _, state = self.gru(self.embedding(text))
                    return self.fc(state.squeeze(0))
            """,
    },
    check=check,
)
