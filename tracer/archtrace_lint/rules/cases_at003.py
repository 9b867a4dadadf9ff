"""The cases of AT003: what it leaves alone, and what it finds."""

from __future__ import annotations

VALID = {
    "an encoder reads a fixed token": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")
        tokenizer.pad_token = tokenizer.eos_token
        model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased")
        """,
    "a separate pad token": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained("gpt2")
        tokenizer.add_special_tokens({"pad_token": "<pad>"})
        model = AutoModelForSequenceClassification.from_pretrained("gpt2")
        model.config.pad_token_id = tokenizer.pad_token_id
        """,
    "the tokenizer of the policy, next to that of the reward model": """
        from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(policy_name)
        tokenizer.pad_token = tokenizer.eos_token
        policy = AutoModelForCausalLM.from_pretrained(policy_name)
        reward_tokenizer = AutoTokenizer.from_pretrained(reward_name)
        reward_model = AutoModelForSequenceClassification.from_pretrained(reward_name)
        """,
    "a model for generation": """
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained("gpt2")
        tokenizer.pad_token = tokenizer.eos_token
        model = AutoModelForCausalLM.from_pretrained("gpt2")
        """,
    "generation also sets a pad id": """
        from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer


        def answer(name, text):
            tokenizer = AutoTokenizer.from_pretrained(name)
            ids = tokenizer(text, return_tensors="pt").input_ids
            return AutoModelForCausalLM.from_pretrained(name).generate(ids, pad_token_id=tokenizer.eos_token_id)


        def grade(name, ids):
            return AutoModelForSequenceClassification.from_pretrained(name)(ids).logits
        """,
    "the tokenizer of a generator, in another function": """
        from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer


        def generator(name):
            tokenizer = AutoTokenizer.from_pretrained(name)
            tokenizer.pad_token = tokenizer.eos_token
            return AutoModelForCausalLM.from_pretrained(name), tokenizer


        def grader(name):
            return AutoModelForSequenceClassification.from_pretrained(name), AutoTokenizer.from_pretrained(name)
        """,
    "a reward model that reads by the mask": """
        from transformers import AutoTokenizer


        class WorkerRewardModel:
            def prepare(self, name):
                self.tokenizer = AutoTokenizer.from_pretrained(name)
                self.tokenizer.pad_token = self.tokenizer.eos_token

            def read(self, values, attention_mask):
                return values[:, attention_mask.nonzero()[-1]]


        workers = [WorkerRewardModel.from_pretrained("x")]
        """,
    "a critic, which has a value for every token": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer


        def actors(path):
            tokenizer = AutoTokenizer.from_pretrained(path)
            tokenizer.pad_token = tokenizer.eos_token
            critic_model = AutoModelForSequenceClassification.from_pretrained(path, num_labels=1)
            return tokenizer, critic_model
        """,
    "a classifier whose head runs on every token": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
        from steps import StepsForTokenClassification

        tokenizer = AutoTokenizer.from_pretrained("gpt2")
        tokenizer.pad_token_id = tokenizer.eos_token_id
        trained = AutoModelForSequenceClassification.from_pretrained("gpt2")
        model = StepsForTokenClassification(trained, num_labels=2)
        """,
    "a reward model that reads the first eos on purpose": """
        import torch
        from transformers import AutoTokenizer


        class EndRewardModel(torch.nn.Module):
            def forward(self, ids, values):
                end = (ids == self.pad_id).int().argmax(dim=-1)
                return self.taken(values, end)


        tokenizer = AutoTokenizer.from_pretrained("gpt2")
        tokenizer.pad_token = tokenizer.eos_token
        model = EndRewardModel("gpt2")
        """,
    "a checkpoint that already has a pad token": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-0.5B")
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        model = AutoModelForSequenceClassification.from_pretrained("Qwen/Qwen2.5-0.5B")
        """,
    "the classifier is built in another branch": """
        from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification


        def load(path, tokenizer, classify):
            if classify:
                tokenizer.add_special_tokens({"pad_token": "[PAD]"})
                model = AutoModelForSequenceClassification.from_pretrained(path)
            else:
                tokenizer.pad_token = tokenizer.eos_token
                model = AutoModelForCausalLM.from_pretrained(path)
            return model
        """,
    "a function that builds a classifier on an encoder, next to one on a decoder": """
        from transformers import AutoTokenizer, BertForSequenceClassification, LlamaForSequenceClassification


        def small(path, tokenizer):
            tokenizer.pad_token = tokenizer.eos_token
            return BertForSequenceClassification.from_pretrained(path)


        def large(path):
            return LlamaForSequenceClassification.from_pretrained(path), AutoTokenizer.from_pretrained(path)
        """,
    "a classifier with a tokenizer named after it": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(base)
        tokenizer.pad_token = tokenizer.eos_token
        mood_tokenizer = AutoTokenizer.from_pretrained(moods)
        mood_model = AutoModelForSequenceClassification.from_pretrained(moods)
        """,
    "a pipeline with another tokenizer": """
        from transformers import AutoTokenizer, pipeline

        drafts = AutoTokenizer.from_pretrained("gpt2")
        drafts.pad_token = drafts.eos_token
        grader = pipeline("text-classification", model="acme/grader-7b", tokenizer=AutoTokenizer.from_pretrained("x"))
        """,
}

