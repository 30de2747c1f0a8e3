"""The page at `/` and the widget: server-rendered HTML and small ES modules, without a build step."""
