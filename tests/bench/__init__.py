"""The benchmark: real requests over real HTTP against a real server process, measured and never judged here."""
