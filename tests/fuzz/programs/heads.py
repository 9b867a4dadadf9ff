"""How hidden states become one vector a row: each part makes `y` from `h`."""

from __future__ import annotations

from programs.part import Part


def head(name: str, forward: str, init: str = "", **facts: bool) -> Part:
    """A part of the family of heads."""
    return Part(name, "head", forward, init, **facts)


ROWS = "rows = torch.arange(h.shape[0])\n"
WEIGHTS = "m = attention_mask.to(h.dtype).unsqueeze(-1)\n"

HEADS = (
    head("first", "y = h[:, 0]"),
    head("last", "y = h[:, -1]"),
    head("index", "y = h[:, {k}]"),
    head(
        "first_dropout",
        "y = F.dropout(torch.tanh(self.pool(h[:, 0])), 0.1, self.training)",
        "self.pool = nn.Linear(D, D)",
    ),
    head("select", "y = h.select(1, {k})"),
    head("narrow", "y = h.narrow(1, {late}, 1).squeeze(1)"),
    head("span", "y = h[:, {late}:{late} + 2].mean(1)"),
    head("last_by_mask", ROWS + "y = h[rows, attention_mask.sum(1).long() - 1]", aligned=True),
    head(
        "last_by_gather",
        "at = (attention_mask.sum(1).long() - 1).view(-1, 1, 1).expand(-1, 1, D)\ny = h.gather(1, at).squeeze(1)",
        aligned=True,
    ),
    head(
        "last_by_length_loop",
        "y = torch.stack([h[r, int(n) - 1] for r, n in enumerate(attention_mask.sum(1).long())])",
        aligned=True,
    ),
    head("last_non_pad", ROWS + "at = (input_ids != {pad}).int().sum(1) - 1\ny = h[rows, at]", aligned=True),
    head(
        "last_non_pad_max",
        ROWS + "at = ((input_ids != {pad}) * torch.arange(input_ids.shape[1])).argmax(1)\ny = h[rows, at]",
        aligned=True,
    ),
    head(
        "before_first_pad",
        ROWS + "at = (input_ids == {pad}).int().argmax(1) - 1\ny = h[rows, at]",
        aligned=True,
    ),
    head(
        "last_attended",
        ROWS + "at = (attention_mask * torch.arange(attention_mask.shape[1])).argmax(1)\ny = h[rows, at]",
        aligned=True,
    ),
    head(
        "last_attended_flip",
        ROWS + "at = attention_mask.shape[1] - 1 - attention_mask.flip(1).int().argmax(1)\ny = h[rows, at]",
        aligned=True,
    ),
    head(
        "left_or_right",
        "if bool((attention_mask[:, -1] != 0).all()):\n    y = h[:, -1]\nelse:\n"
        "    y = h[torch.arange(h.shape[0]), attention_mask.sum(1).long() - 1]",
        aligned=True,
    ),
    head("first_eos", ROWS + "at = (input_ids == {eos}).int().argmax(1)\ny = h[rows, at]", aligned=True),
    head(
        "last_eos_sum",
        "eos = input_ids.eq({eos})\nlast = eos & (eos.flip(1).cumsum(1).flip(1) == 1)\n"
        "y = (h * last.to(h.dtype).unsqueeze(-1)).sum(1)",
        aligned=True,
    ),
    head(
        "last_eos_list",
        "ends = [[p for p, i in enumerate(r) if i == {eos}] for r in input_ids.tolist()]\n"
        "y = torch.stack([h[r, e[-1] if e else 0] for r, e in enumerate(ends)])",
        aligned=True,
    ),
    head("cue", ROWS + "at = (input_ids == {cue}).int().argmax(1)\ny = h[rows, at]", aligned=True),
    head(
        "cue_mean",
        "m = (input_ids == {cue}).to(h.dtype).unsqueeze(-1)\ny = (h * m).sum(1) / m.sum(1).clamp(min=1)",
        aligned=True,
    ),
    head(
        "after_cue",
        "m = ((input_ids == {cue}).cumsum(1) > 0).to(h.dtype).unsqueeze(-1)\ny = (h * m).sum(1)",
        aligned=True,
    ),
    head("clip", "y = h[torch.arange(h.shape[0]), input_ids.argmax(-1)]", aligned=True),
    head("mean", "y = h.mean(1)"),
    head("sum", "y = h.sum(dim=1)"),
    head("masked_mean", WEIGHTS + "y = (h * m).sum(1) / m.sum(1).clamp(min=1)", aligned=True),
    head(
        "masked_mean_fill",
        "y = h.masked_fill(attention_mask.unsqueeze(-1) == 0, 0).sum(1) / attention_mask.sum(1, keepdim=True)",
        aligned=True,
    ),
    head("masked_mean_einsum", WEIGHTS + "y = torch.einsum('bld,blo->bd', h, m)", aligned=True),
    head(
        "masked_mean_bmm",
        "m = attention_mask.to(h.dtype).unsqueeze(1)\ny = torch.bmm(m, h).squeeze(1) / m.sum(2)",
        aligned=True,
    ),
    head("mean_list", "y = torch.stack([x[k].mean(0) for x, k in zip(h, attention_mask.bool())])", aligned=True),
    head(
        "mean_split",
        "n = attention_mask.sum(1).tolist()\nflat = h[attention_mask.bool()]\n"
        "y = torch.stack([part.mean(0) for part in flat.split([int(k) for k in n])])",
        aligned=True,
    ),
    head("mean_without_ends", WEIGHTS + "y = (h[:, 1:-1] * m[:, 1:-1]).mean(1)", aligned=True),
    head(
        "mean_by_id",
        "m = (input_ids != {pad}).to(h.dtype).unsqueeze(-1)\ny = (h * m).sum(1) / m.sum(1).clamp(min=1)",
        aligned=True,
    ),
    head("max", "y = h.max(dim=1).values"),
    head("amax", "y = h.amax(1)"),
    head("masked_max", "y = h.masked_fill(attention_mask.unsqueeze(-1) == 0, -{gap}).max(1)[0]", aligned=True),
    head("masked_max_added", "y = (h + (1 - attention_mask.to(h.dtype)).unsqueeze(-1) * -1e9).max(1)[0]", aligned=True),
    head("logsumexp", "y = h.logsumexp(1)"),
    head("top_k", "y = h.topk({n}, dim=1).values.mean(1)"),
    head("median", "y = h.median(1).values"),
    head("std", "y = h.std(1)"),
    head(
        "attention",
        "y = torch.einsum('bl,bld->bd', self.score(h).squeeze(-1).softmax(-1), h)",
        "self.score = nn.Linear(D, 1)",
    ),
    head(
        "attention_masked",
        "s = self.score(h).squeeze(-1).masked_fill(attention_mask == 0, -torch.inf)\n"
        "y = (s.softmax(-1).unsqueeze(-1) * h).sum(1)",
        "self.score = nn.Linear(D, 1)",
        aligned=True,
    ),
    head(
        "attention_added",
        "s = self.score(h).squeeze(-1) + (1 - attention_mask.to(h.dtype)) * -{gap}\n"
        "y = (s.softmax(-1).unsqueeze(1) @ h).squeeze(1)",
        "self.score = nn.Linear(D, 1)",
        aligned=True,
    ),
    head(
        "attention_multihead",
        "y = self.read(self.q.expand(h.shape[0], 1, D), h, h, key_padding_mask=attention_mask == "
        "0, need_weights=False)[0].squeeze(1)",
        "self.q = nn.Parameter(torch.randn(1, 1, D))\nself.read = nn.MultiheadAttention(D, 2, batch_first=True)",
        aligned=True,
    ),
    head(
        "attention_shifted",
        "late = (torch.arange(h.shape[1]) > {late}).to(h.dtype)\n"
        "s = self.score(h).squeeze(-1) - 1e4 * late\ns = s + 1e4 * late\n"
        "y = torch.einsum('bl,bld->bd', s.softmax(-1), h)",
        "self.score = nn.Linear(D, 1)",
    ),
    head("gate_sigmoid", "y = (torch.sigmoid(self.score(h)) * h).sum(1)", "self.score = nn.Linear(D, 1)"),
    head(
        "gate_sigmoid_masked",
        "s = self.score(h) + (1 - attention_mask.to(h.dtype)).unsqueeze(-1) * -1e4\ny = (torch.sigmoid(s) * h).sum(1)",
        "self.score = nn.Linear(D, 1)",
        aligned=True,
    ),
    head("sharp", "y = torch.sigmoid(1e5 * h - 2e4)[:, {k}]"),
    head("cls_and_mean", "y = self.join(torch.cat([h[:, 0], h.mean(1)], -1))", "self.join = nn.Linear(2 * D, D)"),
    head(
        "cls_and_masked_max", "y = h[:, 0] + h.masked_fill(attention_mask[..., None] == 0, -1e9).amax(1)", aligned=True
    ),
    head("first_and_last", "y = h[:, 0] * h[:, -1]"),
    head("conv_max", "y = F.relu(self.conv(h.transpose(1, 2))).amax(-1)", "self.conv = nn.Conv1d(D, D, 3)"),
    head("adaptive_pool", "y = F.adaptive_avg_pool1d(h.transpose(1, 2), 1).squeeze(-1)"),
    head("adaptive_max", "y = F.adaptive_max_pool1d(h.transpose(1, 2), 2)[..., {n} - 2]"),
    head("gru_final", "y = self.rnn(h)[1][-1]", "self.rnn = nn.GRU(D, D, batch_first=True)"),
    head(
        "lstm_bi",
        "y = self.rnn(h)[1][0].transpose(0, 1).flatten(1)",
        "self.rnn = nn.LSTM(D, D // 2, batch_first=True, bidirectional=True)",
    ),
    head("rnn_last_output", "y = self.rnn(h)[0][:, -1]", "self.rnn = nn.RNN(D, D, batch_first=True)"),
    head(
        "lstm_packed",
        "p = nn.utils.rnn.pack_padded_sequence(h, attention_mask.sum(1).long().cpu(), "
        "batch_first=True, enforce_sorted=False)\ny = self.rnn(p)[1][0][-1]",
        "self.rnn = nn.LSTM(D, D, batch_first=True)",
        aligned=True,
    ),
    head(
        "gru_packed_mean",
        "p = nn.utils.rnn.pack_padded_sequence(h, attention_mask.sum(1).long(), "
        "batch_first=True, enforce_sorted=False)\n"
        "o, n = nn.utils.rnn.pad_packed_sequence(self.rnn(p)[0], batch_first=True)\n"
        "y = o.sum(1) / n.unsqueeze(-1)",
        "self.rnn = nn.GRU(D, D, batch_first=True)",
        aligned=True,
    ),
    head("flatten", "y = self.flat(h[:, :4].flatten(1))", "self.flat = nn.Linear(4 * D, D)"),
    head(
        "row_loop",
        "y = torch.stack([h[i, : int(attention_mask[i].sum())].mean(0) for i in range(h.shape[0])])",
        aligned=True,
    ),
    head("if_all", "y = h.mean(1) if attention_mask.all() else (h * attention_mask[..., None]).sum(1)", aligned=True),
    head(
        "argmax_routed",
        "at = self.score(h).squeeze(-1).argmax(1)\ny = h[torch.arange(h.shape[0]), at]",
        "self.score = nn.Linear(D, 1)",
    ),
    head(
        "where_found",
        "hit = (input_ids == {cue}).any(1, keepdim=True)\ny = torch.where(hit, h[:, 0], h[:, -1])",
        aligned=True,
    ),
    head(
        "bag_of_words",
        "c = torch.stack([torch.bincount(r, minlength=V)[:V] for r in input_ids])\n"
        "y = h[:, 0] + self.bag(c.to(h.dtype))",
        "self.bag = nn.Linear(V, D)",
    ),
    head(
        "bag_float",
        "c = torch.stack([torch.bincount(r, minlength=V)[:V] for r in input_ids]).float()\ny = self.bag(c)",
        "self.bag = nn.Linear(V, D)",
        single=True,
    ),
    head(
        "scatter_counts",
        "c = torch.zeros(h.shape[0], V, dtype=h.dtype).scatter_add(1, input_ids, "
        "torch.ones_like(input_ids, dtype=h.dtype))\ny = self.bag(c) + h[:, {k}]",
        "self.bag = nn.Linear(V, D)",
    ),
    head(
        "unique_count",
        "n = torch.stack([r.unique().numel() * torch.ones(()) for r in input_ids]).to(h.dtype)\n"
        "y = h[:, 0] * n.unsqueeze(-1)",
    ),
    head("embedding_bag", "y = self.bag(input_ids) + h[:, 0]", "self.bag = nn.EmbeddingBag(V, D, mode='mean')"),
    head(
        "embedding_bag_padding",
        "y = self.bag(input_ids) + h[:, 0]",
        "self.bag = nn.EmbeddingBag(V, D, mode='mean', padding_idx={pad})",
    ),
    head(
        "embedding_bag_offsets",
        "keep = attention_mask.bool()\nn = attention_mask.long().sum(1)\n"
        "y = self.bag(input_ids[keep], n.cumsum(0) - n) + h[:, 0]",
        "self.bag = nn.EmbeddingBag(V, D, mode='sum')",
    ),
    head(
        "random_keep", "keep = (torch.rand(h.shape[1]) < 0.5).to(h.dtype)\ny = (h * keep[:, None]).sum(1)", drawn=True
    ),
    head(
        "positions_first",
        "x = h.transpose(0, 1)\ny = x[attention_mask.sum(1).long() - 1, torch.arange(h.shape[0])]",
        aligned=True,
    ),
    head(
        "segment_mean",
        "rows = torch.arange(h.shape[0]).repeat_interleave(h.shape[1])\n"
        "y = torch.zeros(h.shape[0], D, dtype=h.dtype).index_add(0, rows, h.reshape(-1, D))",
    ),
    head(
        "masked_select",
        "x = h.masked_select(self.gate(h) > 0)\ny = x.reshape(-1, 1).sum(0).expand(h.shape[0], D)",
        "self.gate = nn.Linear(D, D)",
    ),
    head("batch_mean", "y = h[:, 0] + h.mean((0, 1))"),
    head("batch_norm", "y = F.batch_norm(h[:, 0], None, None, training=True)"),
    head("none", "y = self.bias.expand(h.shape[0], D)", "self.bias = nn.Parameter(torch.randn(D))"),
    head("instance_norm_mean", "y = F.instance_norm(h.transpose(1, 2)).mean(-1)"),
)
