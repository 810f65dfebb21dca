-- What can be in a schema beside tables, made on the search path of a schema named @schema@.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE address AS (street text COLLATE "C", mood mood, tags text[]);
COMMENT ON TYPE address IS 'where';
CREATE TYPE span AS RANGE (subtype = numeric);
CREATE DOMAIN positive AS int CONSTRAINT is_positive CHECK (VALUE > 0);
CREATE SEQUENCE tickets AS bigint START 100 INCREMENT 5 MAXVALUE 100000 CYCLE;

CREATE FUNCTION twice(n positive) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE FUNCTION valid(m mood) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT m IS NOT NULL $$;
-- text that names the schema, with a comment that has an apostrophe
CREATE FUNCTION counted() RETURNS bigint LANGUAGE plpgsql SET search_path = @schema@ AS $$
BEGIN
    -- don't count twice
    RETURN (SELECT count(*) FROM @schema@.people);
END $$;
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at = now(); RETURN NEW; END';
CREATE PROCEDURE clean(INOUT n int) LANGUAGE plpgsql AS 'BEGIN n = 0; END';
CREATE FUNCTION add_up(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE AGGREGATE total(int) (SFUNC = add_up, STYPE = int, INITCOND = '0', PARALLEL = SAFE);

CREATE AGGREGATE every_row(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
COMMENT ON AGGREGATE every_row(*) IS 'as count does';

CREATE TABLE people (
    id int GENERATED ALWAYS AS IDENTITY (START WITH 7 INCREMENT BY 3) PRIMARY KEY,
    ticket bigint NOT NULL DEFAULT nextval('tickets'),
    name varchar(40) COLLATE "C" NOT NULL,
    mood mood NOT NULL DEFAULT 'ok' CHECK (valid(mood)),
    home address,
    span span,
    age positive,
    doubled int GENERATED ALWAYS AS (twice(4)) STORED,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT named UNIQUE (name) DEFERRABLE INITIALLY DEFERRED
) WITH (fillfactor = 70);
ALTER SEQUENCE tickets OWNED BY people.ticket;
ALTER TABLE people ALTER name SET STORAGE EXTERNAL, ALTER name SET STATISTICS 500;
COMMENT ON CONSTRAINT named ON people IS 'nobody twice';
CREATE INDEX people_at ON people USING brin (at);
COMMENT ON INDEX people_at IS 'by time';
CREATE INDEX people_lower ON people (lower(name) DESC NULLS LAST) INCLUDE (mood) WHERE mood = 'ok';
CREATE UNIQUE INDEX people_ticket ON people (ticket);
ALTER TABLE people REPLICA IDENTITY USING INDEX people_ticket;
ALTER TABLE people CLUSTER ON people_ticket;
CREATE STATISTICS people_both (dependencies, mcv) ON name, mood FROM people;
CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW WHEN (old.name <> new.name) EXECUTE FUNCTION touched();
CREATE TRIGGER off AFTER INSERT ON people FOR EACH STATEMENT EXECUTE FUNCTION touched();
ALTER TABLE people DISABLE TRIGGER off;
COMMENT ON TRIGGER touch ON people IS 'keeps at';
CREATE UNLOGGED TABLE scratch (n int, CONSTRAINT small CHECK (n < 10) NO INHERIT);
ALTER TABLE scratch ADD p int, ADD CONSTRAINT later FOREIGN KEY (p) REFERENCES people ON UPDATE CASCADE NOT VALID;
ALTER TABLE scratch ADD CONSTRAINT unproven CHECK (p > 0) NOT VALID;
CREATE RULE kept AS ON DELETE TO scratch DO INSTEAD NOTHING;
ALTER TABLE people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON people AS RESTRICTIVE FOR SELECT TO PUBLIC USING (mood = 'ok');
CREATE POLICY new ON people FOR INSERT WITH CHECK (valid(mood));

CREATE TABLE base (a int NOT NULL, b text DEFAULT 'x', CONSTRAINT a_small CHECK (a < 1000));
CREATE TABLE child (c int, a int, EXCLUDE USING gist (int4range(a, c) WITH &&)) INHERITS (base);
CREATE TABLE typed OF address (street NOT NULL);
CREATE TABLE events (at date NOT NULL, kind text NOT NULL, person int REFERENCES people ON DELETE CASCADE,
    PRIMARY KEY (at, kind)) PARTITION BY RANGE (at);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2020-01-01') PARTITION BY LIST (kind);
CREATE TABLE events_old_a PARTITION OF events_old FOR VALUES IN ('a');
CREATE TABLE events_rest (kind text NOT NULL, person int, at date NOT NULL);
ALTER TABLE events ATTACH PARTITION events_rest DEFAULT;
CREATE INDEX events_kind ON events (kind);
ALTER INDEX events_rest_kind_idx RENAME TO another_name;

CREATE VIEW grown AS SELECT id, name, total(age) AS total FROM people GROUP BY id;
CREATE VIEW above AS SELECT * FROM grown;
CREATE OR REPLACE VIEW above WITH (security_barrier) AS SELECT id, name, total FROM grown WHERE total > 1;
CREATE MATERIALIZED VIEW counts AS SELECT mood, count(*) AS n FROM people GROUP BY mood;
CREATE UNIQUE INDEX counts_mood ON counts (mood);
CREATE FUNCTION of_view(v grown) RETURNS text LANGUAGE sql AS 'SELECT v.name';
CREATE FUNCTION all_grown() RETURNS SETOF grown LANGUAGE sql STABLE BEGIN ATOMIC SELECT * FROM grown; END;

GRANT SELECT, INSERT ON people TO pg_monitor;
GRANT UPDATE (name, mood) ON people TO pg_monitor WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE tickets TO PUBLIC;
GRANT USAGE ON SCHEMA @schema@ TO pg_monitor;
REVOKE EXECUTE ON FUNCTION twice(positive) FROM PUBLIC;
