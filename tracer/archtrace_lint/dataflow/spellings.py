"""What names and spellings mean: the facts that the analysis starts from, as tables."""

from __future__ import annotations

import re

from archtrace_lint.dataflow.architectures import name_pattern


def word_set(text: str) -> frozenset[str]:
    """The words of a text, apart by white space."""
    return frozenset(text.split())


#: Last word of a name, an attribute or a string key -> what it holds. The first pattern that fits wins.
NAMES: tuple[tuple[str, str], ...] = (
    (r"(\w*_)?(pad|padding)_?(token)?_?(id|idx|index|token)|pad_token_ids?|pad", "pad"),
    (r"(\w*_)?(eos|eot|end_of_text)_?(token)?_?(id|idx|index|token)|eos", "eos"),
    (r"(\w*_)?(eos|eot)_masks?|is_eos", "eosmask"),
    (r"left_pad(ding|ded)?|is_left_pad\w*|right_pad(ding|ded)?|is_right_pad\w*|padding_side|pad_side", "side"),
    (r"ids|(\w*_)?(input_ids|query_responses?|prompt_completion_ids)", "ids"),
    (r"(\w*_)?(key_)?padding_masks?|pad_masks?|is_pad(ding)?", "padded"),
    (r"(\w*_)?attention_masks?|attn_masks?|input_masks?|non_pad_masks?|token_masks?", "attended"),
    (r"((att|atten|attention|src|source|text|txt|sent|sents|sentence|word|seq|seqs|sequence|batch|ctx|context|enc|encoder"
     rf"|{name_pattern('encoders')}|query|doc|passage|b|q|c)_?)?masks?|segs?", "mask"),
    (r"(\w*_)?hidden_states?|last_hiddens?|hiddens?|sequence_outputs?|(token|word)_embeddings|lm_output|"
     r"encoder_hidden|last_layer|last_hidden_layer", "hidden"),
    (r"(\w*_)?logits", "logits"),
    (rf"(\w*_)?outputs|(encoder|enc|lm|transformer|\w*({name_pattern('encoders')})[ar]*)_(out|output|outs)|encoded(_layers)?",
     "outputs"),
    (r"x|hs?|out|output|features|feats|embeddings|embeds", "weak"),
    (r"(?!past_key|key_)(\w+_)?(rewards|values|scores)", "scores"),
)  # fmt: skip

#: What is in every name of a side of padding, in lower case: a file without any asks for none.
SIDES = ("padding_side", "pad_side", "left_pad", "right_pad")

#: Names that only a subscript by id makes token ids (`text.argmax(-1)` in CLIP's text towers).
TEXT_NAMES = word_set("text texts tokens token_ids input_tokens text_ids text_tokens caption captions")

#: Names that hold soft prompts.
PROMPTS = re.compile(
    r"prompts?|soft_prompts?|(prompt|prefix|virtual|soft)_\w*embed\w*|virtual_tokens?|learned_prompts?"
)

#: Callees, by their last word, that turn ids into vectors or run a backbone.
EMBEDDERS = re.compile(r"embed\w*|wte|\w*_embedding|word_embeddings|get_input_embeddings")
#: Callees that are surely language models, and those of which only a model is known.
ENCODERS = re.compile(rf"\w*({name_pattern('encoders')})[ar\d]*(_?(model|encoder|layer|base))?", re.IGNORECASE)
TEXT_MODELS = re.compile(
    rf"{ENCODERS.pattern}|(\w*_)?(lm|llm|plm|ptm|transformer|text_(model|encoder)"
    rf"|({name_pattern('decoders')}|{name_pattern('others')})[j\d]*)(_(model|encoder|layer))?",
    re.IGNORECASE,
)
ANY_MODEL = re.compile(r"(\w*_)?model|forward", re.IGNORECASE)
BACKBONES = re.compile(
    rf"{TEXT_MODELS.pattern}|{ANY_MODEL.pattern}|(\w*_)?(backbone|encoder|decoder)(_model)?", re.IGNORECASE
)
#: Callees that take a text token by token, and give a vector a token, by their last word.
RECURRENT = re.compile(r"(\w*_)?(bi_?)?(lstm|gru|rnn)(_?(layer|encoder|\d))?", re.IGNORECASE)
#: A module called on hidden states gives one vector a token, unless its name says that it pools.
POOLERS = re.compile(
    r"\w*(pool|summary|cls|aggregat|readout|loss|criterion|classification_head|mean|average|avg|select|gather|extract"
    r"|take|last_token|size|mask|print|log|zip|check|router|gate)\w*|(\w*_)?len(gths?)?(_\w*)?",
    re.IGNORECASE,
)

