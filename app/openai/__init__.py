"""The paths that stock OpenAI clients use."""
