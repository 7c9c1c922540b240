"""How chance enters the draw, and what its inputs are named by."""

import hashlib

import msgspec

from server.planning.lots import Lots, canonical, inputs_hash
from server.planning.records import Candidates
from shared_schema.chance import Chance
from tests.unit.server.planning.district import ANN, BEA, CAI, A, B, make_candidates


def test_an_order_is_the_sorted_names_shuffled_by_the_stream_of_its_purpose() -> None:
    by_hand = ["U-A", "U-B", "U-C"]
    Chance("HD-2026/0/unit").shuffle(by_hand)
    lots = Lots("HD-2026", 0)
    assert lots.shuffled("unit", {"U-C", "U-A", "U-B"}) == by_hand
    assert lots.places("unit", ["U-B", "U-C", "U-A"]) == {name: place for place, name in enumerate(by_hand)}


def test_purposes_and_attempts_have_streams_of_their_own() -> None:
    names = [f"U{n:02}" for n in range(20)]
    orders = {
        tuple(Lots("HD-2026", attempt).shuffled(purpose, names))
        for attempt in (0, 1)
        for purpose in ("unit", "people")
    }
    assert len(orders) == 4


def test_the_inputs_hash_is_sha_256_over_plain_sorted_json() -> None:
    text = (
        '{"days":[],"hosts":[],"interests":[["ann","U-A"]],"last_year":[["U-A",["ann","bea"]]],"members":[],'
        '"members_min":2,"repeat_people_max":1,"squad_count":0,"squads":[],"visits_per_day_max":2}'
    )
    pool = Candidates(
        hosts=(), members=(), days=(), interests=((ANN, A), (ANN, A)), last_year=((A, (BEA,)), (A, (ANN,)))
    )
    assert msgspec.json.encode(canonical(pool), order="sorted").decode() == text
    assert inputs_hash(pool) == hashlib.sha256(text.encode()).hexdigest()


def test_the_inputs_hash_changes_with_every_part_of_the_inputs() -> None:
    pool = make_candidates()
    others = [
        make_candidates(hosts=pool.hosts[1:]),
        make_candidates(members=pool.members[:-1]),
        make_candidates(days=pool.days[1:]),
        make_candidates(squads=()),
        make_candidates(squad_count=3),
        make_candidates(interests=((CAI, B),)),
        make_candidates(last_year=((B, (CAI,)),)),
        make_candidates(members_min=3),
        make_candidates(visits_per_day_max=1),
        make_candidates(repeat_people_max=0),
    ]
    assert len({inputs_hash(one) for one in (pool, *others)}) == 11
