"""The pure core that tablet and server share: no I/O, no clock, no randomness, no logging."""
