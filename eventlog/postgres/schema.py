"""The schema `eventlog`: its tables, and the functions that are the only way records get in.

Positions become visible in their order because every writer holds one advisory lock from before it reads the
head until its transaction is visible. The lock must be the first statement of a plpgsql function: only the
statements after it get a snapshot that was taken under the lock.

`head.format` is the number of the format: how many of the `STEPS` were taken. A new database takes all of them; an
older one takes those it lacks, in one transaction.
"""

from typing import Any

from eventlog.log import LogError

Steps = tuple[tuple[str, ...], ...]
"""The formats in their order: each the statements that lead to it from the one before, from no schema at first."""

LOCK = 0x65736C67
"""The advisory lock's key, the letters `eslg`. Advisory locks are a database's own."""

STEP_SECONDS = 3_600.0
"""How long a statement of a migration may take: there may be many records."""

CHANNEL = "eventlog"
"""Where each commit notifies, without a payload."""

_TABLES = """
CREATE SCHEMA eventlog;

CREATE TABLE eventlog.event(
  position bigint PRIMARY KEY,
  stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  time bigint NOT NULL,
  metadata bytea NOT NULL,
  data bytea NOT NULL,
  leaf_hash bytea NOT NULL,
  CONSTRAINT event_stream UNIQUE (stream, version)
);
ALTER TABLE eventlog.event ALTER leaf_hash SET STORAGE PLAIN;

CREATE TABLE eventlog.head(
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  format integer NOT NULL,
  size bigint NOT NULL,
  time bigint NOT NULL,
  frontier bytea NOT NULL
) WITH (fillfactor = 10);
ALTER TABLE eventlog.head ALTER frontier SET STORAGE PLAIN;
INSERT INTO eventlog.head(format, size, time, frontier) VALUES (0, 0, 0, '');

CREATE FUNCTION eventlog.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the log is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER event_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON eventlog.event
  FOR EACH STATEMENT EXECUTE FUNCTION eventlog.refuse();
CREATE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON eventlog.head
  FOR EACH STATEMENT EXECUTE FUNCTION eventlog.refuse();
CREATE TRIGGER head_grows BEFORE UPDATE ON eventlog.head
  FOR EACH ROW WHEN (NEW.size < OLD.size OR NEW.format < OLD.format OR NEW.size = OLD.size AND NEW.format = OLD.format)
  EXECUTE FUNCTION eventlog.refuse();
"""

_LOCK_HEAD = """
CREATE FUNCTION eventlog.lock_head(OUT size bigint, OUT "time" bigint, OUT frontier bytea)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock({lock});
  SELECT h.size, h.time, h.frontier INTO size, "time", frontier FROM eventlog.head h;
  IF size IS NULL OR size <> (SELECT coalesce(max(e.position), 0) FROM eventlog.event e) THEN
    RAISE EXCEPTION 'the last record isn''t where the head says' USING ERRCODE = 'data_corrupted';
  END IF;
END $$;
"""

# Nothing is stored when the head isn't `p_frontier_before` (it returns the true one), or when a stream isn't at
# the version that was expected (it returns those that aren't, with their versions).
_APPEND = """
CREATE FUNCTION eventlog.append(
  p_frontier_before bytea, p_frontier bytea, p_time bigint, p_guarded text[], p_expected bigint[],
  p_stream text[], p_version bigint[], p_type text[], p_metadata bytea[], p_data bytea[], p_leaf_hash bytea[],
  OUT stored boolean, OUT size bigint, OUT "time" bigint, OUT frontier bytea, OUT streams text[], OUT versions bigint[]
) LANGUAGE plpgsql AS $$
BEGIN
  SELECT h.size, h.time, h.frontier INTO size, "time", frontier FROM eventlog.lock_head() h;
  stored := false;
  IF frontier <> p_frontier_before THEN
    RETURN;
  END IF;
  SELECT array_agg(g.stream), array_agg(a.version) INTO streams, versions
    FROM unnest(p_guarded, p_expected) AS g(stream, expected)
    CROSS JOIN LATERAL (SELECT coalesce((
      SELECT e.version FROM eventlog.event e WHERE e.stream = g.stream ORDER BY e.version DESC LIMIT 1
    ), 0) AS version) a
    WHERE a.version <> g.expected;
  IF streams IS NOT NULL THEN
    RETURN;
  END IF;
  INSERT INTO eventlog.event(position, stream, version, type, time, metadata, data, leaf_hash)
    SELECT size + n.ordinality, n.stream, n.version, n.type, p_time, n.metadata, n.data, n.leaf_hash
    FROM unnest(p_stream, p_version, p_type, p_metadata, p_data, p_leaf_hash) WITH ORDINALITY
      AS n(stream, version, type, metadata, data, leaf_hash, ordinality);
  UPDATE eventlog.head h SET size = h.size + cardinality(p_stream), time = p_time, frontier = p_frontier;
  PERFORM pg_notify('{channel}', '');
  stored := true;
END $$;
"""

_POSITION_AT = """
CREATE FUNCTION eventlog.position_at(p_time bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  low bigint := 0;
  high bigint := (SELECT h.size FROM eventlog.head h);
  middle bigint;
  found_time bigint;
BEGIN
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    SELECT e.time INTO found_time FROM eventlog.event e WHERE e.position = middle;
    IF found_time IS NULL THEN
      RAISE EXCEPTION 'position % is missing', middle USING ERRCODE = 'data_corrupted';
    ELSIF found_time <= p_time THEN
      low := middle;
    ELSE
      high := middle - 1;
    END IF;
  END LOOP;
  RETURN low;
END $$;
"""


STEPS: Steps = ((_TABLES, _LOCK_HEAD, _APPEND, _POSITION_AT),)
"""A released step is never edited: a change of the format is another step behind it."""


async def prepare(connection: Any, steps: Steps = STEPS) -> None:  # noqa: ANN401 - asyncpg ships no annotations
    """Bring the schema to the newest format, an absent one from the beginning. All or nothing; safe among processes.

    Raises `LogError` for a schema of a newer format.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        number = await _format(connection)
        if number > len(steps):
            raise LogError(f"the schema eventlog has format {number}; this program knows formats up to {len(steps)}")
        for step in steps[number:]:
            for part in step:
                await connection.execute(_filled(part), timeout=STEP_SECONDS)
        if number < len(steps):
            await connection.execute("UPDATE eventlog.head SET format = $1", len(steps))


async def _format(connection: Any) -> int:  # noqa: ANN401 - asyncpg ships no annotations
    """Return the format's number, 0 when there is no schema. A missing head is for `verify` to find."""
    if await connection.fetchval("SELECT to_regclass('eventlog.head') IS NULL"):
        return 0
    number = await connection.fetchval("SELECT format FROM eventlog.head")
    return len(STEPS) if number is None else int(number)


def _filled(part: str) -> str:
    return part.replace("{lock}", str(LOCK)).replace("{channel}", CHANNEL)
