"""What people write of a basis: articles by their names, read back as the articles they are."""

import pytest

from mobile.words import basis_codes, basis_texts
from shared_schema.problems import Language


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_basis_that_nobody_changes_is_read_back_as_it_was(language: Language) -> None:
    """An amended finding keeps its articles, whoever amends it in whichever language."""
    basis = ("law:26", "reg:56", "reg:17-2", "本单位制度 3.2 节", "part:4")
    assert basis_codes("；".join(basis_texts(basis, language))) == basis
    assert basis_codes("; ".join(basis_texts(basis, language))) == basis


@pytest.mark.parametrize(
    ("text", "basis"),
    [
        ("", ()),
        (" ；;\n", ()),
        ("《保密法》第8条；《保密法》第 8 条", ("law:8",)),
        ("law:8", ("law:8",)),
        ("《保密法》第八条", ("《保密法》第八条",)),
        ("《保密法》", ("《保密法》",)),
        ("Secrecy Law, art. 8\n自查通知", ("law:8", "自查通知")),
    ],
)
def test_a_basis_is_read_as_it_is_typed(text: str, basis: tuple[str, ...]) -> None:
    """Blanks do not matter, nothing is said twice, and what is no article's name stays as it was written."""
    assert basis_codes(text) == basis
