"""The server: plans the inspection year, takes in operations, scores, serves findings, prints forms."""
