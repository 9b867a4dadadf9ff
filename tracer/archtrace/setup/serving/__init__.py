"""Serving: what vLLM, text-embeddings-inference, SGLang, llama.cpp and sentence-transformers pool, by their own rules.

One file per server, each with one function from the files of a checkpoint to a pooling; the facts stand in
servers/*.toml.
"""
