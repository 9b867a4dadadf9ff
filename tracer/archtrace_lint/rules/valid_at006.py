"""What AT006 leaves alone."""

from __future__ import annotations

VALID = {
    "masked": """
        def pool(last_hidden_state, attention_mask):
            mask = attention_mask.unsqueeze(-1).float()
            return (last_hidden_state * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        """,
    "there is no mask": """
        def pool(self, hidden_states, attention_mask=None):
            if attention_mask is None:
                return hidden_states.mean(dim=1)
            mask = attention_mask.unsqueeze(-1)
            return (hidden_states * mask).sum(1) / mask.sum(1)
        """,
    "images have no pads": """
        def pool(self, pixel_values):
            last_hidden_state = self.encoder(pixel_values)[0]
            return last_hidden_state.mean(dim=1)
        """,
    "the mask summed in each row": """
        import torch


        def pooled(outputs, inputs):
            mask = inputs["attention_mask"]
            return torch.sum(outputs * mask[:, :, None], dim=1) / torch.sum(mask, dim=1, keepdim=True)
        """,
    "a maximum with einops": """
        import einops


        def pool(last_hidden_state, attention_mask):
            kept = last_hidden_state.masked_fill(attention_mask[..., None] == 0, -1e9)
            return einops.reduce(kept, "b s d -> b d", "max")
        """,
    "a mean over layers": """
        import torch


        def pool(model, input_ids, attention_mask):
            outputs = model(input_ids, attention_mask=attention_mask, output_hidden_states=True)
            hidden_states = torch.stack(outputs.hidden_states[-4:], dim=1)
            return hidden_states.mean(dim=1)
        """,
    "a mean over several heads": """
        import torch


        def forward(self, input_ids, attention_mask):
            first = self.encoder(input_ids, attention_mask=attention_mask).last_hidden_state[:, 0]
            logits = torch.stack([self.classifier(self.dropout(first)) for _ in range(5)], dim=1)
            return logits.mean(dim=1)
        """,
    "one text": """
        def embed(text, tokenizer, model):
            batch = tokenizer(text, return_tensors="pt")
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            return (hidden * mask).sum(1) / mask.sum()
        """,
    "numbers, not vectors": """
        def share(logits, rewards, attention_mask):
            return (rewards * attention_mask).sum(1) / attention_mask.sum()
        """,
    "pads are dropped before": """
        def pool(hidden_states, attention_mask):
            hidden_states = hidden_states.masked_fill(~attention_mask[..., None].bool(), 0.0)
            return hidden_states.mean(1) * attention_mask.shape[1] / attention_mask.sum(1, keepdim=True)
        """,
    "only one row of the result is used": """
        def vector(sent, tokenizer, model):
            inputs = tokenizer(sent, return_tensors="pt", padding=True, max_length=64)
            layers = model(**inputs, output_hidden_states=True).hidden_states
            return layers[-1].mean(dim=1).cpu().numpy()[0]
        """,
    "a normalisation cancels the factor": """
        import torch.nn.functional as F


        def pool(last_hidden_state, attention_mask):
            mask = attention_mask.unsqueeze(-1)
            return (last_hidden_state * mask).sum(1) / mask.sum()


        def embed(model, batch):
            return F.normalize(pool(model(**batch).last_hidden_state, batch["attention_mask"]), dim=-1)
        """,
    "a normalisation by hand cancels the factor": """
        def embed(model, batch):
            mask = batch["attention_mask"].unsqueeze(-1)
            vectors = (model(**batch).last_hidden_state * mask).sum(1) / mask.sum()
            return vectors / vectors.norm(dim=-1, keepdim=True)
        """,
    "a mask, but no text in sight": """
        def pool(h, mask):
            return h.mean(1)
        """,
    "a mean over the batch": """
        def centre(self, input_ids, attention_mask):
            hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state.transpose(0, 1)
            return hidden.mean(1)
        """,
    "an LSTM on states whose pads were set to zero": """
        def forward(self, input_ids, attention_mask):
            hidden = self.bert(input_ids, attention_mask=attention_mask)[0]
            states, _ = self.lstm(hidden)
            mask = attention_mask.unsqueeze(-1)
            return (states * mask).sum(1) / mask.sum(1)
        """,
    "a convolution, then a mean over its channels": """
        def forward(self, input_ids, attention_mask):
            return self.conv1(self.bert(input_ids, attention_mask=attention_mask)[0].transpose(1, 2)).mean(1)
        """,
    "concatenated with an image, without pads": """
        import torch


        def forward(self, input_ids, attention_mask, regions):
            text = self.bert(input_ids, attention_mask=attention_mask)[0] * attention_mask.unsqueeze(-1)
            return torch.cat([text, regions], dim=1).mean(dim=1)
        """,
    "Keras' pooling with the mask": """
        def build(layers, TFBertModel, input_ids, input_mask):
            bert = TFBertModel.from_pretrained("bert-base-uncased")
            states = bert([input_ids, input_mask]).last_hidden_state
            return layers.GlobalAveragePooling1D()(states, mask=input_mask)
        """,
    "the mask is taken by its key and used": """
        def forward(self, x):
            hidden = self.bert(**x["batch"]).last_hidden_state
            mask = x["mask"].unsqueeze(-1)
            return (hidden * mask).sum(1) / mask.sum(1)
        """,
    "an image with its own mask": """
        def forward(self, image_hidden, image_mask):
            return image_hidden.mean(dim=1)
        """,
    "only the tokens that each text's mask selects": """
        import torch


        def embed(model, batch):
            hidden = model(**batch).last_hidden_state
            return torch.stack([row[mask.bool()].mean(0) for row, mask in zip(hidden, batch["attention_mask"])])
        """,
    "the tokens of one id": """
        def prompted(self, input_ids, attention_mask, mask_token_id):
            hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
            return hidden[input_ids == mask_token_id].view(len(input_ids), -1, hidden.shape[-1]).mean(1)
        """,
    "reached only with an empty mask": """
        def pool(hidden_states, attention_mask):
            if attention_mask.sum() == 0:
                return hidden_states.mean(dim=1)
            mask = attention_mask.unsqueeze(-1)
            return (hidden_states * mask).sum(1) / mask.sum(1)
        """,
    "reached only if nothing was gathered": """
        def pool(hidden_states, attention_mask):
            windows = []
            gather(windows, hidden_states, attention_mask)
            return stacked(windows) if windows else hidden_states.mean(dim=1, keepdim=True)
        """,
    "zeros for pads, but only the angle of the vectors matters": """
        import torch


        def scored(self, input_ids, attention_mask, other):
            hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
            left, right = (hidden * attention_mask.unsqueeze(-1)).mean(dim=1).chunk(2)
            return torch.cosine_similarity(left, right)
        """,
    "zeros for pads, and the mean divided by the part that is text": """
        def pool(hidden_states, attention_mask):
            mask = attention_mask.unsqueeze(-1).float()
            return (hidden_states * mask).mean(1) / mask.mean(1)
        """,
    "zeros for pads, and the vector is normalised": """
        import torch.nn.functional as F


        def pool(hidden_states, attention_mask):
            mean = (hidden_states * attention_mask.unsqueeze(-1)).mean(1)
            return F.layer_norm(mean, mean.shape[-1:])
        """,
    "zeros where another mask says so": """
        def forward(self, hidden_states, attention_mask, names):
            return hidden_states.masked_fill(names.unsqueeze(-1), 0).mean(1)
        """,
    "zeros for pads, and of each text the other tokens": """
        import torch


        def pool(hidden_states, attention_mask):
            kept = zip(hidden_states * attention_mask.unsqueeze(-1), attention_mask)
            return torch.stack([row[mask.bool()].mean(0) for row, mask in kept])
        """,
    "zeros for pads, divided by that part before": """
        def pool(hidden_states, attention_mask):
            mask = attention_mask.unsqueeze(-1).float()
            return (hidden_states * mask / mask.mean(1, keepdim=True)).mean(1)
        """,
    "zeros for pads, times weights that may do the same": """
        def pool(self, hidden_states, attention_mask):
            kept = hidden_states * attention_mask.unsqueeze(-1)
            return (kept * self.weights(attention_mask)).mean(1)
        """,
    "zeros for pads, and tokens of which none may be one": """
        def marked(hidden_states, attention_mask):
            kept = hidden_states * attention_mask.unsqueeze(-1)
            return kept[:, 1:4].mean(1)
        """,
    "zeros for pads, in parts of the tokens": """
        def head(hidden_states, attention_mask):
            first, _ = (hidden_states * attention_mask.unsqueeze(-1)).split(8, dim=1)
            return first.mean(1)
        """,
    "zeros for pads, next to an image": """
        import torch


        def forward(self, input_ids, attention_mask, regions):
            hidden = self.bert(input_ids, attention_mask=attention_mask)[0]
            text = hidden.masked_fill(attention_mask.unsqueeze(-1) == 0, 0)
            return torch.cat([text, regions], dim=1).mean(dim=1)
        """,
    "pads that the mean leaves out": """
        def forward(self, hidden_states, attention_mask):
            return hidden_states.masked_fill(attention_mask.unsqueeze(-1) == 0, float("nan")).nanmean(dim=1)
        """,
}
