"""Passwords: what is taken, what a hash is, and what an unknown user learns."""

import pytest

from server.access import passwords
from shared_schema.problems import Problem

GOOD = "three grey herons"


@pytest.mark.parametrize(
    "password",
    [
        "short-one-1",
        "a" * 257,
        "aaaaaaaaaaaaaaaa",
        "123456789012345",
        "password12345",
        "Password!2026",
        "qwertyuiop1234",
        "adminadmin2026",
        "12121212121212",
        "mima20262026mima",
    ],
)
def test_known_and_short_passwords_are_refused(password: str) -> None:
    """Twelve characters at least, and none that every guesser tries first."""
    with pytest.raises(Problem, match="form_invalid"):
        passwords.check_new(password)


@pytest.mark.parametrize(
    "password", [GOOD, "demo-coordinator-2026", "雨后的河东公园第三棵梧桐树", "x7 Kp_ 93 qq vb"]
)
def test_long_passwords_of_any_kind_are_taken(password: str) -> None:
    """No rules about which characters."""
    passwords.check_new(password)


def test_a_hash_is_argon2id_and_salted() -> None:
    """The same password under two salts looks different, and only it matches."""
    one = passwords.make_hash(GOOD, salt=b"1" * 16)
    two = passwords.make_hash(GOOD, salt=b"2" * 16)
    assert one.startswith("$argon2id$")
    assert one != two
    assert passwords.matches(GOOD, one)
    assert not passwords.matches(GOOD + " ", one)
    assert not passwords.outdated(one)
    assert passwords.outdated("$argon2id$v=19$m=8,t=1,p=1$MTIzNDU2Nzg$" + "A" * 43)


def test_nobodys_password_matches_nothing() -> None:
    """Even the words the stand-in hash is made of, and a hash that cannot be read."""
    assert not passwords.matches("nobody has this password", None)
    assert not passwords.matches(GOOD, "not a hash")
