"""Keys, scopes and the local page's cookie."""