#: Means over these are no means over the tokens of a text.
NO_TEXT = re.compile(r"image|vision|video|audio|speech|pixel|patch", re.IGNORECASE)
#: Parts of a model, in which a mean may be over anything.
PARTS = re.compile(r"Attention|Layer|Block|Embeddings", re.IGNORECASE)

#: Classes whose classifier finds its token by the pad id, if it is no encoder's.
CLASSIFIERS = re.compile(r"\w*(ForSequenceClassification|RewardModel)")

#: Classes that are worth noting where they are handed over.
HANDED = re.compile(rf"{CLASSIFIERS.pattern}|AutoModelFor\w+")

#: What `pipeline("text-classification")` is called here, and the tasks that make it.
PIPELINE = "TextClassificationPipeline"
CLASSIFYING = word_set("text-classification sentiment-analysis")

#: Builtins that give what they are given.
PASSING = word_set("int float bool list tuple max min abs round sorted reversed iter next cast")

#: Calls that rules ask about; attributes, keys and keywords whose storing they ask about; attributes and items whose
#: reading they ask about.
CALLS = word_set("get_peft_model add_special_tokens add_adapter")
KEYWORD_CALLS = word_set("peft_config inputs_embeds key_padding_mask src_key_padding_mask")
STORED = word_set("pad_token pad_token_id padding_side")
#: Modules of PyTorch that average over their last dim, and layers of Keras that do over the tokens, their second.
AVERAGES = word_set("AdaptiveAvgPool1d")
TOKEN_AVERAGES = word_set("GlobalAveragePooling1D GlobalAvgPool1D")
READ = word_set("pooler_output 1")

#: Members of PEFT's TaskType, which are as good as their names.
TASKS = word_set("SEQ_CLS TOKEN_CLS CAUSAL_LM SEQ_2_SEQ_LM FEATURE_EXTRACTION QUESTION_ANS")

#: Settings that name a checkpoint.
CHECKPOINTS = re.compile(
    r"\w*(model|checkpoint|ckpt|backbone|pretrained|name_or_path)(_?(name|path|id|dir|ckpt))*", re.IGNORECASE
)

#: Adapter configs of PEFT.
ADAPTERS = re.compile(
    r"(Lora|DoRA|AdaLora|IA3|LoHa|LoKr|OFT|BOFT|Vera|PromptTuning|PromptEncoder|PrefixTuning|MultitaskPromptTuning|CPT"
    r"|PromptLearning)Config"
)
TOKENIZERS = re.compile(r"\w*(tokenizer|processor|Tokenizer|Processor)(Fast)?")
#: Names of one text, in a batch of which nothing is padded.
ONE_TEXT = re.compile(
    r"(\w*_)?(text|txt|sent|sentence|query|question|prompt|document|doc|passage|paragraph|article|snippet|content|string|word"
    r"|phrase|title|description|message|utterance|review|tweet|line|code|caption|abstract|statement|name)"
)
TOKENIZING = word_set("batch_encode_plus encode_plus pad __call__")

#: Modules whose functions take the tensor as their first argument; and those of them whose tensors are not torch's, so
#: that no fix for torch suits.
LIBRARIES = word_set("torch F functional jnp np numpy tf jax")
FOREIGN = word_set("jnp np numpy tf jax")


_PATTERNS = tuple((re.compile(pattern), what) for pattern, what in NAMES)
_KNOWN: dict[str, str] = {}


def meaning(name: str) -> str:
    """What a tensor of this name holds, "" when the name says nothing."""
    if name not in _KNOWN:
        _KNOWN[name] = next((m for pattern, m in _PATTERNS if pattern.fullmatch(name.lower().strip("_"))), "")
    return _KNOWN[name]


#: Mask methods that a base class called once -> the version of transformers since which none does.
MASK_METHODS = {
    "_update_causal_mask": "4.53",
    "_prepare_decoder_attention_mask": "4.36",
    "_prepare_attn_mask": "4.36",
    "_expand_mask": "4.36",
    "_make_causal_mask": "4.36",
}
