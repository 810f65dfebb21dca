# shellcheck shell=bash
# deploy/example on a real PostgreSQL. Sourced by check.sh.
example=${root:?}/deploy/example
work=${work:?}

sql() {
    psql -X -q -A -t -v ON_ERROR_STOP=1 -d "${PG_URL:?}" "$@"
}

# in_schema NAME [psql options]: standard input in one transaction, with the search path of tenantd: NAME, public.
in_schema() {
    local name=$1
    shift
    { printf 'SET LOCAL search_path = "%s", public;\n' "$name"; cat; } | sql -1 -v "schema=$name" "$@"
}

apply_folder() { # SCHEMA FILE...
    local schema=$1 file
    shift
    for file in "$@"; do
        in_schema "$schema" <"$file" || { echo "$file"; return 1; }
    done
}

is() { # EXPECTED SQL
    local got
    got=$(sql -c "$2") || return 1
    [ "$got" = "$1" ] || { echo "expected $1, got $got: $2"; return 1; }
}

shared_applies() { apply_folder public "$example"/shared/*.sql; }
shared_seed_repeats() {
    local before
    in_schema public <"$example/seeds/shared.sql" || return 1
    before=$(sql -c "TABLE plans; TABLE countries; TABLE feature_flags; TABLE plan_features")
    in_schema public <"$example/seeds/shared.sql" || return 1
    [ "$before" = "$(sql -c "TABLE plans; TABLE countries; TABLE feature_flags; TABLE plan_features")" ] &&
        is 3 "SELECT count(*) FROM plans"
}

# A ticket and a message exist before 0007, so that its backfill has something to do.
tenant_applies() {
    sql -c "CREATE SCHEMA \"$1\"" && apply_folder "$1" "$example"/tenant/000[0-6]_*.sql || return 1
    in_schema "$1" <<'SQL' || return 1
WITH c AS (INSERT INTO contacts (email) VALUES ('ann@example.com') RETURNING id),
     t AS (INSERT INTO tickets (subject, requester_id, created_at) SELECT 'printer', id, '2025-01-01Z' FROM c RETURNING id)
INSERT INTO messages (ticket_id, author, body, created_at) SELECT id, 'system', 'hello', '2025-01-02Z' FROM t;
SQL
    apply_folder "$1" "$example"/tenant/000[7-9]_*.sql
}

backfill_holds() { is t "SELECT bool_and(last_activity_at = '2025-01-02Z') FROM \"$1\".tickets"; }

# By name and without a search path: whatever an application's path is, the tenant's own ticket is touched.
trigger_finds_its_tenant() {
    sql -c "INSERT INTO \"$1\".messages (ticket_id, author, body, created_at) VALUES (1, 'system', 'x', '2025-03-01Z')" &&
        is t "SELECT last_activity_at = '2025-03-01Z' FROM \"$1\".tickets" &&
        is t "SELECT last_activity_at = '2025-01-02Z' FROM \"$2\".tickets"
}

tenant_seed_repeats() {
    in_schema "$1" -v "tenant_id=$2" <"$example/seeds/tenant.sql" &&
        in_schema "$1" -v "tenant_id=$2" <"$example/seeds/tenant.sql" &&
        is "owner@$2.example|$1" "SELECT email, settings->>'schema' FROM \"$1\".agents" &&
        is "4|3|1|1" "SELECT (SELECT count(*) FROM \"$1\".sla_policies), (SELECT count(*) FROM \"$1\".tags),
            (SELECT count(*) FROM \"$1\".subscriptions), (SELECT count(*) FROM \"$1\".team_members)"
}

next_applies() { apply_folder "$1" "$example"/next/*.sql; }

refuses_bad_rows() {
    refused subscriptions_plan_id_plans_id_fk in_schema "$1" <<<"UPDATE subscriptions SET plan_id = 'no such plan'" &&
        refused tags_color_check in_schema "$1" <<<"INSERT INTO tags (name, color) VALUES ('x', 'red')" &&
        refused tickets_satisfaction_check in_schema "$1" <<<"UPDATE tickets SET satisfaction = 6"
}

shared_holds_only_shared() {
    is "countries,feature_flags,plan_features,plans" \
        "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class
          WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S')"
}

# What 0000…0008 and next make must not depend on the tenant: same columns, indexes, constraints, comments.
tenants_are_equal() {
    local a b
    a=$(pg_dump -s -n "\"$1\"" "$PG_URL" | sed "s/\"$1\"/T/g; s/$1/T/g" | grep -v restrict)
    b=$(pg_dump -s -n "\"$2\"" "$PG_URL" | sed "s/\"$2\"/T/g; s/$2/T/g" | grep -v restrict)
    [ -n "$a" ] && diff <(echo "$a") <(echo "$b")
}

# Unqualified but for the shared schema, and nothing that a migration run in a transaction may not contain.
migrations_are_plain() {
    local word='\b(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|CONCURRENTLY|VACUUM|CREATE EXTENSION|SET search_path|SET LOCAL|SET ROLE)\b *;?$'
    ! grep -nE "^($word)|CONCURRENTLY|CREATE EXTENSION" "$example"/{tenant,next,shared}/*.sql | grep -v ':BEGIN$' | grep . &&
        ! grep -nE '"public"\."(agents|tickets|contacts|messages|[a-z_]+_(status|role|channel|priority))"' \
            "$example"/{tenant,next}/*.sql
}

drizzle_reads_it() {
    local folder
    mkdir -p "$work/next" && cp -r "$example"/tenant/. "$example"/next/. "$work/next/" || return 1
    for folder in "$example/shared" "$example/tenant" "$work/next"; do
        cp -r "$folder" "$work/kit" && ./node_modules/.bin/drizzle-kit check --dialect postgresql --out "$work/kit" &&
            node journal.mjs "$work/kit" || return 1
        rm -rf "$work/kit"
    done
}

check_example() {
    check "example: drizzle-kit and drizzle-orm accept the folders" drizzle_reads_it
    check "example: migrations are plain SQL with unqualified names" migrations_are_plain
    check "example: the shared schema applies" shared_applies
    check "example: the shared seed may be repeated" shared_seed_repeats
    check "example: the tenant schema applies" tenant_applies tenant_acme
    check "example: the tenant schema applies again beside it" tenant_applies tenant_7f3a-east
    check "example: the backfill fills" backfill_holds tenant_7f3a-east
    check "example: the trigger finds its own tenant" trigger_finds_its_tenant tenant_acme tenant_7f3a-east
    check "example: the tenant seed may be repeated" tenant_seed_repeats tenant_acme acme
    check "example: the tenant seed takes any tenant" tenant_seed_repeats tenant_7f3a-east 7f3a-east
    check "example: the next migration applies" next_applies tenant_acme
    check "example: the next migration applies to the other" next_applies tenant_7f3a-east
    check "example: constraints refuse bad rows" refuses_bad_rows tenant_acme
    check "example: nothing of a tenant is in the shared schema" shared_holds_only_shared
    check "example: both tenants have the same schema" tenants_are_equal tenant_acme tenant_7f3a-east
}
