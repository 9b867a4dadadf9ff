"""The real instances that the rules name: the shape of each bug is found, and its mended form is not."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from lint_cases import codes


class Instance(NamedTuple):
    """A bug as it stood, in other words: `{}` is what was wrong, and what stands there now."""

    where: str
    code: str
    text: str
    wrong: str
    right: str


SCRIPT = """
    import torch
    from peft import LoraConfig, PromptTuningConfig, TaskType, get_peft_model
    from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer
    """

CLASSIFIER = """
    import torch

    class Classifier(torch.nn.Module):
        def forward(self, input_ids, attention_mask=None):
            states = self.transformer(input_ids, attention_mask=attention_mask)[0]
            logits = self.score(states)
            last = {}
            return logits[torch.arange(len(input_ids), device=logits.device), last]
    """

RIGHTMOST = "(torch.arange(input_ids.shape[-1]) * (input_ids != self.config.pad_token_id)).argmax(-1)"

TEXT_TOWER = """
    import torch

    class Tower(torch.nn.Module):
        def encode_text(self, text):
            x = self.token_embedding(text) + self.positional_embedding
            x = self.ln_final(self.transformer(x.permute(1, 0, 2)).permute(1, 0, 2))
            return x[torch.arange(x.shape[0]), {}] @ self.text_projection
    """

EMBED = """
    tokenizer = AutoTokenizer.from_pretrained(name, {})
    model = AutoModel.from_pretrained(name)

    def embed(texts):
        batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        return model(**batch).last_hidden_state[:, {}]
    """


def peft(checkpoint: str, missing: str) -> Instance:
    """A head of which PEFT saves a part."""
    text = f"""
    model = AutoModelForSequenceClassification.from_pretrained("{checkpoint}", num_labels=3)
    config = LoraConfig(task_type=TaskType.SEQ_CLS, r=8{{}})
    model = get_peft_model(model, config)
    """
    return Instance(f"peft {checkpoint}", "AT008", SCRIPT + text, "", f', modules_to_save=["classifier", "{missing}"]')


INSTANCES = [
    Instance(
        "RLHF-Reward-Modeling 49",
        "AT003",
        SCRIPT
        + """
    tokenizer = AutoTokenizer.from_pretrained(arguments.model_name)
    {}
    model = AutoModelForSequenceClassification.from_pretrained(arguments.model_name, num_labels=1)
    model.config.pad_token_id = tokenizer.pad_token_id
    """,
        "tokenizer.pad_token = tokenizer.eos_token",
        "tokenizer.add_special_tokens({'pad_token': '[PAD]'})",
    ),
    Instance(
        "sentence-transformers 3208",
        "AT004",
        SCRIPT + EMBED.format("padding_side='{}'", "0"),
        "left",
        "right",
    ),
    Instance("trlx 341", "AT004", SCRIPT + EMBED.format("padding_side='{}'", "-1"), "right", "left"),
    Instance(
        "a reward model of trlx's kin",
        "AT002",
        """
    class Reward(torch.nn.Module):
        def __init__(self, tokenizer):
            self.PAD_ID = tokenizer(tokenizer.pad_token)["input_ids"][0]

        def forward(self, input_ids=None, attention_mask=None):
            states = self.transformer(input_ids, attention_mask=attention_mask)[0]
            rewards = self.v_head(states).squeeze(-1)
            scores = []
            for row in range(len(input_ids)):
                {}
                scores.append(rewards[row, end - 1])
            return scores
    """,
        "pads = (input_ids[row] == self.PAD_ID).nonzero(); end = pads[0].item() if len(pads) else len(input_ids[row])",
        "end = (input_ids[row] != self.PAD_ID).nonzero()[-1].item() + 1",
    ),
    Instance(
        "LightRAG 3675",
        "AT006",
        """
    async def embed(texts, tokenizer, embed_model):
        batch = tokenizer(texts, return_tensors="pt", padding=True, truncation=True).to(device)
        mask = batch["attention_mask"].unsqueeze(-1)
        outputs = embed_model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        return {}
    """,
        "outputs.last_hidden_state.mean(dim=1)",
        "(outputs.last_hidden_state * mask).sum(dim=1) / mask.sum(dim=1).clamp_min(1)",
    ),
    Instance(
        "LightRAG before it, with ids alone",
        "AT017 AT006",
        """
    async def embed(texts, tokenizer, embed_model):
        input_ids = tokenizer(texts, return_tensors="pt", padding={}).input_ids
        outputs = embed_model(input_ids)
        return outputs.last_hidden_state.mean(dim=1)
    """,
        "True",
        "False",
    ),
    Instance(
        "AnglE 102",
        "AT006",
        """
    def pooled(outputs, inputs):
        return torch.sum(outputs * inputs["attention_mask"][:, :, None], dim=1) / torch.sum({})
    """,
        "inputs['attention_mask']",
        "inputs['attention_mask'], dim=1, keepdim=True",
    ),
    peft("microsoft/deberta-v3-large", "pooler"),
    peft("facebook/bart-large-mnli", "classification_head"),
    peft("xlnet-base-cased", "sequence_summary"),
    peft("answerdotai/ModernBERT-base", "head"),
    peft("EuroBERT/EuroBERT-210m", "dense"),
    Instance(
        "peft 764",
        "AT009",
        SCRIPT
        + """
    model = AutoModelForSequenceClassification.from_pretrained("roberta-large")
    model = get_peft_model(model, {}(task_type="SEQ_CLS"))
    """,
        "PromptTuningConfig",
        "LoraConfig",
    ),
    Instance(
        "transformers 16210",
        "AT010",
        SCRIPT
        + """
    model = AutoModel.from_pretrained("roberta-base")
    tokenizer = AutoTokenizer.from_pretrained("roberta-base")
    outputs = model(**tokenizer("a text", return_tensors="pt"))
    vector = outputs{}
    """,
        ".pooler_output",
        ".last_hidden_state[:, 0]",
    ),
    Instance(
        "transformers 24265 and 46782",
        "AT001",
        CLASSIFIER,
        "torch.ne(input_ids, self.config.pad_token_id).sum(-1) - 1",
        RIGHTMOST,
    ),
    Instance(
        "transformers 35352",
        "AT002",
        CLASSIFIER,
        "(torch.eq(input_ids, self.config.pad_token_id).int().argmax(-1) - 1) % input_ids.shape[-1]",
        RIGHTMOST,
    ),
    Instance(
        "transformers 24650 and open_clip 1151",
        "AT016",
        TEXT_TOWER,
        "text.argmax(dim=-1)",
        "(text == self.eos_token_id).int().argmax(dim=-1)",
    ),
    Instance(
        "PiPPy 308 and adapters 563",
        "AT011",
        """
    def sentence(self, input_ids, outputs):
        states, eos_mask = outputs[0], input_ids.eq(self.config.eos_token_id)
        last = (torch.arange(eos_mask.shape[1]) * eos_mask).argmax(-1)
        return {}
    """,
        "states[eos_mask, :].view(states.size(0), -1, states.size(-1))[:, -1, :]",
        "states[torch.arange(len(states)), last]",
    ),
    Instance(
        "NeMo Automodel 1349",
        "AT015",
        """
    from transformers import LlamaModel

    class LlamaBidirectionalModel(LlamaModel):
        def {}(self, attention_mask, *args):
            return attention_mask if attention_mask is not None and 0.0 in attention_mask else None
    """,
        "_update_causal_mask",
        "both_ways",
    ),
]


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda instance: instance.where)
def test_an_instance_is_found_until_it_is_mended(instance: Instance) -> None:
    """By its rules alone; mended, no rule has a word to say."""
    assert codes(instance.text.replace("{}", instance.wrong)) == instance.code.split()
    assert codes(instance.text.replace("{}", instance.right)) == []


#: What scripts hold besides, and what is found there.
SCRIPTS = [
    (
        "one text is a batch without pads",
        """
    def embedding(text):
        inputs = tokenizer(text, return_tensors="pt", padding=True, truncation=True, max_length=512)
        return model(**inputs).last_hidden_state.mean(dim=1)
    """,
        [],
    ),
    (
        "and so is a list of one",
        """
    def embedding(self, query):
        inputs = self.tokenizer([query], return_tensors="pt", padding=True)
        return self.model(**inputs).last_hidden_state.mean(dim=1)
    """,
        [],
    ),
    (
        "a list of several is not",
        """
    def embedding(self, first, second):
        inputs = self.tokenizer([first, second], return_tensors="pt", padding=True)
        return self.model(**inputs).last_hidden_state.mean(dim=1)
    """,
        ["AT006"],
    ),
    (
        "the last layer, by `getattr`",
        """
    def forward(self, input_ids, attention_mask):
        outputs = self.backbone(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        hidden_states = getattr(outputs, "hidden_states", None)
        states = hidden_states[-1] if isinstance(hidden_states, tuple) else hidden_states
        return self.critic(states[torch.arange(len(input_ids)), attention_mask.sum(dim=1) - 1])
    """,
        ["AT001"],
    ),
    (
        "unless it is filled up",
        """
    def embedding(text):
        inputs = tokenizer(text, return_tensors="pt", padding="max_length", truncation=True, max_length=512)
        return model(**inputs).last_hidden_state.mean(dim=1)
    """,
        ["AT006"],
    ),
    (
        "a mask of ones has no pads",
        """
    def embedding(tokens):
        attention_mask = torch.ones_like(tokens)
        return model(input_ids=tokens, attention_mask=attention_mask).last_hidden_state.mean(dim=1)
    """,
        [],
    ),
    (
        "unless it only stands in for another",
        """
    def pool(self, input_ids, attention_mask=None):
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        return self.bert(input_ids, attention_mask=attention_mask).last_hidden_state.mean(dim=1)
    """,
        ["AT006"],
    ),
    (
        "a model that returns logits, by their name",
        """
    def get_reward(reward_model, query_responses, tokenizer):
        mask = query_responses != tokenizer.pad_token_id
        reward_logits = reward_model(input_ids=query_responses, attention_mask=mask)
        ends = torch.eq(query_responses, tokenizer.pad_token_id).long().argmax(-1) - 1
        return reward_logits[torch.arange(len(ends)), ends]
    """,
        ["AT002"],
    ),
    (
        "each of the layers, by `get`",
        """
    def layers(self, inputs):
        states = self.model(**inputs).get("hidden_states")[1:]
        ends = inputs["attention_mask"].sum(1) - 1
        return tuple(layer[torch.arange(len(ends)), ends] for layer in states)
    """,
        ["AT001"],
    ),
]


@pytest.mark.parametrize(("text", "found"), [s[1:] for s in SCRIPTS], ids=[s[0] for s in SCRIPTS])
def test_scripts(text: str, found: list[str]) -> None:
    """No more and no less."""
    assert codes(text) == found
