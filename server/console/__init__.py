"""The web pages: routes, templates, static files. Reads through server.storage, acts through operations."""
