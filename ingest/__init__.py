"""Feeding: parse, clean, chunk, embed, commit."""
