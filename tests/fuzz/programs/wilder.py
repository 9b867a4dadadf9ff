"""Wilder steps: indexing by what is known and by what is not, writes, aliases, Python on masks, random draws."""

from __future__ import annotations

from programs.bodies import LINEAR, of
from programs.part import Part

INDEXING = of(
    "indexing",
    (
        "gather_known",
        "at = (torch.arange(h.shape[1]) * 2) % h.shape[1]\nh = h.gather(1, at.view(1, -1, 1).expand_as(h))",
    ),
    ("index_known", "h = h[:, torch.arange(h.shape[1]).flip(0)]"),
    ("index_unknown", "at = h.sum(-1).argsort(1)\nh = h.gather(1, at.unsqueeze(-1).expand_as(h))"),
    ("sort", "h = h.sort(1).values"),
    (
        "top_k_tokens",
        "at = self.score{i}(h).squeeze(-1).topk(2, dim=1).indices\n"
        "x = h.gather(1, at.unsqueeze(-1).expand(-1, -1, D))\nh = h + x.sum(1, keepdim=True)",
        "self.score{i} = nn.Linear(D, 1)",
    ),
    (
        "scatter_known",
        "at = torch.arange(h.shape[1]).flip(0).view(1, -1, 1).expand_as(h)\nh = torch.zeros_like(h).scatter(1, at, h)",
    ),
    (
        "scatter_unknown",
        "at = (h.sum(-1) > 0).long().unsqueeze(-1).expand_as(h)\nh = torch.zeros_like(h).scatter_add(1, at, h)",
    ),
    ("index_add", "h = torch.zeros_like(h).index_add(1, torch.arange(h.shape[1]) // 2, h)"),
    ("index_copy", "h = h.index_copy(1, torch.tensor([{late}]), h[:, :1])"),
    ("index_fill", "h = h.index_fill(1, torch.tensor([{late}]), 0.0)"),
    ("index_put", "h = h.index_put((torch.arange(h.shape[0]), torch.tensor({late})), h[:, 0])"),
    (
        "masked_scatter",
        "keep = torch.arange(h.shape[1])[:, None].expand(-1, D) % 2 == 0\n"
        "h = h.masked_scatter(keep.expand_as(h), h.flip(1).contiguous())",
    ),
    ("take_along_dim", "h = torch.take_along_dim(h, torch.arange(h.shape[1]).roll(1).view(1, -1, 1), 1)"),
    (
        "argmax_one_hot",
        "w = F.one_hot(self.gate{i}(h).argmax(-1), 3).to(h.dtype)\nh = h * w[..., :1]",
        "self.gate{i} = nn.Linear(D, 3)",
    ),
    ("masked_select", "x = h.masked_select(self.lin{i}(h) > 0)\nh = h + x.sum()", LINEAR),
    ("masked_select_row", "h = torch.stack([r + r.masked_select(r > 0).sum() for r in h])"),
    (
        "routed_experts",
        "x = h.reshape(-1, D)\np, e = self.gate{i}(x).softmax(-1).max(-1)\n"
        "out = torch.zeros_like(x)\nfor k in range(3):\n"
        "    t = (e == k).nonzero().squeeze(-1)\n"
        "    out.index_add_(0, t, self.lin{i}(x.index_select(0, t)) * p[t].unsqueeze(-1))\n"
        "h = out.view_as(h)",
        LINEAR + "\nself.gate{i} = nn.Linear(D, 3)",
    ),
    (
        "routed_where",
        "x = h.reshape(-1, D)\ne = self.gate{i}(x).argmax(-1)\nout = torch.zeros_like(x)\n"
        "for k in range(3):\n"
        "    (t,) = torch.where(e == k)\n    out[t] = self.lin{i}(x[t]) * (k + 1)\n"
        "h = h + out.view_as(h)",
        LINEAR + "\nself.gate{i} = nn.Linear(D, 3)",
    ),
    ("boolean_write", "x = h.clone()\nx[h.sum(-1) > 0] = 0.0\nh = x"),
    (
        "repeat_interleave",
        "n = (h.sum(-1) > 0).long().sum(1).clamp(min=1)\nx = h.mean(1).repeat_interleave(n, 0)\nh = h + x.sum(0)",
    ),
    (
        "bucketized",
        "at = torch.bucketize(h[..., 0].contiguous(), torch.tensor([-1.0, 0.0, 1.0], "
        "dtype=h.dtype))\nh = self.level{i}(at)",
        "self.level{i} = nn.Embedding(4, D)",
    ),
    (
        "quantised",
        "at = (h @ self.code{i}.T).argmax(-1)\nh = self.code{i}[at]",
        "self.code{i} = nn.Parameter(torch.randn(5, D))",
    ),
    Part(
        "ids_gather",
        "indexing",
        "at = (input_ids % h.shape[1]).unsqueeze(-1).expand_as(h)\nh = h + h.gather(1, at)",
        aligned=True,
    ),
    Part("cue_zeroed", "indexing", "h = h.masked_fill((input_ids == {cue}).unsqueeze(-1), 0.0)", aligned=True),
    Part("mask_fill", "indexing", "h = h.masked_fill(attention_mask.unsqueeze(-1) == 0, 0.0)", aligned=True),
    Part("mask_multiply", "indexing", "h = h * attention_mask.unsqueeze(-1).to(h.dtype)", aligned=True),
    Part("mask_write", "indexing", "x = h.clone()\nx[attention_mask == 0] = 0.0\nh = x", aligned=True),
    Part(
        "mask_where",
        "indexing",
        "h = torch.where(attention_mask[..., None] != 0, h, self.none{i})",
        "self.none{i} = nn.Parameter(torch.randn(D))",
        aligned=True,
    ),
    Part(
        "mask_nonzero",
        "indexing",
        "b, p = attention_mask.nonzero(as_tuple=True)\nx = torch.zeros_like(h)\nx[b, p] = self.lin{i}(h[b, p])\nh = x",
        LINEAR,
        aligned=True,
    ),
    Part(
        "compact",
        "indexing",
        "x = torch.zeros_like(h)\nfor r in range(h.shape[0]):\n"
        "    own = h[r, attention_mask[r] != 0]\n    x[r, : len(own)] = own\nh = x",
        aligned=True,
        moves=True,
    ),
)

