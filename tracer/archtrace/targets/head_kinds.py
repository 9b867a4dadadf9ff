"""Head kinds: what may stand behind a backbone, and which class of the library is that of a model type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from archtrace.errors import did_you_mean, refusal
from archtrace.targets import fills, library
from archtrace.targets.target import ModelConfig


@dataclass(frozen=True)
class HeadKind:
    """`mapping` names the library's table of its classes, "MODEL_FOR_<mapping>_MAPPING_NAMES"; `noun` is what one is
    called. `choices`: how many texts a row holds, on an axis of their own; 1 without such an axis. `needed`: inputs
    that the forward's signature has as optional and that are needed all the same: where words stand on a page, where
    the question is. `features`: it takes pixels or sound; `moving`: a row holds several images.
    """

    mapping: str
    noun: str
    choices: int = 1
    needed: tuple[str, ...] = ()
    features: bool = False
    moving: bool = False


#: The head that is traced where the user names none.
DEFAULT = "sequence-classification"
#: Where the question is, for attention that is global there; the image that it may be about.
QUESTION = ("global_attention_mask", "visual_feats", "visual_pos")
#: Three choices, as rows are two: neither can be taken for the other.
HEADS: Mapping[str, HeadKind] = {
    DEFAULT: HeadKind("SEQUENCE_CLASSIFICATION", "sequence classifier"),
    "token-classification": HeadKind("TOKEN_CLASSIFICATION", "token classifier", needed=("bbox",)),
    "question-answering": HeadKind("QUESTION_ANSWERING", "head for question answering", needed=QUESTION),
    "multiple-choice": HeadKind("MULTIPLE_CHOICE", "head for multiple choice", choices=3, needed=QUESTION),
    "next-sentence-prediction": HeadKind("NEXT_SENTENCE_PREDICTION", "head for next sentences"),
    "masked-lm": HeadKind("MASKED_LM", "masked language model"),
    "causal-lm": HeadKind("CAUSAL_LM", "causal language model"),
    "text-encoding": HeadKind("TEXT_ENCODING", "text encoder"),
    "image-classification": HeadKind("IMAGE_CLASSIFICATION", "image classifier", features=True),
    "video-classification": HeadKind("VIDEO_CLASSIFICATION", "video classifier", features=True, moving=True),
    "audio-classification": HeadKind("AUDIO_CLASSIFICATION", "audio classifier", features=True),
    "audio-frame-classification": HeadKind("AUDIO_FRAME_CLASSIFICATION", "classifier of audio frames", features=True),
    "audio-xvector": HeadKind("AUDIO_XVECTOR", "x-vector head", features=True),
    "zero-shot-image-classification": HeadKind(
        "ZERO_SHOT_IMAGE_CLASSIFICATION", "zero-shot image classifier", features=True
    ),
    "retrieval": HeadKind("RETRIEVAL", "retriever"),
}


@cache
def classes(head: str) -> Mapping[str, tuple[str, ...]]:
    """Model type -> the names of its classes with this head, the usual one first. TargetError for an unknown head."""
    kind = HEADS.get(head)
    if kind is None:
        raise refusal(
            f"unknown head {head!r}",
            why=f"the heads are {', '.join(HEADS)}",
            do=f"{did_you_mean(head, HEADS)}name one of them",
        )
    return library.mapping(kind.mapping)


def class_name(head: str | None, model_type: str, architectures: Sequence[str], where: str) -> str:
    """The class with this head that the architectures name, else the model type's. TargetError where it has none."""
    if head in (None, DEFAULT):
        return library.classifier_name(model_type, architectures, where)
    names = classes(str(head)).get(model_type, ())
    if not names:
        raise _without(str(head), model_type, where)
    return next((name for name in architectures if name in names), names[0])


def _without(head: str, model_type: str, where: str) -> Exception:
    if model_type not in library.model_types():
        return library.no_classifier(model_type, where)
    others = [name for name in HEADS if model_type in classes(name)]
    instead = f"it has {', '.join(others)}" if others else "the library has no head for it that is known here"
    return refusal(
        f"model type {model_type!r} has no {HEADS[head].noun}",
        where=where,
        why=f"transformers {library.version()} has none for it; {instead}",
        do=f"{did_you_mean(model_type, classes(head))}ask for another head (--head), or name a class: "
        "transformers:Class or path/to/file.py:Class",
    )


def part_of(config: ModelConfig, name: str) -> ModelConfig:
    """The part of a composite config that a class of the library is built from: of a model of texts its text part."""
    kind = library.model_class(name).config_class
    parts = (part for _, part in fills.nested("", config) if part is not config and isinstance(part, kind))
    return config if isinstance(config, kind) else next(parts, config)


def kind_of(kind: type) -> HeadKind | None:
    """The kind of head that a class of the library has; None for any other class, whatever it is called."""
    return _kinds_of().get(kind.__name__) if kind.__module__.partition(".")[0] == "transformers" else None


@cache
def _kinds_of() -> Mapping[str, HeadKind]:
    return {name: kind for head, kind in [*HEADS.items()][::-1] for _, name in every_class(head)}


def every_class(head: str) -> Iterator[tuple[str, str]]:
    """Each class with this head once, with the first model type that has it."""
    model_types: dict[str, str] = {}
    for model_type, names in sorted(classes(head).items()):
        for name in names:
            model_types.setdefault(name, model_type)
    yield from ((model_type, name) for name, model_type in model_types.items())
