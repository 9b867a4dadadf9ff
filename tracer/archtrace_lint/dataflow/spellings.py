"""What names and spellings mean: the facts that the analysis starts from, as tables."""

from __future__ import annotations

import re

from archtrace_lint.dataflow.architectures import name_pattern


def word_set(text: str) -> frozenset[str]:
    """The words of a text, separated by white space."""
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

#: Parts of the names of a padding side, in lower case; a file without any of them never checks the side.
SIDES = ("padding_side", "pad_side", "left_pad", "right_pad")

#: Names that may be texts or token ids, so they count as weak ids (`text.argmax(-1)` in CLIP's text towers).
TEXT_NAMES = word_set("text texts tokens token_ids input_tokens text_ids text_tokens caption captions")

#: Names that hold soft prompts.
PROMPTS = re.compile(
    r"prompts?|soft_prompts?|(prompt|prefix|virtual|soft)_\w*embed\w*|virtual_tokens?|learned_prompts?"
)

#: Callees, by their last word, that turn ids into vectors or run a backbone.
EMBEDDERS = re.compile(r"embed\w*|wte|\w*_embedding|word_embeddings|get_input_embeddings")
#: Callees that are surely language models; and those that may be any model.
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
#: Recurrent callees, by their last word: one vector per token.
RECURRENT = re.compile(r"(\w*_)?(bi_?)?(lstm|gru|rnn)(_?(layer|encoder|\d))?", re.IGNORECASE)
#: Callees that do not return one vector per token, as other modules called on hidden states do.
POOLERS = re.compile(
    r"\w*(pool|summary|cls|aggregat|readout|loss|criterion|classification_head|mean|average|avg|select|gather|extract"
    r"|take|last_token|size|mask|print|log|zip|check|router|gate)\w*|(\w*_)?len(gths?)?(_\w*)?",
    re.IGNORECASE,
)

#: Names of what has no tokens of a text to take a mean over.
NO_TEXT = re.compile(r"image|vision|video|audio|speech|pixel|patch", re.IGNORECASE)
#: Layers inside a model, where a mean may be over anything.
PARTS = re.compile(r"Attention|Layer|Block|Embeddings", re.IGNORECASE)

#: Classes whose classifier finds its token by the pad id, unless they are encoders.
CLASSIFIERS = re.compile(r"\w*(ForSequenceClassification|RewardModel)")

#: Classes that count as built where they are passed as arguments.
PASSED_CLASSES = re.compile(rf"{CLASSIFIERS.pattern}|AutoModelFor\w+")

#: What `pipeline("text-classification")` is called here, and the tasks that make it.
PIPELINE = "TextClassificationPipeline"
CLASSIFYING = word_set("text-classification sentiment-analysis")

#: Builtins that return one of their arguments, or its items.
PASSING = word_set("int float bool list tuple max min abs round sorted reversed iter next cast")

#: Calls, and keywords of calls, that concern a rule; attributes, keys and keywords that do when stored.
CALLS = word_set("get_peft_model add_special_tokens add_adapter")
KEYWORD_CALLS = word_set("peft_config inputs_embeds key_padding_mask src_key_padding_mask")
STORED = word_set("pad_token pad_token_id padding_side")
#: Modules of PyTorch that average over their last dim; layers of Keras that average over their second, the tokens.
AVERAGES = word_set("AdaptiveAvgPool1d")
TOKEN_AVERAGES = word_set("GlobalAveragePooling1D GlobalAvgPool1D")
#: Attributes and items that concern a rule when they are read.
READ = word_set("pooler_output 1")

#: Members of PEFT's TaskType, which equal their names.
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
#: Names of a single text: tokenized alone, it gets no padding.
ONE_TEXT = re.compile(
    r"(\w*_)?(text|txt|sent|sentence|query|question|prompt|document|doc|passage|paragraph|article|snippet|content|string|word"
    r"|phrase|title|description|message|utterance|review|tweet|line|code|caption|abstract|statement|name)"
)
TOKENIZING = word_set("batch_encode_plus encode_plus pad __call__")

#: Modules whose functions take the tensor as first argument; and those whose tensors are not torch's, for which no
#: fix is written.
LIBRARIES = word_set("torch F functional jnp np numpy tf jax")
FOREIGN = word_set("jnp np numpy tf jax")


_PATTERNS = tuple((re.compile(pattern), what) for pattern, what in NAMES)
_KNOWN: dict[str, str] = {}


def meaning(name: str) -> str:
    """The meaning in NAMES of a name, "" if it has none."""
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
