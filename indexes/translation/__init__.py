"""What a question's words are called in the other language, so that words can find passages across languages."""
