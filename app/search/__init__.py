"""The search resource."""
