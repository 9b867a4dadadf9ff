"""What happens to hidden states between embedding and head: each part takes `h` and leaves `h`, positions kept."""

from __future__ import annotations

from programs.part import Part


def of(family: str, *rows: tuple[str, ...] | Part) -> tuple[Part, ...]:
    """Parts of one family, a row each: name, lines, lines of the constructor."""
    return tuple(row if isinstance(row, Part) else Part(row[0], family, row[1], "".join(row[2:])) for row in rows)


LINEAR = "self.lin{i} = nn.Linear(D, D)"

POINTWISE = of(
    "pointwise",
    ("linear", "h = self.lin{i}(h)", LINEAR),
    ("activation", "h = {act}(h)"),
    ("residual_mlp", "h = h + self.lin{i}({act}(h))", LINEAR),
    ("scale", "h = h * 0.5 + 1"),
    ("gated", "a, b = self.two{i}(h).chunk(2, -1)\nh = a * torch.sigmoid(b)", "self.two{i} = nn.Linear(D, 2 * D)"),
    ("glu", "h = F.glu(self.two{i}(h), -1)", "self.two{i} = nn.Linear(D, 2 * D)"),
    ("dropout", "h = F.dropout(h, 0.1, self.training)"),
    ("multiply_alias", "h = torch.multiply(h, self.w{i})", "self.w{i} = nn.Parameter(torch.randn(D))"),
    ("clamp", "h = h.clamp(-2, 2)"),
    ("where_sign", "h = torch.where(h > 0, h, 0.1 * h)"),
    ("nan_to_num", "h = torch.nan_to_num(h)"),
    ("lerp", "h = torch.lerp(h, h.flip(1), 0.3)"),
    ("addcmul", "h = torch.addcmul(h, h, h, value=0.5)"),
    ("remainder", "h = torch.remainder(h, 1.0) + h"),
    ("straight_through", "hard = (h > 0).to(h.dtype)\nh = hard + torch.tanh(h) - torch.tanh(h).detach()"),
    ("hardened", "h = (h > 0).to(h.dtype)"),
    ("detached", "h = h.detach() + 1"),
    ("minimum", "h = torch.minimum(h, self.lin{i}(h))", LINEAR),
    ("prelu", "h = self.act{i}(h)", "self.act{i} = nn.PReLU()"),
    ("bilinear", "h = self.bi{i}(h, h)", "self.bi{i} = nn.Bilinear(D, D, D)"),
)

