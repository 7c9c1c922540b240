"""Tests: unit, property, contract, simulation, e2e, golden, tidy."""
