"""The words of docs/rules/field.md around its tables."""

PAGE = """# Field test

What the source rules find in code that others wrote: in released packages, and in repositories of people who train
classifiers, rerankers and reward models. All of it was read, and nothing was run. Made by
`python docs/rules/field/make.py WHEELS REPOSITORIES`; the judgements stand beside it in `docs/rules/field/` and were
given by reading. Where findings are alike, one judgement stands for several.

*right*: the code does what the rule says, and hands on a wrong vector for the inputs that the rule names; such inputs
may be rare. *loud*: it does, and raises where rows differ. *known*: it does, for the sake of old configs, in a branch
that says so. *wrong*: a false alarm: for no input does the code read another token than it means to.

## Released packages

A package that has no row has no hits. Files that are made of one another (`modular_*` and `modeling_*`) count each.

| Package | Files | Rule | Hits | right | loud | known | wrong | Of what kind |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{packages}

{package_hits} hits, {package_wrong} of them false alarms. Without hits: {silent}.

### Counted by other means

{counted}

### Missed

{unseen}

## Repositories

{repositories} repositories of small teams, each at one commit (below): {files:,} Python files and {notebooks:,}
notebooks. {held} of them were kept apart: none of their files was opened while the rules were made, though lists of
their findings were seen. The others were read meanwhile.

Copies are many: whole experiments are copied file by file. So findings are counted once for each function and line
that differ within a repository (*different*), and the judgements and shares are of those.

| Rule | Findings | Repositories | Different | right | loud | known | wrong | hold |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{rules}

Of those that were kept apart:

| Rule | Findings | Repositories | Different | right | loud | known | wrong | hold |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{rules_held}

### What is missed

Patterns of text that share nothing with the rules (`docs/rules/field/candidates.py`) found places that may be wrong
readouts, and each was read by someone who did not know what the rules say of it (`candidates.csv`). *Quiet* are those
in whose function the rule says nothing; bugs are counted by function, and *told* are those of which it speaks.

What a checkpoint's tokenizer brings is often named in a file that is not there; AT003 then goes by the rule that a
name from outside may be any decoder's. Of the places that seemed missed, six were judged anew when they were read again
(a policy's tokenizer, a checkpoint that has a pad token, an index that nothing uses, files that are no Python).

| Rule | Places read | Quiet | Bugs | Told | Missed | Recall |
| --- | --- | --- | --- | --- | --- | --- |
{candidates}

Of the repositories that were kept apart:

| Rule | Places read | Quiet | Bugs | Told | Missed | Recall |
| --- | --- | --- | --- | --- | --- | --- |
{candidates_held}

The bugs that are missed:

{missed}

### Every finding

{lines}

### The repositories

{names}.

## Every hit in packages

{package_lines}
"""

COUNTED = """\
Each by a search that shares nothing with the rules: all expressions of a kind, printed and read, the same line once.

* AT001 and AT002: every `x - 1`, `x.sub(1)`, `-1 + x` and `x -= 1` where x holds a reduction of something called mask,
  pad, ids, eos or tokens, or is called a length: 1,004 in all packages, and 63 of them are readouts. In transformers
  4.31.0 these are 14 classifiers in torch (13 that write `.sum(-1) - 1`, and Falcon, which writes `.sum(dim=-1) - 1`)
  and 5 in TensorFlow; in 4.48.3 they are 32 in torch and 6 in TensorFlow that write `argmax`, and BioGPT; in adapters
  4; in TRL 1. The rules find these and no more. The other 941 are position ids, blocks and convolutions of audio, masks
  of pretraining, `shift_tokens_right` (FSMT, mBART, PLBart), and bounds. In 5.23.0 there is no readout among them.
* AT002 and AT016: every `argmax`, `argmin`, `nonzero`, `argwhere`, `topk` and `searchsorted` on such names, in torch,
  TensorFlow and Flax: 375. Those that read hidden states at a pad or at the highest id are among the hits. (Those in
  files of image models were passed over by the name of the file.)
* AT003: every line that gives pad an eos. Beside TRL's 5 it is done by generators, a decoder of a loss (in
  sentence_transformers) and the zero-shot pipeline (below).
* AT006: every mean over dim 1 or -2 in a function that speaks of a mask, in files that are not of images or audio. They
  stand where the mask is None (EuroBERT, Cohere Compass, TIPSv2), over latents (Perceiver), or in a summary layer
  (below). And every `mask.sum()` without a dim: counts, losses, and the codebooks of audio.
* AT004, AT008, AT010: no file that sets a side of padding reads a fixed position; SEQ_CLS meets a checkpoint by name in
  docstrings alone, and so does `pooler_output` of a RoBERTa. These rules are for scripts, and packages hold few.
* AT011: every line with `eos_mask`. All boolean gathers are among the hits.
* AT015: every definition of such a method in 5.23.0 and the other packages: none overrides a method of another model.
* Fixes: 47 of the 63 hits of AT001 and AT002 have one. Each gives a file that parses, differs in one line and is clean;
  TensorFlow (11), an index that passes through a function of another module (adapters, 4) and TRL's helper are left."""
