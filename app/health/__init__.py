"""Whether the service is alive and able to answer, and its metrics."""
