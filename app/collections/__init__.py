"""The collections resource."""
