CREATE TABLE actions (
  id INTEGER NOT NULL,
  interruption TEXT NOT NULL,
  at BIGINT NOT NULL,
  body TEXT NOT NULL,
  CONSTRAINT actions_key PRIMARY KEY (id)
  );

CREATE TABLE alembic_version (
  version_num VARCHAR(32) NOT NULL,
  CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
  );

INSERT INTO "alembic_version" VALUES('1.13');

CREATE TABLE audit (
  id INTEGER NOT NULL,
  at BIGINT NOT NULL,
  author TEXT NOT NULL,
  role TEXT NOT NULL,
  what TEXT NOT NULL,
  subject TEXT NOT NULL,
  note TEXT NOT NULL,
  CONSTRAINT audit_key PRIMARY KEY (id)
  );

CREATE TABLE blind_spans (
  moment TEXT NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT,
  reason TEXT NOT NULL,
  CONSTRAINT blind_spans_key PRIMARY KEY (moment, since)
  );

CREATE TABLE breaks (
  moment TEXT NOT NULL,
  ref TEXT NOT NULL,
  at BIGINT NOT NULL,
  customer TEXT NOT NULL,
  value BIGINT DEFAULT 0 NOT NULL,
  dims TEXT NOT NULL,
  reason TEXT,
  settled_at BIGINT,
  late BOOLEAN DEFAULT false NOT NULL,
  promised BOOLEAN DEFAULT false NOT NULL,
  CONSTRAINT breaks_key PRIMARY KEY (moment, ref)
  );

CREATE TABLE contacts (
  id INTEGER NOT NULL,
  interruption TEXT NOT NULL,
  customer TEXT NOT NULL,
  state TEXT NOT NULL,
  at BIGINT NOT NULL,
  author TEXT NOT NULL,
  note TEXT NOT NULL,
  CONSTRAINT contacts_key PRIMARY KEY (id)
  );

CREATE TABLE counts (
  partition BIGINT NOT NULL,
  name TEXT NOT NULL,
  label TEXT NOT NULL,
  n BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT counts_key PRIMARY KEY (partition, name, label)
  );

CREATE TABLE customers (
  customer TEXT NOT NULL,
  segment TEXT,
  listed BOOLEAN DEFAULT false NOT NULL,
  listed_value BIGINT,
  told_value BIGINT,
  told_at BIGINT,
  CONSTRAINT customers_key PRIMARY KEY (customer)
  );

CREATE TABLE dead_letters (
  id INTEGER NOT NULL,
  partition BIGINT NOT NULL,
  record BIGINT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  payload BLOB NOT NULL,
  buried_at BIGINT, headers BLOB,
  CONSTRAINT dead_letters_key PRIMARY KEY (id),
  CONSTRAINT dead_letters_partition_exists FOREIGN KEY(partition) REFERENCES partitions (id)
  );

CREATE TABLE decisions (
  id INTEGER NOT NULL,
  interruption TEXT NOT NULL,
  at BIGINT NOT NULL,
  body TEXT NOT NULL,
  CONSTRAINT decisions_key PRIMARY KEY (id)
  );

CREATE TABLE desk (
  id BIGINT NOT NULL,
  tick BIGINT NOT NULL,
  body TEXT NOT NULL,
  CONSTRAINT desk_key PRIMARY KEY (id)
  );

CREATE TABLE durations (
  moment TEXT NOT NULL,
  opens BIGINT NOT NULL,
  dims TEXT NOT NULL,
  late BOOLEAN NOT NULL,
  bucket INTEGER NOT NULL,
  n BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT durations_key PRIMARY KEY (moment, opens, dims, late, bucket)
  )
  WITHOUT ROWID
  ;

CREATE TABLE edits (
  id INTEGER NOT NULL,
  at BIGINT NOT NULL,
  moment TEXT NOT NULL,
  what TEXT NOT NULL,
  was TEXT NOT NULL,
  now TEXT NOT NULL,
  looser BOOLEAN DEFAULT false NOT NULL,
  CONSTRAINT edits_key PRIMARY KEY (id)
  );

CREATE TABLE forgotten (
  mark TEXT NOT NULL,
  tombstone TEXT NOT NULL,
  at BIGINT NOT NULL,
  CONSTRAINT forgotten_key PRIMARY KEY (mark)
  );

