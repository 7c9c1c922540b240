"""How long a tablet waits before its next exchange."""

from mobile.settling import Journal

PAUSE_MS = 60_000
PAUSE_FIRST_MS = 5_000
PAUSE_LONGEST_MS = 15 * 60_000


def pause_ms(journal: Journal, entropy: bytes) -> int:
    """How long to wait before the next exchange: longer after each failure, never all tablets at once."""
    attempts = max(journal.attempts, journal.photo_attempts)
    if attempts == 0:
        return PAUSE_MS
    longest = PAUSE_LONGEST_MS if not journal.retry else PAUSE_FIRST_MS * 2 ** min(attempts - 1, 20)
    # No sooner than a busy server asks; and where it has asked them all the same, not all of them then.
    asked = journal.facts.get("wait_seconds", "")
    least = min(1000 * int(asked[:9]), PAUSE_LONGEST_MS) if asked.isascii() and asked.isdigit() else 0
    longest = min(max(longest, 2 * least), PAUSE_LONGEST_MS)
    least = max(least, longest // 2)
    return least + int.from_bytes(entropy[:4], "big") % (longest - least + 1)
