"""BM25 over immutable segments."""
