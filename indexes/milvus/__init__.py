"""Milvus as the index: the same ranking as the embedded one, its vectors and terms on a server."""
