"""Settings come from the environment and from arguments, and a mistake is named."""

from pathlib import Path

import pytest

from server.settings import Settings


def test_without_anything_the_embedded_database_is_used() -> None:
    settings = Settings.load({})
    assert settings.database_url == "sqlite:///var/hucha/hucha.db"
    assert settings.url == "http://127.0.0.1:8470"
    assert settings.photo_dir == Path("var/hucha/photos")


def test_the_environment_is_read_and_an_argument_wins() -> None:
    env = {"HUCHA_PORT": "9000", "HUCHA_DATA": "/srv/hucha", "HUCHA_HTTPS": "true", "OTHER": "x"}
    settings = Settings.load(env, port=1, host=None)
    assert (settings.port, settings.data, settings.https, settings.host) == (
        1,
        Path("/srv/hucha"),
        True,
        "127.0.0.1",
    )


@pytest.mark.parametrize(
    ("env", "arguments", "names"),
    [
        ({"HUCHA_PORT": "many"}, {}, "port"),
        ({}, {"port": 99999}, "port"),
        ({}, {"prot": 1}, "prot"),
        ({"HUCHA_HTTPS": "perhaps"}, {}, "https"),
    ],
)
def test_a_mistake_is_named(env: dict[str, str], arguments: dict[str, int], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        Settings.load(env, **arguments)