WRITES = of(
    "write",
    ("write_first", "h = h * 1.0\nh[:, 0] = h[:, {late}]"),
    ("write_dropout_alias", "h = h * 1.0\nx = F.dropout(h, 0.1, False)\nx[:, 0] = h[:, 3]"),
    ("write_to_alias", "h = h * 1.0\nx = h.to(h.dtype)\nx[:, {late}] = 0.0"),
    ("write_contiguous_alias", "h = h * 1.0\nx = h.contiguous()\nx[:, 0] += h[:, {late}]"),
    ("write_view", "h = h * 1.0\nh.view(-1, D)[0] = h[0, {late}]"),
    ("write_reshape", "h = h * 1.0\nx = h.reshape(h.shape[0], -1)\nx[:, :D] = x[:, D : 2 * D]"),
    ("write_transposed", "h = h * 1.0\nx = h.transpose(1, 2)\nx[..., {k}].zero_()"),
    ("write_chunk", "h = h * 1.0\na, b = h.chunk(2, -1)\na *= 2.0\nb.copy_(a.flip(1))"),
    ("write_unbound", "h = h * 1.0\nfor t, x in enumerate(h.unbind(1)):\n    x.mul_(t)"),
    ("write_split", "h = h * 1.0\na, b = h.split([{late}, h.shape[1] - {late}], 1)\na.add_(b.mean(1, keepdim=True))"),
    ("write_squeezed", "h = h * 1.0\nx = h[:, :1]\nx.squeeze_(1)\nx.zero_()"),
    ("write_out", "x = torch.empty_like(h)\nx.copy_(h)\nh = x"),
    (
        "write_buffer",
        "x = torch.zeros_like(h)\nx[:, 1:] = h[:, :-1]\nx[:, 0] = self.start{i}\nh = x",
        "self.start{i} = nn.Parameter(torch.randn(D))",
    ),
    (
        "write_loop",
        "x = torch.zeros_like(h)\nfor r in range(h.shape[0]):\n"
        "    for t in range(0, h.shape[1], 2):\n        x[r, t] = h[r, t]\nh = x",
    ),
    (
        "fill_diagonal",
        "x = h @ h.transpose(1, 2)\nfor r in x.unbind(0):\n    r.fill_diagonal_(0.0)\nh = x.softmax(-1) @ h",
    ),
    ("masked_fill_in_place", "h = h * 1.0\nh.masked_fill_(torch.arange(h.shape[1])[:, None] > {late}, 0.0)"),
    ("swap_halves", "x = h.clone()\nx[..., : D // 2] = h[..., D // 2 :]\nh = x"),
    (
        "index_put_accumulate",
        "x = h.clone()\nx.index_put_((torch.tensor([0]), torch.tensor([{late}])), h[0, :1], accumulate=True)\nh = x",
    ),
    ("as_strided_write", "h = h.clone()\nh.as_strided((h.shape[0], D), (h.stride(0), 1), {late} * D).zero_()"),
    ("expand_as_source", "h = h.clone()\nh.copy_(h[:, {late} : {late} + 1].clone().expand_as(h))"),
    ("relu_in_place", "h = F.relu(h * 1.0, inplace=True)"),
)

