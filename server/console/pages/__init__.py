"""One module for each group of pages: it reads what its templates show, and turns forms into operations."""
