"""Before the visits: units, people, squads, the draw."""
