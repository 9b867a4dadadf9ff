"""Text: an answer in words and in characters, before any format."""
