"""Intake: takes operations in, brings inspections up to date and scored, tells tablets the news."""
