"""The hybrid index: embedders, dense and lexical lists, fusion."""
