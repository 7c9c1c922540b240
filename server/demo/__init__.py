"""A made-up season: its registers, and the script that plays it."""
