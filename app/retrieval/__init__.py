"""From a question to the sources that the caller may read."""