INVALID = {
    "the tokenizer's pad token": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained("gpt2")
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        model = AutoModelForSequenceClassification.from_pretrained("gpt2", num_labels=1)
        """,
    "the id in the config": """
        from transformers import LlamaForSequenceClassification


        def load(path, tokenizer):
            model = LlamaForSequenceClassification.from_pretrained(path)
            model.config.pad_token_id = model.config.eos_token_id
            return model
        """,
    "a keyword argument": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained("gpt2")
        model = AutoModelForSequenceClassification.from_pretrained("gpt2", pad_token_id=tokenizer.eos_token_id)
        """,
    "your own reward model that looks for pads": """
        import torch
        from transformers import AutoTokenizer


        class PairRewardModel(torch.nn.Module):
            def __init__(self, name):
                super().__init__()
                self.tokenizer = AutoTokenizer.from_pretrained(name)
                self.tokenizer.pad_token = self.tokenizer.eos_token
                self.pad_id = self.tokenizer(self.tokenizer.pad_token)["input_ids"][0]
        """,
    "set next to where your own model is built": """
        import torch
        from transformers import AutoTokenizer


        class PairRewardModel(torch.nn.Module):
            def ends(self, input_ids):
                return [(row == self.PAD_ID).nonzero() for row in input_ids]


        tokenizer = AutoTokenizer.from_pretrained("gpt2")
        tokenizer.pad_token = tokenizer.eos_token
        model = PairRewardModel("gpt2")
        """,
    "a pipeline that classifies": """
        from transformers import pipeline


        def classifier(build, name, tokenizer):
            pipe = pipeline("text-classification", model=build(name), tokenizer=tokenizer)
            if pipe.tokenizer.pad_token_id is None:
                pipe.tokenizer.pad_token_id = pipe.tokenizer.eos_token_id
            return pipe
        """,
    "a pipeline by another name, and its tokenizer": """
        from transformers import AutoTokenizer, pipeline as hf_pipeline

        tokenizer = AutoTokenizer.from_pretrained("acme/moods-7b")
        tokenizer.pad_token_id = tokenizer.eos_token_id
        moods = hf_pipeline("sentiment-analysis", model="acme/moods-7b", tokenizer=tokenizer, batch_size=8)
        """,
    "the class is in a variable": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        factory = AutoModelForSequenceClassification
        tokenizer = AutoTokenizer.from_pretrained("gpt2")
        tokenizer.pad_token = tokenizer.eos_token
        model = factory.from_pretrained("gpt2", num_labels=3)
        """,
    "one of two possible classes": """
        from transformers import AutoModelForCausalLM, AutoTokenizer, MistralForSequenceClassification


        def load(path, graded):
            tokenizer = AutoTokenizer.from_pretrained(path)
            tokenizer.pad_token = tokenizer.eos_token
            chosen = MistralForSequenceClassification if graded else AutoModelForCausalLM
            return tokenizer, chosen.from_pretrained(path)
        """,
    "tokenizer and classifier with the same name, next to a judge's tokenizer": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer


        def load(path):
            tokenizer = AutoTokenizer.from_pretrained(path)
            tokenizer.pad_token = tokenizer.eos_token
            return tokenizer, AutoModelForSequenceClassification.from_pretrained(path)


        judge_tokenizer, grader = load("acme/grader-7b")
        """,
    "a reward model that reads the token before the first pad": """
        import torch
        from transformers import AutoTokenizer


        class BeforeRewardModel(torch.nn.Module):
            def forward(self, ids, values):
                end = (ids == self.pad_id).int().argmax(dim=-1) - 1
                return self.taken(values, end)


        tokenizer = AutoTokenizer.from_pretrained("gpt2")
        tokenizer.pad_token = tokenizer.eos_token
        model = BeforeRewardModel("gpt2")
        """,
    "a classifier next to a token classifier": """
        from transformers import AutoModelForSequenceClassification, AutoTokenizer, MistralForTokenClassification

        tokenizer = AutoTokenizer.from_pretrained("acme/base-7b")
        tokenizer.pad_token_id = tokenizer.eos_token_id
        tagger = MistralForTokenClassification(config)
        model = AutoModelForSequenceClassification.from_pretrained("acme/base-7b")
        """,
    "a reward model that gets the pad id as an argument": """
        from transformers import AutoTokenizer


        def prepared(reward_model, path):
            tokenizer = AutoTokenizer.from_pretrained(path)
            tokenizer.pad_token = tokenizer.eos_token
            reward_model.PAD_ID = tokenizer(tokenizer.pad_token)["input_ids"][0]
            return reward_model
        """,
}
