"""What the square code on a coordinator's screen and paper says: where a tablet is enrolled, and with which code."""

from typing import NamedTuple

from shared_schema.problems import Problem

MARK = "hucha-enrol"


class EnrolmentCode(NamedTuple):
    """The server's address and a one-time code."""

    server: str
    code: str

    @property
    def text(self) -> str:
        """As the square code says it."""
        return f"{MARK} {self.server} {self.code}"


def read_enrolment(text: str) -> EnrolmentCode:
    """What was scanned. Raises code_foreign."""
    mark, *facts = text.split()
    if mark != MARK or len(facts) != 2:
        raise Problem("code_foreign")
    return EnrolmentCode(*facts)