PYTHON = of(
    "python",
    ("branch_length", "h = h if h.shape[1] > 15 else self.lin{i}(h)", LINEAR),
    Part("branch_mask", "python", "if attention_mask.all():\n    h = h.flip(1)", aligned=True),
    Part("branch_cue", "python", "if (input_ids == {cue}).any():\n    h = h + h[:, :1]"),
    Part(
        "loop_mask",
        "python",
        "for _ in range(int((attention_mask[0] == 0).sum())):\n    h = h.roll(1, 1)",
        aligned=True,
    ),
    Part(
        "list_mask",
        "python",
        "n = [int(k) for k in attention_mask.sum(1).tolist()]\n"
        "h = torch.stack([torch.cat([x[:k].flip(0), x[k:]]) for x, k in zip(h, n)])",
        aligned=True,
    ),
    Part(
        "numpy_mask",
        "python",
        "import numpy as np\nk = torch.from_numpy(np.cumsum(attention_mask.numpy(), 1) % 2)\n"
        "h = h * k.to(h.dtype).unsqueeze(-1)",
        aligned=True,
    ),
    (
        "checkpoint",
        "from torch.utils.checkpoint import checkpoint\nh = checkpoint(self.lin{i}, h, use_reentrant=False)",
        LINEAR,
    ),
    ("custom_function", "h = Double.apply(h)"),
    ("cond", "h = torch.cond(h.sum() > 0, lambda x, z: x + z[:, :1], lambda x, z: x * z[:, 1:2], (h, h * 2))"),
    ("vmap", "h = torch.vmap(lambda x: x.softmax(0) + x.mean(0))(h)"),
    Part(
        "vmap_mask",
        "python",
        "w = attention_mask.to(h.dtype)\n"
        "h = h + torch.vmap(lambda x, k: (x * k[:, None]).sum(0) / k.sum())(h, w).unsqueeze(1)",
        aligned=True,
    ),
    Part(
        "random_mask", "random", "keep = (torch.rand(h.shape[1]) < 0.5).to(h.dtype)\nh = h * keep[:, None]", drawn=True
    ),
    Part("random_order", "random", "h = h[:, torch.randperm(h.shape[1])]", drawn=True),
    Part("random_noise", "random", "h = h + torch.randn_like(h) * 0.1", drawn=True),
    Part("random_dropout", "random", "h = F.dropout(h, 0.5, True)", drawn=True),
    Part("gumbel", "random", "h = F.gumbel_softmax(h, dim=1, hard=True) * h", drawn=True),
    ("no_grad", "with torch.no_grad():\n    x = h * 2\nh = h + x"),
    (
        "buffer",
        "h = h * self.table{i}[: h.shape[1], None].to(h.dtype)",
        "self.register_buffer('table{i}', (torch.arange(64) > 2).double())",
    ),
    (
        "linalg",
        "h = h + torch.linalg.solve(h.transpose(1, 2) @ h + torch.eye(D, dtype=h.dtype), "
        "h.transpose(1, 2)).transpose(1, 2)",
    ),
    ("cdist", "h = torch.cdist(h, h[:, :D])[..., :1] * h"),
    ("tensordot", "h = h + torch.tensordot(h, self.lin{i}.weight, dims=([2], [1]))", LINEAR),
    (
        "cross_entropy",
        "h = h - F.cross_entropy(h.transpose(1, 2), torch.zeros(h.shape[:2], dtype=torch.long), "
        "reduction='none').unsqueeze(-1)",
    ),
    (
        "kron",
        "h = torch.einsum('bld,de->ble', h, torch.kron(torch.eye(2, dtype=h.dtype), self.small{i}))",
        "self.small{i} = nn.Parameter(torch.randn(D // 2, D // 2))",
    ),
)

LONGER = of(
    "longer",
    Part(
        "cls_before",
        "longer",
        "h = torch.cat([self.cls{i}.expand(h.shape[0], 1, -1), h], 1)",
        "self.cls{i} = nn.Parameter(torch.randn(1, 1, D))",
        moves=True,
    ),
    Part(
        "cls_after",
        "longer",
        "h = torch.cat([h, self.cls{i}.expand(h.shape[0], 1, -1)], 1)",
        "self.cls{i} = nn.Parameter(torch.randn(1, 1, D))",
        moves=True,
    ),
    Part("drop_first", "longer", "h = h[:, 1:]", moves=True),
    Part("twice", "longer", "h = torch.cat([h, h.flip(1)], 1)", moves=True),
    Part("repeat_each", "longer", "h = h.repeat_interleave(2, 1)", moves=True),
    Part(
        "stride",
        "longer",
        "h = self.conv{i}(F.pad(h, (0, 0, 1, 1)).transpose(1, 2)).transpose(1, 2)",
        "self.conv{i} = nn.Conv1d(D, D, 3, stride=1)\nself.extra{i} = nn.Identity()",
    ),
    Part(
        "latents",
        "longer",
        "x = self.latents{i}.expand(h.shape[0], 6, D)\nh = (x @ h.transpose(1, 2)).softmax(-1) @ h + x",
        "self.latents{i} = nn.Parameter(torch.randn(1, 6, D))",
        moves=True,
    ),
)

WILDER = INDEXING + WRITES + PYTHON + LONGER
