from databases import make_url, postgres_server  # noqa: F401
