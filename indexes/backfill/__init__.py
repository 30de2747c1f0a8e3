"""Embeds what the kept vectors lack, on as many machines as a Ray cluster has."""
