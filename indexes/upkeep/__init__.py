"""Looking after what is stored: comparing database and index, mending, and removing what was deleted for good."""
