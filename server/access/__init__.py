"""Who is asking: accounts, sessions, device keys, throttling, and the trail of what was done."""