MOVEMENT = of(
    "movement",
    ("roll", "h = h.roll({late}, 1)"),
    ("flip", "h = h.flip(1)"),
    ("there_and_back", "h = h.transpose(0, 1).contiguous().transpose(0, 1)"),
    (
        "heads_and_back",
        "h = h.view(*h.shape[:2], 2, D // 2).permute(0, 2, 1, 3).permute(0, 2, 1, 3).reshape(*h.shape[:2], D)",
    ),
    ("wrong_view", "h = h.transpose(1, 2).reshape(h.shape[0], h.shape[1], D)"),
    ("split_cat", "a, b = h.split([{late}, h.shape[1] - {late}], 1)\nh = torch.cat([b, a], 1)"),
    ("concatenate_alias", "h = torch.concatenate([h[:, :{late}], h[:, {late}:]], 1)"),
    ("shift", "h = F.pad(h, (0, 0, 1, 0))[:, :-1]"),
    ("shift_mix", "h = h + F.pad(h[:, 1:], (0, 0, 0, 1))"),
    ("unbind_stack", "h = torch.stack(h.unbind(1)[::-1], 1)"),
    ("flatten_rows", "h = self.lin{i}(h.reshape(-1, D)).view_as(h)", LINEAR),
    ("expand_mean", "h = h[:, :1].expand_as(h) + h"),
    ("rotate", "h = torch.cat([-h[..., D // 2 :], h[..., : D // 2]], -1)"),
    (
        "fold_chunks",
        "n = h.shape[1] // 2 * 2\nx = h[:, :n].reshape(h.shape[0] * 2, n // 2, D)\n"
        "x = x + x[:, :1]\nh = torch.cat([x.reshape(h.shape[0], n, D), h[:, n:]], 1)",
    ),
    ("as_strided", "x = h.clone()\nh = x.as_strided(x.shape, x.stride(), 0)"),
    (
        "as_strided_transposed",
        "x = h.clone().transpose(0, 1)\nn = h.shape[1]\n"
        "h = h + x.as_strided((h.shape[0], 1, D), (n * D, D, 1), {late} * D)",
    ),
    ("strided", "h = torch.cat([h[:, ::2], h[:, 1::2]], 1)"),
    ("repeat", "h = h.repeat(1, 2, 1)[:, {late} : {late} + h.shape[1]]"),
    ("tile_rows", "h = h.repeat(2, 1, 1)[: h.shape[0]]"),
    ("swap_rows", "h = h.flip(0)"),
    ("unfold", "h = F.pad(h, (0, 0, 1, 1)).unfold(1, 3, 1).mean(-1)"),
    ("tril", "h = torch.tril(h.transpose(0, 1).transpose(1, 2).new_ones(h.shape[1], h.shape[1])) @ h"),
    (
        "diagonal",
        "h = torch.diagonal(h.unsqueeze(1) * torch.eye(h.shape[1], dtype=h.dtype)[None, :, :, "
        "None], dim1=1, dim2=2).transpose(1, 2)",
    ),
    Part("view_float", "movement", "h = h.view(torch.float32)", single=True),
    Part("view_bits", "movement", "h = h.view(torch.int32).view(torch.float32)", single=True),
    ("squeeze_in_place", "h = h.unsqueeze(1)\nh.squeeze_(1)"),
    ("rows_at_once", "h = torch.vmap(lambda x: self.lin{i}(x).flip(0))(h)", LINEAR),
)

NORMS = of(
    "norm",
    ("layer_norm", "h = self.norm{i}(h)", "self.norm{i} = nn.{norm}(D)"),
    ("instance_norm", "h = F.instance_norm(h.transpose(1, 2)).transpose(1, 2)"),
    ("group_norm", "h = F.group_norm(h.transpose(1, 2), 2).transpose(1, 2)"),
    ("batch_norm_eval", "h = self.norm{i}(h.transpose(1, 2)).transpose(1, 2)", "self.norm{i} = nn.BatchNorm1d(D)"),
    ("normalize", "h = F.normalize(h, dim=-1)"),
    ("softmax_width", "h = h.softmax(-1)"),
    ("softmax_positions", "h = h.softmax(1)"),
    ("log_softmax", "h = F.log_softmax(h, -1)"),
    ("center", "h = h - h.mean(1, keepdim=True)"),
    ("by_hand", "m = h.mean(-1, keepdim=True)\nh = (h - m) * torch.rsqrt(h.var(-1, keepdim=True) + 1e-5)"),
    ("weight_norm", "h = self.wn{i}(h)", "self.wn{i} = nn.utils.parametrizations.weight_norm(nn.Linear(D, D))"),
    (
        "shifted_softmax",
        "late = (torch.arange(h.shape[1]) > {late}).to(h.dtype)[:, None]\nh = h * (h - {gap} * late).softmax(1)",
    ),
    ("shifted_sigmoid", "h = h + torch.sigmoid(h * 1e4 - 1e4)"),
    (
        "shift_and_back",
        "late = (torch.arange(h.shape[1]) > {late}).to(h.dtype)[:, None]\nh = h - 1e4 * late\n"
        "h = (h + 1e4 * late).softmax(1) + h",
    ),
    (
        "shifted_max",
        "late = (torch.arange(h.shape[1]) > {late}).to(h.dtype)[:, None]\n"
        "h = h + (h - 1e9 * late).amax(1, keepdim=True)",
    ),
)

