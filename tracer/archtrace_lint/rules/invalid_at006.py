"""What AT006 finds."""

from __future__ import annotations

INVALID = {
    "a mask that is not used": """
        def forward(self, input_ids, attention_mask):
            outputs = self.bert(input_ids, attention_mask=attention_mask)
            return self.classifier(outputs.last_hidden_state.mean(dim=1))
        """,
    "a padded batch": """
        import torch


        def embed(texts, tokenizer, model):
            batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(model.device)
            outputs = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            return torch.mean(outputs[0], dim=1)
        """,
    "in one expression": """
        def forward(self, input_ids, attention_mask):
            return self.bert(input_ids, attention_mask=attention_mask).last_hidden_state.mean(dim=1)
        """,
    "only ids are passed": """
        import torch


        def embed(texts, tokenizer, embed_model):
            input_ids = tokenizer(texts, return_tensors="pt", padding=True, truncation=True).input_ids
            with torch.no_grad():
                return embed_model(input_ids).last_hidden_state.mean(dim=1)
        """,
    "with einops": """
        import einops


        def pool(last_hidden_state, attention_mask):
            return einops.reduce(last_hidden_state, "batch tokens width -> batch width", "mean")
        """,
    "pads are set to zero but still counted": """
        def embed(texts, tokenizer, model):
            batch = tokenizer(texts, padding=True, return_tensors="pt")
            kept = model(**batch).last_hidden_state * batch["attention_mask"].unsqueeze(-1)
            return (0.5 * kept).mean(dim=1)
        """,
    "pads are set to zero in your own encoder": """
        def forward(self, input_ids, attention_mask):
            encoded = self.encoder(input_ids, attention_mask=attention_mask)
            return self.classifier((encoded * attention_mask.unsqueeze(-1)).mean(dim=1))
        """,
    "pads are filled with zeros": """
        def forward(self, input_ids, attention_mask):
            hidden = self.bert(input_ids, attention_mask=attention_mask)[0]
            kept = hidden.masked_fill(attention_mask.unsqueeze(-1) == 0, 0.0)
            return self.classifier(0.5 * kept.mean(dim=1))
        """,
    "the mask summed without its dim": """
        import torch


        def pooled(outputs, inputs, strategy):
            if strategy == "cls":
                return outputs[:, 0]
            total = torch.sum(outputs * inputs["attention_mask"][:, :, None], dim=1)
            return total / torch.sum(inputs["attention_mask"])
        """,
    "divided with a function": """
        import torch


        def pool(hidden_states, attention_mask):
            mask = attention_mask.unsqueeze(-1)
            return torch.div((hidden_states * mask).sum(1), mask.sum())
        """,
    "the tokens of the whole batch": """
        def pool(token_embeddings, attention_mask):
            mask = attention_mask.unsqueeze(-1).expand(token_embeddings.size()).float()
            return (token_embeddings * mask).sum(1) / mask.sum()
        """,
    "the first output of an encoder": """
        def forward(self, ids, mask):
            h, _ = self.bert(ids, attention_mask=mask)
            return self.classifier(h.mean(1))
        """,
    "parts of a batch": """
        def forward(self, x):
            tokens, mask = x[0], x[2]
            return self.classifier(self.bert(tokens, attention_mask=mask).last_hidden_state.mean(dim=1))
        """,
    "padding in a dictionary": """
        def embed(texts, tokenizer, model):
            options = dict(padding=True, truncation=True, return_tensors="pt")
            batch = tokenizer(texts, **options)
            return model(batch.input_ids).last_hidden_state.mean(dim=1)
        """,
    "after a mean over layers": """
        import torch


        def forward(self, input_ids, attention_mask):
            layers = self.bert(input_ids, attention_mask=attention_mask, output_hidden_states=True).hidden_states
            return torch.stack(layers[-4:]).mean(0).mean(1)
        """,
    "with a pooling layer": """
        import torch.nn as nn


        class Head(nn.Module):
            def __init__(self, bert):
                super().__init__()
                self.bert = bert
                self.pool = nn.AdaptiveAvgPool1d(1)

            def forward(self, input_ids, attention_mask):
                hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
                return self.pool(hidden.transpose(1, 2)).squeeze(-1)
        """,
    "with a pooling function": """
        import torch.nn.functional as F


        def forward(self, input_ids, attention_mask):
            hidden = self.bert(input_ids, attention_mask=attention_mask)[0].permute(0, 2, 1)
            return F.avg_pool1d(hidden, kernel_size=hidden.size(-1)).squeeze(-1)
        """,
    "after an LSTM": """
        def forward(self, input_ids, attention_mask):
            hidden = self.bert(input_ids, attention_mask=attention_mask)[0]
            states, _ = self.lstm(hidden)
            return self.classifier(states.mean(dim=1))
        """,
    "after a GRU, on states from elsewhere": """
        def forward(self, batch):
            features = merge(self.bert(**batch["inputs"]), batch["mask"])
            states, _ = self.gru(features)
            return self.classifier(states.mean(dim=1))
        """,
    "after a convolution": """
        def forward(self, input_ids, attention_mask):
            return self.conv1(self.bert(input_ids, attention_mask=attention_mask)[0].transpose(1, 2)).mean(2)
        """,
    "after an attention module": """
        def forward(self, input_ids, attention_mask):
            hidden = self.bert(input_ids, attention_mask=attention_mask)[0]
            mixed, _ = self.attention(hidden, hidden, hidden, key_padding_mask=attention_mask == 0)
            return mixed.mean(dim=1)
        """,
    "the query of an attention module": """
        def forward(self, query, key, value, attention_mask):
            gate = self.gate(query.mean(dim=1))
            return gate[:, None] * self.attention(query, key, value, key_padding_mask=attention_mask == 0)[0]
        """,
    "concatenated with an image along the tokens": """
        import torch


        def forward(self, input_ids, attention_mask, regions):
            text = self.bert(input_ids, attention_mask=attention_mask)[0]
            return torch.cat([text, regions], dim=1).mean(dim=1)
        """,
    "layers in a list": """
        import torch


        def forward(self, input_ids, attention_mask):
            layers = self.bert(input_ids, attention_mask=attention_mask, output_hidden_states=True).hidden_states
            mixed = torch.stack([self.dropout(layer) for layer in layers[-4:]]).mean(0)
            return mixed.mean(dim=1)
        """,
    "states and mask have similar names": """
        def forward(self, response_hidden, query_hidden, response_mask, query_mask):
            return response_hidden.mean(dim=1)
        """,
    "Keras' pooling layer": """
        def build(layers, TFBertModel, input_ids, input_mask):
            bert = TFBertModel.from_pretrained("bert-base-uncased")
            states = bert([input_ids, input_mask]).last_hidden_state
            return layers.GlobalAveragePooling1D()(states)
        """,
    "the mask is taken by its key": """
        def forward(self, x):
            hidden = self.bert(**x["batch"]).last_hidden_state
            tags = self.tag(hidden, x["mask"])
            return tags, self.classifier(hidden.mean(dim=1))
        """,
    "each text separately": """
        import torch


        def forward(self, input_ids, attention_mask):
            hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
            return torch.stack([row.mean(0) for row in hidden])
        """,
    "a power mean in a pooling class": """
        import torch


        class GeMPooling:
            def forward(self, x, mask=None, p=3):
                return torch.mean(x.clamp(min=1e-6).pow(p), dim=1).pow(1 / p)
        """,
}
