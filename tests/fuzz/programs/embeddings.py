"""How ids become hidden states: each part makes `h` from `input_ids` and `attention_mask`."""

from __future__ import annotations

from programs.part import Part

PLAIN = Part("embedding", "embed", "h = self.emb(input_ids)", "self.emb = nn.Embedding(V, D)")

EMBEDDINGS = (
    PLAIN,
    Part("padding_idx", "embed", "h = self.emb(input_ids)", "self.emb = nn.Embedding(V, D, padding_idx={pad})"),
    Part(
        "absolute_positions",
        "embed",
        "h = self.emb(input_ids) + self.pos(torch.arange(input_ids.shape[1]))",
        "self.emb = nn.Embedding(V, D)\nself.pos = nn.Embedding(64, D)",
    ),
    Part(
        "roberta_positions",
        "embed",
        "real = (input_ids != {pad}).int()\nat = torch.cumsum(real, 1) * real\nh = self.emb(input_ids) + self.pos(at)",
        "self.emb = nn.Embedding(V, D)\nself.pos = nn.Embedding(64, D)",
    ),
    Part(
        "mask_positions",
        "embed",
        "at = attention_mask.long().cumsum(-1) - 1\nat = at.masked_fill(attention_mask == 0, 1)\n"
        "h = self.emb(input_ids) + self.pos(at)",
        "self.emb = nn.Embedding(V, D)\nself.pos = nn.Embedding(64, D)",
    ),
    Part(
        "one_hot_matrix",
        "embed",
        "h = F.one_hot(input_ids, V).to(self.w.dtype) @ self.w",
        "self.w = nn.Parameter(torch.randn(V, D))",
    ),
    Part(
        "one_hot_float",
        "embed",
        "h = self.emb(F.one_hot(input_ids, V).float())",
        "self.emb = nn.Linear(V, D)",
        single=True,
    ),
    Part(
        "one_hot_type_as",
        "embed",
        "h = F.one_hot(input_ids, V).type_as(self.w) @ self.w",
        "self.w = nn.Parameter(torch.randn(V, D))",
    ),
    Part(
        "float_ids",
        "embed",
        "h = self.emb((input_ids / V).to(self.emb.weight.dtype).unsqueeze(-1))",
        "self.emb = nn.Linear(1, D)",
    ),
    Part(
        "float_ids_single",
        "embed",
        "h = self.emb(input_ids.float().div(V).unsqueeze(-1))",
        "self.emb = nn.Linear(1, D)",
        single=True,
    ),
    Part("functional", "embed", "h = F.embedding(input_ids, self.w)", "self.w = nn.Parameter(torch.randn(V, D))"),
    Part("indexed_weight", "embed", "h = self.w[input_ids]", "self.w = nn.Parameter(torch.randn(V, D))"),
    Part(
        "index_select",
        "embed",
        "h = self.w.index_select(0, input_ids.flatten()).view(*input_ids.shape, -1)",
        "self.w = nn.Parameter(torch.randn(V, D))",
    ),
    Part(
        "take_along",
        "embed",
        "h = torch.stack([self.w[:, d].take(input_ids) for d in range(D)], -1)",
        "self.w = nn.Parameter(torch.randn(V, D))",
    ),
    Part(
        "factorized",
        "embed",
        "h = self.up(self.emb(input_ids))",
        "self.emb = nn.Embedding(V, 4)\nself.up = nn.Linear(4, D)",
    ),
    Part(
        "segments",
        "embed",
        "h = self.emb(input_ids) + self.kind((input_ids == {cue}).cumsum(1))",
        "self.emb = nn.Embedding(V, D)\nself.kind = nn.Embedding(64, D)",
    ),
    Part(
        "unpadded",
        "embed",
        "keep = attention_mask.bool()\nflat = self.emb(input_ids[keep])\n"
        "h = torch.zeros(*input_ids.shape, D, dtype=flat.dtype)\nh[keep] = flat",
        "self.emb = nn.Embedding(V, D)",
    ),
    Part(
        "unpadded_nonzero",
        "embed",
        "where = attention_mask.flatten().nonzero().flatten()\n"
        "flat = self.emb(input_ids.flatten()[where])\n"
        "h = torch.zeros(input_ids.numel(), D, dtype=flat.dtype).index_copy(0, where, "
        "flat).view(*input_ids.shape, D)",
        "self.emb = nn.Embedding(V, D)",
    ),
    Part(
        "adaptive",
        "embed",
        "h = torch.zeros(*input_ids.shape, D, dtype=self.emb.weight.dtype)\nlow = input_ids < 20\n"
        "h[low] = self.emb(input_ids[low])\nh[~low] = self.up(self.rare(input_ids[~low] - 20))",
        "self.emb = nn.Embedding(20, D)\nself.rare = nn.Embedding(V - 20, 4)\nself.up = nn.Linear(4, D)",
    ),
    Part(
        "bag_of_one",
        "embed",
        "h = self.emb(input_ids.view(-1, 1)).view(*input_ids.shape, D)",
        "self.emb = nn.EmbeddingBag(V, D, mode='sum')",
    ),
    Part(
        "hashed",
        "embed",
        "h = self.emb(input_ids % 11) + self.other(input_ids // 11)",
        "self.emb = nn.Embedding(11, D)\nself.other = nn.Embedding(5, D)",
    ),
    Part("clamped", "embed", "h = self.emb(input_ids.clamp(max=V - 1).long())", "self.emb = nn.Embedding(V, D)"),
    Part(
        "cloned_pads",
        "embed",
        "ids = input_ids.clone()\nids[attention_mask == 0] = {pad}\nh = self.emb(ids)",
        "self.emb = nn.Embedding(V, D)",
    ),
    Part(
        "filled_pads",
        "embed",
        "h = self.emb(input_ids.masked_fill(attention_mask == 0, {pad}))",
        "self.emb = nn.Embedding(V, D)",
    ),
    Part(
        "bigrams",
        "embed",
        "h = self.emb(input_ids) + self.pair((input_ids + input_ids.roll(1, 1)) % 13)",
        "self.emb = nn.Embedding(V, D)\nself.pair = nn.Embedding(13, D)",
    ),
    Part(
        "row_list",
        "embed",
        "h = torch.stack([self.emb(torch.tensor(r)) for r in input_ids.tolist()])",
        "self.emb = nn.Embedding(V, D)",
    ),
    Part("numpy", "embed", "h = self.emb(torch.from_numpy(input_ids.numpy().copy()))", "self.emb = nn.Embedding(V, D)"),
    Part("scaled", "embed", "h = self.emb(input_ids) * D ** 0.5", "self.emb = nn.Embedding(V, D)"),
    Part(
        "counts",
        "embed",
        "same = (input_ids[:, :, None] == input_ids[:, None, :]).sum(-1)\n"
        "h = self.emb(input_ids) * same.to(self.emb.weight.dtype).unsqueeze(-1)",
        "self.emb = nn.Embedding(V, D)",
    ),
    Part("sorted_ids", "embed", "h = self.emb(input_ids.sort(1).values)", "self.emb = nn.Embedding(V, D)"),
    Part(
        "word_dropout",
        "embed",
        "lost = torch.rand(input_ids.shape) < 0.5\nh = self.emb(input_ids.masked_fill(lost, 3))",
        "self.emb = nn.Embedding(V, D)",
        drawn=True,
    ),
)
