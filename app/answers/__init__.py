"""POST /v1/answers and feedback on answers."""
