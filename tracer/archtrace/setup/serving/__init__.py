"""Serving: what vLLM, text-embeddings-inference, SGLang, llama.cpp and sentence-transformers pool, by their own rules.

A file a server, each with one function from a subject to its pooling; the facts stand in servers/*.toml.
"""
