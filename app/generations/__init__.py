"""The generations of a collection's index, and its golden questions."""
