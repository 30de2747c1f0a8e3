"""The documents resource."""
