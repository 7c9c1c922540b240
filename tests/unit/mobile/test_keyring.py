"""Who may unlock a tablet: PINs, tries, waits, and what a copied folder is worth."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from argon2 import low_level

from mobile.files import write_whole
from mobile.keyring import TRIES_MAX, WAITS_SECONDS, Keyring, Names, Ring, Strength, check_pin
from mobile.secret import DeviceSecret
from shared_schema.problems import Problem
from tests.unit.mobile.killing import killed_everywhere

QUICK = Strength(passes=1, memory_kib=8, lanes=1)
CHEN, LIN = Names("p-chen", "陈向东", "Chen Xiangdong"), Names("p-lin", "林晓喆", "Lin Xiaozhe")
PIN, OTHER = "270418", "918273"
DAY_MS = 86_400_000
NOW_MS = 1_780_000_000_000


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return opened(tmp_path)


def opened(folder: Path, secrets: str = "secrets") -> Keyring:
    """The keyring of a folder, as a start of the program finds it."""
    secret = DeviceSecret(folder / secrets, os.urandom)
    return Keyring(folder / "data" / "keyring.json", secret, os.urandom, QUICK)


def refused(act: Callable[[], object]) -> Problem:
    """The Problem it raises."""
    with pytest.raises(Problem) as caught:
        act()
    return caught.value


def test_each_person_unlocks_the_same_master_key(ring: Keyring) -> None:
    """Whose PIN it is makes no difference to what can be read."""
    master = ring.set_up()
    ring.add(CHEN, PIN, master)
    ring.add(LIN, OTHER, master)
    assert ring.unlock("p-chen", PIN, NOW_MS) == ring.unlock("p-lin", OTHER, NOW_MS) == master
    assert [one.names for one in ring.holders(NOW_MS)] == [CHEN, LIN]
    assert refused(lambda: ring.unlock("p-zhao", PIN, NOW_MS)).code == "pin_unknown"


def test_until_the_first_pin_the_device_alone_opens_it(ring: Keyring, tmp_path: Path) -> None:
    """The first PIN ends that for good: the wrap is gone from the file."""
    master = ring.set_up()
    assert opened(tmp_path).unprotected() == master
    ring.add(CHEN, PIN, master)
    assert opened(tmp_path).unprotected() is None
    assert ring.read().unprotected == b""


def test_a_copied_folder_without_the_devices_secret_opens_with_no_pin(ring: Keyring, tmp_path: Path) -> None:
    """Nor does one with the secret of another tablet, or without the PIN."""
    ring.add(CHEN, PIN, ring.set_up())
    elsewhere = opened(tmp_path, "elsewhere")
    assert refused(lambda: elsewhere.unlock("p-chen", PIN, NOW_MS)).code == "keys_lost"
    DeviceSecret(tmp_path / "elsewhere", os.urandom).make(ring.read().secret)
    assert refused(lambda: elsewhere.unlock("p-chen", PIN, NOW_MS)).code == "keys_lost"


def test_names_are_not_in_the_file(ring: Keyring) -> None:
    """People can be chosen from before the store is open, and still are not there to be read."""
    ring.add(CHEN, PIN, ring.set_up())
    content = ring.path.read_bytes()
    assert not any(text.encode() in content for text in (CHEN.person, CHEN.zh, CHEN.en))


def test_the_cost_of_a_try_is_argon2id_as_rfc_9106_recommends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """64 MiB, three passes, four lanes, a salt of 16 bytes of each slot's own; kept with the slot."""
    asked = []
    stretch = low_level.hash_secret_raw

    def watched(secret: bytes, salt: bytes, **costs: object) -> bytes:
        asked.append((secret, salt, costs))
        return stretch(secret, salt, **costs)  # type: ignore[arg-type]

    monkeypatch.setattr(low_level, "hash_secret_raw", watched)
    ring = Keyring(tmp_path / "keyring.json", DeviceSecret(tmp_path / "s", os.urandom), os.urandom)
    master = ring.set_up()
    ring.add(CHEN, PIN, master)
    ring.add(LIN, OTHER, master)
    for _, salt, costs in asked:
        assert len(salt) == 16
        assert costs == {
            "time_cost": 3, "memory_cost": 65_536, "parallelism": 4, "hash_len": 32, "type": low_level.Type.ID,
        }  # fmt: skip
    assert len({salt for _, salt, _ in asked}) == 2
    assert {slot.strength for slot in ring.read().slots} == {Strength(3, 65_536, 4)}


