"""Evaluation: freeze scores, recompute them, hand them to the yearly appraisal."""
