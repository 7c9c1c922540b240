"""The squad's verbs, by subject in `verbs_…`: each checks, makes one operation, and writes it in one transaction.

A verb returns the Operation once it is committed, or raises a Problem with nothing written. `seen` is
what the person had on the screen for that field (a row's `seen`); without it, what the store holds
now. On a field in dispute an ordinary tap replaces only this person's own values: ending a dispute is
`settle`, by somebody who saw all of it.
"""

from mobile.verbs_answers import Answering
from mobile.verbs_closing import Closing
from mobile.verbs_computers import OnComputers
from mobile.verbs_findings import OnFindings
from mobile.verbs_photos import OnPhotos
from mobile.visits import Visits


class Desk(Visits, Answering, OnFindings, OnComputers, OnPhotos, Closing):
    """The verbs over one store."""