def test_a_try_is_counted_before_it_is_made(
    ring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program ended in the middle of a try, right PIN or wrong, has used one up."""
    ring.add(CHEN, PIN, ring.set_up())

    def killed(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    for ended in range(1, 4):
        with monkeypatch.context() as patched:
            patched.setattr(low_level, "hash_secret_raw", killed)
            with pytest.raises(KeyboardInterrupt):
                ring.unlock("p-chen", PIN, NOW_MS)
        assert opened(tmp_path).holders(NOW_MS)[0].left == TRIES_MAX - ended


def test_wrong_pins_wait_longer_and_longer_and_the_tenth_is_the_last(ring: Keyring) -> None:
    """Three slips cost nothing; all ten take three hours; what is left is said each time."""
    ring.add(CHEN, PIN, ring.set_up())
    now, waited = NOW_MS, []
    for number in range(1, TRIES_MAX):
        problem = refused(lambda: ring.unlock("p-chen", "000111", now))  # noqa: B023
        assert (problem.code, problem.facts) == ("pin_wrong", {"left": TRIES_MAX - number})
        wait = ring.holders(now)[0].wait_seconds
        if wait:
            early = refused(lambda: ring.unlock("p-chen", PIN, now + wait * 1000 - 1))  # noqa: B023
            assert early.code == "pin_wait"
        waited.append(wait)
        now += wait * 1000
    assert waited == [*WAITS_SECONDS[1:]]
    assert sum(waited) > 3 * 3600 - 600
    assert refused(lambda: ring.unlock("p-chen", "000111", now)).code == "pin_spent"
    # Even the right one comes too late, in a program started anew as well.
    assert refused(lambda: ring.unlock("p-chen", PIN, now + DAY_MS)).code == "pin_spent"


def test_the_right_pin_ends_the_count_of_its_own_person_only(ring: Keyring) -> None:
    """Who can unlock cannot buy tries at a colleague's PIN."""
    master = ring.set_up()
    ring.add(CHEN, PIN, master)
    ring.add(LIN, OTHER, master)
    for person in ("p-chen", "p-lin"):
        refused(lambda: ring.unlock(person, "000111", NOW_MS))  # noqa: B023
    ring.unlock("p-chen", PIN, NOW_MS)
    assert [one.left for one in ring.holders(NOW_MS)] == [TRIES_MAX, TRIES_MAX - 1]


def test_a_clock_that_was_ahead_does_not_lock_anybody_out(ring: Keyring) -> None:
    """Set back to 1970 or to today, the wait is counted from then on, and no longer than it would have been."""
    ring.add(CHEN, PIN, ring.set_up())
    ahead = NOW_MS + 400 * DAY_MS
    for _ in range(4):
        refused(lambda: ring.unlock("p-chen", "000111", ahead))  # noqa: B023
        ahead += 60_000
    for now in (NOW_MS, 1000):
        assert ring.holders(now)[0].wait_seconds == 60
        assert ring.holders(now + 30_000)[0].wait_seconds == 30
    assert ring.unlock("p-chen", PIN, 61_000)


def test_a_clock_that_is_set_right_while_the_tablet_is_open_makes_nobody_wait(ring: Keyring) -> None:
    """One slip of the finger by a clock that was ahead: whoever then gives their PIN at the open tablet is not told
    to wait for a year.
    """
    ring.add(CHEN, PIN, ring.set_up())
    refused(lambda: ring.unlock("p-chen", "000111", NOW_MS + 400 * DAY_MS))
    assert ring.unlock("p-chen", PIN, NOW_MS)


def test_a_pin_is_changed_by_who_knows_it(ring: Keyring) -> None:
    """A wrong old one counts as a try; the master key stays the same."""
    master = ring.set_up()
    ring.add(CHEN, PIN, master)
    assert refused(lambda: ring.change("p-chen", "000111", OTHER, NOW_MS)).code == "pin_wrong"
    assert refused(lambda: ring.change("p-chen", PIN, "123456", NOW_MS)).code == "pin_weak"
    ring.change("p-chen", PIN, OTHER, NOW_MS)
    assert ring.unlock("p-chen", OTHER, NOW_MS) == master
    assert refused(lambda: ring.unlock("p-chen", PIN, NOW_MS)).code == "pin_wrong"


def test_a_forgotten_pin_is_taken_away_but_never_the_last(ring: Keyring) -> None:
    """Without any PIN nobody could ever unlock again."""
    master = ring.set_up()
    ring.add(CHEN, PIN, master)
    ring.remove("p-chen")
    ring.add(LIN, OTHER, master)
    ring.remove("p-chen")
    assert [one.names for one in ring.holders(NOW_MS)] == [LIN]


@pytest.mark.parametrize(
    "pin", ["", "12345", "1234567890123", "777777", "123456", "987654", "12ab56", "１２３４５７"]
)
def test_a_pin_that_is_guessed_first_is_not_taken(pin: str) -> None:
    """Too short or long, one digit, digits in a row, other characters."""
    assert refused(lambda: check_pin(pin)).code == "pin_weak"


def test_files_of_keys_are_their_owners_alone(ring: Keyring, tmp_path: Path) -> None:
    """Readable by nobody else, in folders nobody else can enter."""
    ring.set_up()
    files = [ring.path, *(tmp_path / "secrets").iterdir()]
    assert len(files) == 2
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert {file.parent.stat().st_mode & 0o777 for file in files} == {0o700}


def test_a_damaged_file_is_said_so(ring: Keyring) -> None:
    """And is not taken for a new tablet."""
    ring.set_up()
    ring.path.write_bytes(ring.path.read_bytes()[:20])
    assert ring.exists()
    assert refused(ring.unprotected).code == "keys_lost"


def _new(folder: Path) -> None:
    """Nothing is there yet."""


def _set_up(folder: Path) -> None:
    ring = opened(folder)
    ring.add(CHEN, PIN, ring.set_up())


def _opens(folder: Path) -> None:
    """No keyring yet, or one that the device or the PIN opens; never one that nothing opens."""
    ring = opened(folder)
    if ring.exists() and ring.unprotected() is None:
        assert len(ring.unlock("p-chen", PIN, NOW_MS)) == 32


@pytest.mark.e2e
def test_killed_at_any_step_of_setting_up_there_is_no_keyring_that_nothing_opens(tmp_path: Path) -> None:
    """Every file call is a point to be killed at."""
    assert killed_everywhere(tmp_path, _new, _set_up, _opens) > 15


def _change(folder: Path) -> None:
    opened(folder).change("p-chen", PIN, OTHER, NOW_MS)


def _one_pin(folder: Path) -> None:
    """The old PIN or the new one opens it, and a kill has cost one try at most."""
    ring = opened(folder)
    assert ring.holders(NOW_MS)[0].left >= TRIES_MAX - 1
    try:
        ring.unlock("p-chen", OTHER, NOW_MS)
    except Problem:
        ring.unlock("p-chen", PIN, NOW_MS)


@pytest.mark.e2e
def test_killed_at_any_step_of_changing_a_pin_the_old_or_the_new_one_opens(tmp_path: Path) -> None:
    """Nobody is locked out by an empty battery."""
    assert killed_everywhere(tmp_path, _set_up, _change, _one_pin) > 20


def test_a_full_disk_hides_nobody_who_can_unlock(ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a wrong PIN and a clock set back, who looks would write down the new clock."""
    ring.add(CHEN, PIN, ring.set_up())
    assert refused(lambda: ring.unlock("p-chen", "000111", NOW_MS)).code == "pin_wrong"

    def full(*_: object, **__: object) -> None:
        raise Problem("disk_full")

    monkeypatch.setattr("mobile.keyring.write_whole", full)
    assert len(ring.holders(NOW_MS - DAY_MS)) == 1


@pytest.mark.parametrize("code", ["disk_full", "disk_failing"])
def test_a_right_pin_whose_count_cannot_be_taken_back_is_no_wrong_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Ten times, and the data would be destroyed for whoever knew the PIN each time. Wrong ones count as ever."""
    ring, write = opened(tmp_path), write_whole
    ring.add(CHEN, PIN, ring.set_up())
    begun = ring.read()

    def no_room_to_take_back(path: Path, content: bytes, *, destroy_old: bool = False) -> None:
        if all(slot.tries == 0 for slot in msgspec.json.decode(content, type=Ring).slots):
            raise Problem(code)
        write(path, content, destroy_old=destroy_old)

    with monkeypatch.context() as full:
        full.setattr("mobile.keyring.write_whole", no_room_to_take_back)
        for _ in range(2 * TRIES_MAX):
            with pytest.raises(Problem, match=code):
                ring.unlock("p-chen", PIN, NOW_MS)
            assert ring.holders(NOW_MS)[0][1:] == (TRIES_MAX, 0)
        assert ring.read() != begun
    with pytest.raises(Problem, match="pin_wrong"):
        ring.unlock("p-chen", "000111", NOW_MS)
    assert opened(tmp_path).holders(NOW_MS)[0].left == ring.holders(NOW_MS)[0].left == TRIES_MAX - 1
    assert ring.unlock("p-chen", PIN, NOW_MS)
    assert opened(tmp_path).read() == begun
