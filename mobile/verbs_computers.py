"""The verbs of samples, computers and talks."""

from collections.abc import Sequence

from msgspec.structs import replace

from mobile.tap import Seen, Tap
from shared_schema.chance import draw_sample
from shared_schema.ids import InspectionId, PersonId
from shared_schema.operations import (
    DeviceChecked,
    InterviewCategory,
    InterviewHeld,
    Operation,
    SampleDrawn,
    stands_for,
)
from shared_schema.problems import Problem


class OnComputers:
    """Samples, the computers in them, and talks."""

    _tap: Tap

    def draw_sample(
        self,
        person: PersonId,
        inspection: InspectionId,
        size: int,
        *,
        population: Sequence[str] | None = None,
        item: str = "",
        seed: str = "",
        sample: str = "",
        replaced: Sequence[tuple[str, str, str]] = (),
        seen: Seen = None,
    ) -> Operation:
        """Draws a sample that anyone can draw again; from the unit's computers unless a population is given."""
        if population is None:
            population = [one.register_no for one in self._tap.assigned(inspection)[0].inventory]
        seed = seed or self._tap.new_id()
        population_hash, drawn = draw_sample(population, size, seed)
        body = SampleDrawn(
            sample=sample or self._tap.new_id(),
            item=item,
            population_hash=population_hash,
            population_size=len(set(population)),
            seed=seed,
            drawn=drawn,
            replaced=tuple(replaced),
        )
        return self._tap.write(person, inspection, body, seen)

    def substitute(
        self, person: PersonId, inspection: InspectionId, sample: str, drawn: str, other: str, reason: str
    ) -> Operation:
        """Another computer is checked instead of one that was drawn. Raises not_found, substitute_invalid."""
        standing = self._tap.standing(inspection, f"sample/{sample}", person)
        body = stands_for(standing[0].body) if standing else None
        if not isinstance(body, SampleDrawn) or drawn not in body.drawn:
            raise Problem("not_found", what=drawn)
        kept = tuple(one for one in body.replaced if one[0] != drawn)
        taken = {*body.drawn, *(one[1] for one in kept)}
        known = {one.register_no for one in self._tap.assigned(inspection)[0].inventory}
        if not reason.strip() or other in taken or other not in known:
            raise Problem("substitute_invalid", register_no=other)
        amended = replace(body, replaced=(*kept, (drawn, other, reason.strip())))
        return self._tap.write(person, inspection, amended, tuple(one.id for one in standing))

    def check_device(
        self,
        person: PersonId,
        inspection: InspectionId,
        register_no: str,
        *,
        classified: bool,
        problems: int = 0,
        tool_report: str = "",
        remark: str = "",
        seen: Seen = None,
    ) -> Operation:
        """The result of looking at one computer."""
        body = DeviceChecked(
            register_no=register_no,
            classified=classified,
            problems=problems,
            tool_report=tool_report,
            remark=remark,
        )
        return self._tap.write(person, inspection, body, seen)

    def hold_interview(
        self,
        person: PersonId,
        inspection: InspectionId,
        category: InterviewCategory,
        *,
        required: int,
        held: int,
        points: str = "",
        interview: str = "",
        seen: Seen = None,
    ) -> Operation:
        """Talks of one category; `interview` names an earlier record to write anew."""
        body = InterviewHeld(
            interview=interview or self._tap.new_id(),
            category=category,
            required=required,
            held=held,
            points=points,
        )
        return self._tap.write(person, inspection, body, seen)
