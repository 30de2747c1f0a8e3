"""From a question to a cited answer: prompt, generate, bind to sources."""
