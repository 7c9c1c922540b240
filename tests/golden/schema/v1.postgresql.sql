-- The tables as version 1 made them.
CREATE TABLE account (
	login VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	role VARCHAR(16) NOT NULL,
	password_hash TEXT NOT NULL,
	disabled BOOLEAN NOT NULL,
	PRIMARY KEY (login)
);
CREATE TABLE audit_event (
	id SERIAL NOT NULL,
	at_ms BIGINT NOT NULL,
	who VARCHAR(64) NOT NULL,
	action VARCHAR(64) NOT NULL,
	what TEXT NOT NULL,
	facts TEXT NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE campaign (
	id VARCHAR(64) NOT NULL,
	year INTEGER NOT NULL,
	kind VARCHAR(16) NOT NULL,
	title_zh TEXT NOT NULL,
	title_en TEXT NOT NULL,
	checklist VARCHAR(64) NOT NULL,
	state VARCHAR(16) NOT NULL,
	draw_seed TEXT NOT NULL,
	draw TEXT NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE chain (
	device VARCHAR(64) NOT NULL,
	epoch VARCHAR(64) NOT NULL,
	seq BIGINT NOT NULL,
	hash VARCHAR(64) NOT NULL,
	PRIMARY KEY (device, epoch)
);
CREATE TABLE checked_device (
	inspection VARCHAR(64) NOT NULL,
	register_no VARCHAR(400) NOT NULL,
	classified BOOLEAN NOT NULL,
	problems INTEGER NOT NULL,
	tool_report TEXT NOT NULL,
	PRIMARY KEY (inspection, register_no)
);
CREATE TABLE checklist (
	hash VARCHAR(64) NOT NULL,
	code VARCHAR(64) NOT NULL,
	version VARCHAR(32) NOT NULL,
	title_zh TEXT NOT NULL,
	title_en TEXT NOT NULL,
	content BYTEA NOT NULL,
	PRIMARY KEY (hash),
	UNIQUE (code, version)
);
CREATE TABLE device (
	id VARCHAR(64) NOT NULL,
	squad VARCHAR(64) NOT NULL,
	name TEXT NOT NULL,
	platform TEXT NOT NULL,
	app TEXT NOT NULL,
	public_key VARCHAR(64) NOT NULL,
	enrolled_at_ms BIGINT NOT NULL,
	seen_at_ms BIGINT,
	revoked_at_ms BIGINT,
	PRIMARY KEY (id)
);
CREATE TABLE dispute (
	inspection VARCHAR(64) NOT NULL,
	field TEXT NOT NULL,
	item VARCHAR(64) NOT NULL,
	values_count INTEGER NOT NULL,
	PRIMARY KEY (inspection, field)
);
CREATE TABLE earlier_finding (
	id VARCHAR(64) NOT NULL,
	unit VARCHAR(64) NOT NULL,
	year INTEGER NOT NULL,
	item VARCHAR(64) NOT NULL,
	fact TEXT NOT NULL,
	open BOOLEAN NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE enrolment (
	code_hash VARCHAR(64) NOT NULL,
	device VARCHAR(64) NOT NULL,
	squad VARCHAR(64) NOT NULL,
	expires_at_ms BIGINT NOT NULL,
	used_at_ms BIGINT,
	PRIMARY KEY (code_hash)
);
CREATE TABLE evidence (
	inspection VARCHAR(64) NOT NULL,
	evidence VARCHAR(64) NOT NULL,
	item VARCHAR(64) NOT NULL,
	finding VARCHAR(64) NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	size_bytes BIGINT NOT NULL,
	media_type VARCHAR(32) NOT NULL,
	caption TEXT NOT NULL,
	person VARCHAR(64) NOT NULL,
	device VARCHAR(64) NOT NULL,
	op VARCHAR(64) NOT NULL,
	PRIMARY KEY (inspection, evidence)
);
CREATE INDEX evidence_sha256 ON evidence (sha256);
CREATE TABLE finding (
	inspection VARCHAR(64) NOT NULL,
	finding VARCHAR(64) NOT NULL,
	item VARCHAR(64) NOT NULL,
	severity VARCHAR(16) NOT NULL,
	cause TEXT NOT NULL,
	fact TEXT NOT NULL,
	basis TEXT NOT NULL,
	common BOOLEAN NOT NULL,
	occurrences INTEGER NOT NULL,
	register_no TEXT NOT NULL,
	disposal VARCHAR(16) NOT NULL,
	due VARCHAR(10) NOT NULL,
	fixed BOOLEAN NOT NULL,
	repeat_of VARCHAR(64) NOT NULL,
	duplicate_of VARCHAR(64) NOT NULL,
	withdrawn BOOLEAN NOT NULL,
	disputed BOOLEAN NOT NULL,
	person VARCHAR(64) NOT NULL,
	op VARCHAR(64) NOT NULL,
	PRIMARY KEY (inspection, finding)
);
CREATE TABLE "freeze" (
	id VARCHAR(64) NOT NULL,
	campaign VARCHAR(64) NOT NULL,
	at_ms BIGINT NOT NULL,
	by VARCHAR(64) NOT NULL,
	engine VARCHAR(32) NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE frozen_sheet (
	"freeze" VARCHAR(64) NOT NULL,
	inspection VARCHAR(64) NOT NULL,
	number BIGINT NOT NULL,
	checklist VARCHAR(64) NOT NULL,
	percent NUMERIC,
	grade VARCHAR(32),
	sheet BYTEA NOT NULL,
	findings BYTEA NOT NULL,
	PRIMARY KEY ("freeze", inspection)
);
CREATE TABLE inspection (
	id VARCHAR(64) NOT NULL,
	campaign VARCHAR(64) NOT NULL,
	unit VARCHAR(64) NOT NULL,
	squad VARCHAR(64) NOT NULL,
	planned_date VARCHAR(10) NOT NULL,
	checklist VARCHAR(64) NOT NULL,
	responsible_person VARCHAR(64) NOT NULL,
	last_number BIGINT DEFAULT '0' NOT NULL,
	log_head VARCHAR(64) DEFAULT '' NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX inspection_campaign ON inspection (campaign);
CREATE INDEX inspection_squad ON inspection (squad);
CREATE TABLE interview (
	inspection VARCHAR(64) NOT NULL,
	interview VARCHAR(64) NOT NULL,
	category VARCHAR(16) NOT NULL,
	required INTEGER NOT NULL,
	held INTEGER NOT NULL,
	PRIMARY KEY (inspection, interview)
);
CREATE TABLE inventory (
	unit VARCHAR(64) NOT NULL,
	register_no VARCHAR(64) NOT NULL,
	classified BOOLEAN NOT NULL,
	department TEXT NOT NULL,
	kind VARCHAR(32) NOT NULL,
	PRIMARY KEY (unit, register_no)
);
CREATE TABLE meta (
	key VARCHAR(64) NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (key)
);
CREATE TABLE operation (
	id VARCHAR(64) NOT NULL,
	inspection VARCHAR(64) NOT NULL,
	number BIGINT NOT NULL,
	person VARCHAR(64) NOT NULL,
	device VARCHAR(64) NOT NULL,
	epoch VARCHAR(64) NOT NULL,
	seq BIGINT NOT NULL,
	prev VARCHAR(64) NOT NULL,
	hash VARCHAR(64) NOT NULL,
	kind VARCHAR(64) NOT NULL,
	at_ms BIGINT NOT NULL,
	received_at_ms BIGINT NOT NULL,
	held BOOLEAN NOT NULL,
	raw BYTEA NOT NULL,
	log_head VARCHAR(64) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (inspection, number)
);
CREATE INDEX operation_chain ON operation (device, epoch, seq);
CREATE TABLE person (
	id VARCHAR(64) NOT NULL,
	name_zh TEXT NOT NULL,
	name_en TEXT NOT NULL,
	unit VARCHAR(64) NOT NULL,
	experienced BOOLEAN NOT NULL,
	certified_no TEXT NOT NULL,
	certified_until VARCHAR(10) NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE photo (
	sha256 VARCHAR(64) NOT NULL,
	size_bytes BIGINT NOT NULL,
	media_type VARCHAR(32) NOT NULL,
	device VARCHAR(64) NOT NULL,
	received_at_ms BIGINT NOT NULL,
	PRIMARY KEY (sha256)
);
CREATE TABLE refusal (
	device VARCHAR(64) NOT NULL,
	hash VARCHAR(64) NOT NULL,
	problem VARCHAR(64) NOT NULL,
	facts TEXT NOT NULL,
	received_at_ms BIGINT NOT NULL,
	raw BYTEA NOT NULL,
	op VARCHAR(64) NOT NULL,
	inspection VARCHAR(64) NOT NULL,
	person VARCHAR(64) NOT NULL,
	epoch VARCHAR(64) NOT NULL,
	seq BIGINT NOT NULL,
	prev VARCHAR(64) NOT NULL,
	PRIMARY KEY (device, hash)
);
CREATE INDEX refusal_chain ON refusal (device, epoch, seq);
CREATE TABLE score_deduction (
	inspection VARCHAR(64) NOT NULL,
	item VARCHAR(64) NOT NULL,
	line INTEGER NOT NULL,
	points NUMERIC NOT NULL,
	rule VARCHAR(32) NOT NULL,
	reason VARCHAR(64) NOT NULL,
	text_zh TEXT NOT NULL,
	text_en TEXT NOT NULL,
	ops TEXT NOT NULL,
	persons TEXT NOT NULL,
	devices TEXT NOT NULL,
	findings TEXT NOT NULL,
	evidence TEXT NOT NULL,
	PRIMARY KEY (inspection, item, line)
);
CREATE TABLE score_item (
	inspection VARCHAR(64) NOT NULL,
	item VARCHAR(64) NOT NULL,
	section VARCHAR(64) NOT NULL,
	points_max NUMERIC NOT NULL,
	earned_low NUMERIC,
	earned_high NUMERIC,
	status VARCHAR(32) NOT NULL,
	PRIMARY KEY (inspection, item)
);
CREATE TABLE score_section (
	inspection VARCHAR(64) NOT NULL,
	section VARCHAR(64) NOT NULL,
	points_max NUMERIC NOT NULL,
	applicable NUMERIC,
	earned_low NUMERIC,
	earned_high NUMERIC,
	PRIMARY KEY (inspection, section)
);
CREATE TABLE score_sheet (
	inspection VARCHAR(64) NOT NULL,
	campaign VARCHAR(64) NOT NULL,
	unit VARCHAR(64) NOT NULL,
	squad VARCHAR(64) NOT NULL,
	number BIGINT NOT NULL,
	stage VARCHAR(16) NOT NULL,
	status VARCHAR(32) NOT NULL,
	percent NUMERIC,
	percent_low NUMERIC,
	percent_high NUMERIC,
	grade VARCHAR(32),
	grade_low VARCHAR(32),
	grade_high VARCHAR(32),
	base_low NUMERIC,
	base_high NUMERIC,
	applicable NUMERIC,
	aggravating NUMERIC,
	items_open INTEGER NOT NULL,
	disputes INTEGER NOT NULL,
	held INTEGER NOT NULL,
	checklist VARCHAR(64) NOT NULL,
	engine VARCHAR(32) NOT NULL,
	sheet BYTEA NOT NULL,
	PRIMARY KEY (inspection)
);
CREATE INDEX score_sheet_campaign ON score_sheet (campaign);
CREATE TABLE session (
	token_hash VARCHAR(64) NOT NULL,
	login VARCHAR(64) NOT NULL,
	csrf VARCHAR(64) NOT NULL,
	created_at_ms BIGINT NOT NULL,
	seen_at_ms BIGINT NOT NULL,
	PRIMARY KEY (token_hash)
);
CREATE TABLE squad (
	id VARCHAR(64) NOT NULL,
	campaign VARCHAR(64) NOT NULL,
	name_zh TEXT NOT NULL,
	name_en TEXT NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE squad_member (
	squad VARCHAR(64) NOT NULL,
	person VARCHAR(64) NOT NULL,
	role VARCHAR(16) NOT NULL,
	PRIMARY KEY (squad, person)
);
CREATE TABLE state (
	inspection VARCHAR(64) NOT NULL,
	number BIGINT NOT NULL,
	content BYTEA NOT NULL,
	PRIMARY KEY (inspection)
);
CREATE TABLE unit (
	id VARCHAR(64) NOT NULL,
	name_zh TEXT NOT NULL,
	name_en TEXT NOT NULL,
	kind VARCHAR(32) NOT NULL,
	parent_area TEXT NOT NULL,
	parent_system TEXT NOT NULL,
	address TEXT NOT NULL,
	contact TEXT NOT NULL,
	profile TEXT NOT NULL,
	PRIMARY KEY (id)
);
