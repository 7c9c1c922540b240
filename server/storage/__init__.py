"""Everything that touches the database or photo files: all of the server's SQL lives here."""
