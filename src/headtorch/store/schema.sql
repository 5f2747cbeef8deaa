-- One file holds one run of one script. PRAGMA application_id is 'htdb', PRAGMA user_version the version of this schema.

-- What is true of the whole run, as JSON: script, arguments, versions, when it started, how it ended.
CREATE TABLE fact (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The user's own source files, as they were when they were first met in a stack.
CREATE TABLE source (
    file TEXT PRIMARY KEY,
    text TEXT NOT NULL
) WITHOUT ROWID;

-- What the run consists of, as JSON of the structs in records.py: kind is objective, parameter, optimizer or module,
-- and tried: findings, by tried.py.
-- A later row replaces an earlier one of the same kind and id.
CREATE TABLE record (
    kind  TEXT NOT NULL,
    id    INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- What happens once or seldom: a change of mode, of settings, a NaN. `step` is the number of backward passes before it.
CREATE TABLE event (
    id    INTEGER PRIMARY KEY,
    step  INTEGER NOT NULL,
    kind  TEXT NOT NULL,
    value TEXT NOT NULL
);

-- What is measured at many steps: `steps` is little-endian int64, one a row; `samples` is little-endian float32,
-- rows x width, so that NaN and infinity keep their bits. `owner` is the objective's (or optimizer's) id.
CREATE TABLE block (
    id       INTEGER PRIMARY KEY,
    owner    INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    width    INTEGER NOT NULL,
    steps    BLOB NOT NULL,
    samples  BLOB NOT NULL
);
CREATE INDEX block_by_quantity ON block (quantity, owner);

-- What was in blocks, of long runs: many blocks of one series as one row, packed by packing.py, and of old steps only some.
-- It comes before the blocks of its series. The fact `packed` counts up whenever rows are moved or taken out.
CREATE TABLE packed (
    id       INTEGER PRIMARY KEY,
    owner    INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    width    INTEGER NOT NULL,
    rows     INTEGER NOT NULL,
    steps    BLOB NOT NULL,
    samples  BLOB NOT NULL
);
CREATE INDEX packed_by_quantity ON packed (quantity, owner);
