"""Follow-up: what the year leaves to report and to put right."""