CREATE TABLE gaps (
  id INTEGER NOT NULL,
  partition BIGINT NOT NULL,
  first BIGINT NOT NULL,
  "after" BIGINT NOT NULL,
  at BIGINT NOT NULL,
  since BIGINT,
  until BIGINT NOT NULL,
  CONSTRAINT gaps_key PRIMARY KEY (id),
  CONSTRAINT gaps_partition_exists FOREIGN KEY(partition) REFERENCES partitions (id)
  );

CREATE TABLE handlings (
  interruption TEXT NOT NULL,
  noise_at BIGINT,
  body TEXT NOT NULL,
  CONSTRAINT handlings_key PRIMARY KEY (interruption)
  );

CREATE TABLE id_hashes (
  partition BIGINT NOT NULL,
  upto BIGINT NOT NULL,
  watermark BIGINT NOT NULL,
  blob BLOB NOT NULL,
  CONSTRAINT id_hashes_key PRIMARY KEY (partition, upto),
  CONSTRAINT id_hashes_partition_exists FOREIGN KEY(partition) REFERENCES partitions (id)
  )
  WITHOUT ROWID
  ;

CREATE TABLE interruptions (
  id TEXT NOT NULL,
  moment TEXT NOT NULL,
  segment TEXT NOT NULL,
  rule TEXT NOT NULL,
  is_open BOOLEAN DEFAULT false NOT NULL,
  detected_at BIGINT NOT NULL,
  resolved_at BIGINT,
  body TEXT NOT NULL,
  CONSTRAINT interruptions_key PRIMARY KEY (id)
  );

CREATE TABLE judged (
  moment TEXT NOT NULL,
  judged_through BIGINT,
  tick BIGINT DEFAULT 0 NOT NULL,
  learning TEXT,
  series TEXT,
  CONSTRAINT judged_key PRIMARY KEY (moment)
  );

CREATE TABLE moments (
  moment TEXT NOT NULL,
  closed_through BIGINT, hourly_through BIGINT, given_up_through BIGINT, given_up_key TEXT, expired_through BIGINT, expired_key TEXT,
  CONSTRAINT moments_key PRIMARY KEY (moment)
  );

CREATE TABLE news (
  id INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  routed BOOLEAN DEFAULT false NOT NULL,
  at BIGINT NOT NULL,
  body TEXT NOT NULL,
  CONSTRAINT news_key PRIMARY KEY (id),
  CONSTRAINT news_key_once UNIQUE ("key")
  );

CREATE TABLE outbox (
  id INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  target TEXT NOT NULL,
  state TEXT NOT NULL,
  epoch BIGINT DEFAULT 0 NOT NULL,
  attempts BIGINT DEFAULT 0 NOT NULL,
  created_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  sent_at BIGINT,
  last_error TEXT NOT NULL,
  ambiguous BOOLEAN DEFAULT false NOT NULL,
  body TEXT NOT NULL, thread TEXT DEFAULT '' NOT NULL, handle TEXT DEFAULT '' NOT NULL,
  CONSTRAINT outbox_key PRIMARY KEY (id),
  CONSTRAINT outbox_key_once UNIQUE ("key")
  );

CREATE TABLE partitions (
  id INTEGER NOT NULL,
  topic TEXT NOT NULL,
  number INTEGER NOT NULL,
  topic_id TEXT NOT NULL,
  epoch BIGINT DEFAULT 0 NOT NULL,
  position BIGINT,
  latest BIGINT,
  looked_at BIGINT,
  ended BOOLEAN DEFAULT false NOT NULL,
  retired BOOLEAN DEFAULT false NOT NULL,
  superseded BOOLEAN DEFAULT false NOT NULL,
  ids BIGINT DEFAULT 0 NOT NULL, first BIGINT, log_end BIGINT,
  CONSTRAINT partitions_key PRIMARY KEY (id),
  CONSTRAINT partitions_topic_number_topic_id_once UNIQUE (topic, number, topic_id)
  );

CREATE TABLE promises (
  moment TEXT NOT NULL,
  "key" TEXT NOT NULL,
  due BIGINT,
  waiting BOOLEAN DEFAULT false NOT NULL,
  expires BOOLEAN DEFAULT false NOT NULL,
  body TEXT NOT NULL, customer TEXT,
  CONSTRAINT promises_key PRIMARY KEY (moment, "key")
  );