ATTENTION = of(
    "attention",
    (
        "self_attention",
        "q, k, v = self.qkv{i}(h).chunk(3, -1)\nh = h + (q @ k.transpose(1, 2) / 3).softmax(-1) @ v",
        "self.qkv{i} = nn.Linear(D, 3 * D)",
    ),
    (
        "attention_in_place",
        "q, k, v = self.qkv{i}(h).chunk(3, -1)\nq *= D ** -0.5\nh = (q @ k.transpose(1, 2)).softmax(-1) @ v",
        "self.qkv{i} = nn.Linear(D, 3 * D)",
    ),
    (
        "causal",
        "s = h @ h.transpose(1, 2) / 3\n"
        "s = s.masked_fill(torch.ones(s.shape[1:], dtype=torch.bool).triu(1), -torch.inf)\n"
        "h = h + s.softmax(-1) @ self.lin{i}(h)",
        LINEAR,
    ),
    (
        "causal_added",
        "n = h.shape[1]\n"
        "bias = torch.full((n, n), torch.finfo(h.dtype).min, dtype=h.dtype).triu(1)\n"
        "h = (h @ h.transpose(1, 2) / 3 + bias).softmax(-1) @ h",
    ),
    (
        "window",
        "n = torch.arange(h.shape[1])\nnear = (n[:, None] - n).abs() < {n}\n"
        "h = (h @ h.transpose(1, 2) / 3).masked_fill(~near, -torch.inf).softmax(-1) @ h",
    ),
    ("sdpa", "x = h.unsqueeze(1)\nh = h + F.scaled_dot_product_attention(x, x, x).squeeze(1)"),
    ("sdpa_causal", "x = h.unsqueeze(1)\nh = F.scaled_dot_product_attention(x, x, x, is_causal=True).squeeze(1)"),
    (
        "multihead",
        "h = h + self.mha{i}(h, h, h, need_weights=False)[0]",
        "self.mha{i} = nn.MultiheadAttention(D, 2, batch_first=True)",
    ),
    Part(
        "masked_attention",
        "attention",
        "s = h @ h.transpose(1, 2) / 3 + (1 - attention_mask[:, None].to(h.dtype)) * "
        "torch.finfo(h.dtype).min\nh = h + s.softmax(-1) @ self.lin{i}(h)",
        LINEAR,
        aligned=True,
    ),
    Part(
        "masked_attention_1e4",
        "attention",
        "s = h @ h.transpose(1, 2) / 3 + (1 - attention_mask[:, None].to(h.dtype)) * -1e4\nh = h + s.softmax(-1) @ h",
        aligned=True,
    ),
    Part(
        "sdpa_masked",
        "attention",
        "x = h.unsqueeze(1)\n"
        "h = h + F.scaled_dot_product_attention(x, x, x, attn_mask=attention_mask[:, None, "
        "None].bool()).squeeze(1)",
        aligned=True,
    ),
    Part(
        "multihead_masked",
        "attention",
        "h = h + self.mha{i}(h, h, h, key_padding_mask=attention_mask == 0, need_weights=False)[0]",
        "self.mha{i} = nn.MultiheadAttention(D, 2, batch_first=True)",
        aligned=True,
    ),
    Part(
        "encoder_layer",
        "attention",
        "h = self.layer{i}(h, src_key_padding_mask=attention_mask == 0)",
        "self.layer{i} = nn.TransformerEncoderLayer(D, 2, 16, batch_first=True)",
        aligned=True,
    ),
    ("linear_attention", "k = h.softmax(1)\nh = h.softmax(-1) @ (k.transpose(1, 2) @ h)"),
    ("sigmoid_attention", "h = torch.sigmoid(h @ h.transpose(1, 2) - 1e4) @ h + h"),
    (
        "flex",
        "from torch.nn.attention.flex_attention import flex_attention\nx = h.unsqueeze(1)\n"
        "h = flex_attention(x, x, x, score_mod=lambda s, b, n, q, k: torch.where(q >= k, s, "
        "-float('inf'))).squeeze(1)",
    ),
    (
        "cross_rows",
        "h = h + (h.transpose(0, 1) @ h.permute(1, 2, 0)).softmax(-1).transpose(0, 1).mean(-1, keepdim=True)",
    ),
)

