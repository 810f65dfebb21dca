-- What looks over the shoulder of every fault, beside the tenants: who writes at the same time, and what is
-- really there. May be run again on a server that has it.
CREATE SCHEMA IF NOT EXISTS audit;
GRANT USAGE ON SCHEMA audit TO PUBLIC; -- the triggers run as who does the DDL

-- Each transaction with DDL in a tenant's schema takes a lock of the audit's own and says in the server's log
-- when another has it. It does not wait, so it keeps nobody apart; and no ROLLBACK takes the line back.
CREATE OR REPLACE FUNCTION audit.note_writer(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF name LIKE 'tenant\_%' AND NOT pg_try_advisory_xact_lock(hashtext('audit'), hashtext(name)) THEN
    RAISE LOG 'two writers in %', name;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION audit.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM audit.note_writer(current_schema());
END $$;

CREATE OR REPLACE FUNCTION audit.on_drop() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM audit.note_writer(d.name) FROM (SELECT DISTINCT CASE object_type WHEN 'schema' THEN object_name
    ELSE schema_name END AS name FROM pg_event_trigger_dropped_objects()) d;
END $$;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'audit_ddl') THEN
    CREATE EVENT TRIGGER audit_ddl ON ddl_command_start EXECUTE FUNCTION audit.on_ddl();
    CREATE EVENT TRIGGER audit_drop ON sql_drop EXECUTE FUNCTION audit.on_drop();
  END IF;
END $$;

-- The names in one column of a table, in the order of another; none when there is no such table.
CREATE OR REPLACE FUNCTION audit.names(in_schema text, in_table text, name text, by text) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE found text[];
BEGIN
  IF to_regclass(format('%I.%I', in_schema, in_table)) IS NULL THEN
    RETURN '{}';
  END IF;
  EXECUTE format('SELECT coalesce(array_agg(%I::text ORDER BY %I), ''{}'') FROM %I.%I', name, by, in_schema, in_table)
     INTO found;
  RETURN found;
END $$;

-- catalog: [{version, row, table}] in order; row: it leaves one in "steps", table: it makes t_VERSION.
-- tenants: [{id, schema, state, known}]; known: what the registry believes to be applied, in order.
CREATE OR REPLACE FUNCTION audit.violations(catalog jsonb, tenants jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE t record; tracked text[]; ran text[]; made text[]; wanted text[]; rows text[]; tables text[];
BEGIN
  FOR t IN SELECT id, schema, state, ARRAY(SELECT jsonb_array_elements_text(known)) AS known
             FROM jsonb_to_recordset(tenants) AS r(id text, schema text, state text, known jsonb) ORDER BY id LOOP
    IF to_regnamespace(quote_ident(t.schema)) IS NULL THEN
      IF t.state IN ('active', 'suspended') THEN
        RETURN NEXT format('%s is %s and has no schema', t.id, t.state);
      END IF;
      CONTINUE;
    END IF;
    tracked := audit.names(t.schema, '__drizzle_migrations', 'name', 'id');
    ran := audit.names(t.schema, 'steps', 'version', 'version');
    SELECT coalesce(array_agg(substr(relname, 3) ORDER BY relname COLLATE "C"), '{}') INTO made FROM pg_class
     WHERE relnamespace = to_regnamespace(quote_ident(t.schema)) AND relkind = 'r' AND relname LIKE 't\_%';
    SELECT coalesce(array_agg(version ORDER BY n), '{}'), coalesce(array_agg(version ORDER BY version) FILTER (WHERE "row"), '{}'),
           coalesce(array_agg(version ORDER BY version COLLATE "C") FILTER (WHERE "table"), '{}')
      INTO wanted, rows, tables
      FROM (SELECT e ->> 'version' AS version, (e ->> 'row')::boolean AS "row", (e ->> 'table')::boolean AS "table", n
              FROM jsonb_array_elements(catalog) WITH ORDINALITY AS c(e, n)) c
     WHERE n <= cardinality(tracked);
    IF tracked <> wanted THEN
      RETURN NEXT format('%s: tracked are %s, which is no prefix of the catalog', t.id, tracked);
    ELSIF ran <> rows THEN
      RETURN NEXT format('%s: tracked are %s, but rows are there of %s', t.id, tracked, ran);
    ELSIF made <> tables THEN
      RETURN NEXT format('%s: tracked are %s, but tables are there of %s', t.id, tracked, made);
    ELSIF t.known <> tracked[1:cardinality(t.known)] THEN
      RETURN NEXT format('%s: tracked are %s, the registry believes %s', t.id, tracked, t.known);
    END IF;
  END LOOP;
END $$;
