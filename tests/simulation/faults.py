"""The faults a world can inject, and how often each really happened."""

from collections import Counter
from random import Random

FAULTS: dict[str, str] = {
    "lost_request": "a request never reaches the server",
    "lost_reply": "the server has answered, and the answer is lost",
    "repeated": "a request reaches the server twice",
    "delayed": "a request reaches the server much later, after others",
    "damaged_request": "a request arrives cut off or with a bit flipped",
    "cut_reply": "a reply arrives cut off",
    "photo_cut": "the line is cut at some byte of a photo",
    "server_killed": "the server is killed before its commit",
    "server_restored": "the server comes up with an old copy of its file",
    "tablet_killed": "a tablet's program ends between two instructions of its database",
    "tablet_restored": "a tablet comes back with an old copy of its file",
    "tablet_cloned": "two tablets with one identity",
    "server_full": "the server's disk is full: something it was to keep found no room",
    "tablet_full": "a tablet's disk is full: a tap or a reply found no room",
    "server_locked": "another process holds the server's database: something it was to keep had to come again",
    "clock_wrong": "a tablet's clock is off by minutes or days",
    "clock_far": "a tablet's clock shows a year before 1970, or one after 2038",
    "clock_drifts": "a tablet's clock is too fast or too slow",
    "clock_jumped": "a tablet's clock jumps forwards while it is in use",
    "clock_back": "a tablet's clock jumps backwards while it is in use",
    "older_app": "a tablet whose version does not know some kinds",
    "newer_app": "an operation of a kind that nobody knows yet",
    "mixed_versions": "an operation of a newer app, where an older app than the others is in use as well",
    "score_bug": "the server's scoring crashes on an inspection, until the bug is fixed and rows are rebuilt",
    "fold_bug": "the server's merging crashes on an operation, until the bug is fixed and rows are rebuilt",
    "poison": "an operation in a sound envelope that can never be right",
    "taken_away": "an inspection is taken from its squad, and given back later",
    "revoked": "a tablet is turned away in the middle of the campaign, hands over what it holds, and is wiped",
    "admitted": "a person admits from quarantine what was refused",
    "checklist_changed": "a new version of the checklist: inspections that have begun keep theirs, others move to it",
    "late_after_lock": "an operation made after the lock of its inspection, of which its tablet had not heard",
    "late": "an operation that reaches the log after the inspection was handed in",
    "stale_screen": "a tap on a screen that news has overtaken",
    "small_pages": "requests and replies hold only a few operations, so that everything takes several rounds",
    "by_package": "an exchange goes by a file instead of the network",
    "package_damaged": "a package is cut off, or a bit of it flipped, before it is carried again",
    "package_twice": "a package or a receipt is read twice",
    "package_late": "a package or a receipt is forgotten, and read long after others",
    "relayed": "two tablets of a squad meet without the server and hand each other what they hold",
    "purged": "a tablet is cleared of what a backup of the server holds",
    "backup_restored": "the server is made again from its newest backup, on another machine",
    "tap_in_flight": "a tap while an exchange of that tablet is under way",
}
LATER: dict[str, str] = {
    "older_backup": "the server is made again from another of its backups than the newest",
    "forged_reply": "a hand in the line answers: what was kept, was for another, was changed, or bears another key",
    "forged_photo": "a hand in the line says of a photo that it has arrived",
    "replayed": "a request that arrived long ago arrives again, or what two tablets said to each other",
    "admitted_in_bulk": "a person admits all that waits in quarantine at once",
    "days_pass": "nobody does anything for days",
}
"""Faults that draw from a stream of their own: a world without them is the same whether they are here or not."""
FAULTS |= LATER


FEW = 5


class Weather:
    """Which faults happen in a world, how often, and how often they did."""

    def __init__(self, random: Random, wanted: frozenset[str], seed: int) -> None:
        unknown = wanted - set(FAULTS)
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        self._random = random
        self.wanted = wanted
        # Every world has its own weather, so that each fault is met alone, together, rarely and all the time.
        # Where somebody asked for a few only, they are what the world is about.
        least = 1.0 if len(wanted) <= FEW else 0.0
        self.later = Random(f"later {seed}")
        """What faults of `LATER` draw from, and whatever is drawn for them."""
        drawn = {name: self._stream(name).choice((0.0, 0.3, 1.0, 3.0)) for name in FAULTS}
        self._rate = {name: max(least, rate) for name, rate in drawn.items()}
        self.counts: Counter[str] = Counter()
        self.calm = False

    def may_strike(self, fault: str) -> bool:
        """Whether this world has that fault at all."""
        return fault in self.wanted and self._rate[fault] > 0

    def strikes(self, fault: str, chance: float) -> bool:
        """Whether a fault happens now; draws whether it is wanted or not, so that wanting it changes no other draw."""
        drawn = self.draws(fault, chance)
        if drawn:
            self.met(fault)
        return drawn

    def draws(self, fault: str, chance: float) -> bool:
        """As `strikes`, for what may come to nothing; whoever sees that it did not says `met`."""
        drawn = self._stream(fault).random() < chance * self._rate[fault]
        return drawn and not self.calm and fault in self.wanted

    def _stream(self, fault: str) -> Random:
        return self.later if fault in LATER else self._random

    def met(self, fault: str, times: int = 1) -> None:
        """Counts a fault that really happened."""
        self.counts[fault] += times