CREATE TABLE restatements (
  id INTEGER NOT NULL,
  moment TEXT NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT NOT NULL,
  source TEXT NOT NULL,
  counted BIGINT DEFAULT 0 NOT NULL,
  attempts BIGINT DEFAULT 0 NOT NULL,
  broken BIGINT DEFAULT 0 NOT NULL,
  arrivals BIGINT DEFAULT 0 NOT NULL,
  at BIGINT,
  CONSTRAINT restatements_key PRIMARY KEY (id)
  );

CREATE TABLE risk_marks (
  interruption TEXT NOT NULL,
  what TEXT NOT NULL,
  at BIGINT NOT NULL,
  body TEXT NOT NULL,
  CONSTRAINT risk_marks_key PRIMARY KEY (interruption, what)
  );

CREATE TABLE salts (
  name TEXT NOT NULL,
  value BLOB NOT NULL,
  CONSTRAINT salts_key PRIMARY KEY (name)
  );

CREATE TABLE shown (
  name TEXT NOT NULL,
  mark TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  took BIGINT NOT NULL,
  body BLOB NOT NULL,
  CONSTRAINT shown_key PRIMARY KEY (name)
  );

CREATE TABLE signals (
  moment TEXT NOT NULL,
  opens BIGINT NOT NULL,
  dims TEXT NOT NULL,
  late BOOLEAN NOT NULL,
  name TEXT NOT NULL,
  n BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT signals_key PRIMARY KEY (moment, opens, dims, late, name)
  )
  WITHOUT ROWID
  ;

CREATE TABLE silences (
  id TEXT NOT NULL,
  starts BIGINT NOT NULL,
  ends BIGINT NOT NULL,
  body TEXT NOT NULL,
  CONSTRAINT silences_key PRIMARY KEY (id)
  );

CREATE TABLE snapshots (
  moment TEXT NOT NULL,
  judged_through BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  state TEXT NOT NULL,
  CONSTRAINT snapshots_key PRIMARY KEY (moment)
  );

CREATE TABLE tallies (
  moment TEXT NOT NULL,
  opens BIGINT NOT NULL,
  dims TEXT NOT NULL,
  late BOOLEAN NOT NULL,
  attempts BIGINT DEFAULT 0 NOT NULL,
  broken BIGINT DEFAULT 0 NOT NULL,
  cancelled BIGINT DEFAULT 0 NOT NULL,
  arrivals BIGINT DEFAULT 0 NOT NULL,
  value BIGINT DEFAULT 0 NOT NULL,
  broken_value BIGINT DEFAULT 0 NOT NULL,
  duration_ms BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT tallies_key PRIMARY KEY (moment, opens, dims, late)
  )
  WITHOUT ROWID
  ;

CREATE TABLE timeline (
  id INTEGER NOT NULL,
  interruption TEXT NOT NULL,
  at BIGINT NOT NULL,
  what TEXT NOT NULL,
  note TEXT NOT NULL,
  author TEXT NOT NULL,
  CONSTRAINT timeline_key PRIMARY KEY (id)
  );

CREATE TABLE voices (
  id INTEGER NOT NULL,
  partition BIGINT NOT NULL,
  record BIGINT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  moment TEXT,
  body TEXT NOT NULL, customer TEXT,
  CONSTRAINT voices_key PRIMARY KEY (id),
  CONSTRAINT voices_partition_exists FOREIGN KEY(partition) REFERENCES partitions (id)
  );

CREATE INDEX breaks_by_time ON breaks (moment, at);

CREATE INDEX interruptions_by_detection ON interruptions (detected_at, id);

CREATE UNIQUE INDEX interruptions_one_open ON interruptions (moment, segment, rule) WHERE is_open;

CREATE INDEX outbox_by_due ON outbox (state, due_at);

CREATE INDEX timeline_of ON timeline (interruption, id);

CREATE INDEX voices_by_time ON voices (kind, at);

CREATE INDEX news_to_route ON news (id) WHERE NOT routed;

CREATE INDEX silences_by_end ON silences (ends);

CREATE INDEX handlings_by_noise ON handlings (noise_at);

CREATE INDEX actions_of ON actions (interruption, id);

CREATE INDEX decisions_of ON decisions (interruption, id);

CREATE INDEX voices_by_customer ON voices (customer);

CREATE INDEX contacts_of ON contacts (interruption, customer, id);

CREATE INDEX outbox_by_thread ON outbox (target, thread, id);

CREATE INDEX promises_by_due ON promises (moment, due, "key");