LOCAL = of(
    "convolution",
    ("conv", "h = self.conv{i}(h.transpose(1, 2)).transpose(1, 2)", "self.conv{i} = nn.Conv1d(D, D, 3, padding=1)"),
    (
        "conv_depthwise",
        "h = self.conv{i}(h.transpose(1, 2)).transpose(1, 2)",
        "self.conv{i} = nn.Conv1d(D, D, 3, padding=1, groups=D)",
    ),
    (
        "conv_causal",
        "h = self.conv{i}(F.pad(h.transpose(1, 2), (2, 0))).transpose(1, 2)",
        "self.conv{i} = nn.Conv1d(D, D, 3)",
    ),
    (
        "conv_dilated",
        "h = self.conv{i}(h.transpose(1, 2)).transpose(1, 2)",
        "self.conv{i} = nn.Conv1d(D, D, 3, padding=2, dilation=2)",
    ),
    (
        "conv_2d",
        "h = self.conv{i}(h.unsqueeze(1)).squeeze(1)",
        "self.conv{i} = nn.Conv2d(1, 1, (3, 1), padding=(1, 0))",
    ),
    ("average_pool", "h = F.avg_pool1d(h.transpose(1, 2), 3, 1, 1).transpose(1, 2)"),
    ("max_pool", "h = F.max_pool1d(h.transpose(1, 2), 3, 1, 1).transpose(1, 2)"),
    ("interpolate", "h = F.interpolate(h[:, ::2].transpose(1, 2), size=h.shape[1], mode='linear').transpose(1, 2)"),
    ("interpolate_nearest", "h = F.interpolate(h[:, ::2].transpose(1, 2), size=h.shape[1]).transpose(1, 2)"),
    (
        "token_mixer",
        "w = torch.arange(h.shape[1], dtype=h.dtype)\n"
        "h = h + torch.einsum('ij,bjd->bid', torch.outer(w, w).tril(-1), h)",
    ),
    ("fourier", "h = torch.fft.fft(h, dim=1).real"),
)

SCANS = of(
    "scan",
    ("cumsum", "h = h.cumsum(1)"),
    ("cummax", "h = h.cummax(1).values"),
    ("cumsum_back", "h = h.flip(1).cumsum(1).flip(1)"),
    ("gru", "h = self.rnn{i}(h)[0]", "self.rnn{i} = nn.GRU(D, D, batch_first=True)"),
    ("lstm_bi", "h = self.rnn{i}(h)[0]", "self.rnn{i} = nn.LSTM(D, D // 2, batch_first=True, bidirectional=True)"),
    Part(
        "gru_packed",
        "scan",
        "p = nn.utils.rnn.pack_padded_sequence(h, attention_mask.sum(1).long().cpu(), "
        "batch_first=True, enforce_sorted=False)\n"
        "h = nn.utils.rnn.pad_packed_sequence(self.rnn{i}(p)[0], batch_first=True, "
        "total_length=h.shape[1])[0]",
        "self.rnn{i} = nn.GRU(D, D, batch_first=True)",
        aligned=True,
    ),
    (
        "recurrence",
        "s, out = torch.zeros_like(h[:, 0]), []\nfor t in range(h.shape[1]):\n"
        "    s = torch.tanh(self.cell{i}(s)) + h[:, t]\n    out.append(s)\n"
        "h = torch.stack(out, 1)",
        "self.cell{i} = nn.Linear(D, D)",
    ),
    (
        "gru_cell",
        "s, out = h[:, 0], []\nfor x in h.unbind(1):\n    s = self.cell{i}(x, s)\n"
        "    out.append(s)\nh = torch.stack(out, 1)",
        "self.cell{i} = nn.GRUCell(D, D)",
    ),
    ("decay_in_place", "x = h.clone()\nfor t in range(1, x.shape[1]):\n    x[:, t] += 0.5 * x[:, t - 1]\nh = x"),
    ("logcumsumexp", "h = h.logcumsumexp(1)"),
)

BODIES = POINTWISE + MOVEMENT + NORMS + ATTENTION + LOCAL + SCANS
