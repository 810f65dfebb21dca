#!/usr/bin/env bash
# migrations appear, change and break in the watched folders: what is whole is registered, what is not harms nothing
. "$(dirname "$0")/lib.sh"

tenant=$work/catalog/tenant shared=$work/catalog/shared
mkdir -p "$tenant/meta" "$shared"
cp "$root"/deploy/example/tenant/*.sql "$tenant"
cp "$root"/deploy/example/tenant/meta/_journal.json "$tenant/meta"
cp -r "$root"/deploy/example/shared/. "$shared"

pg_start
up one TENANTD_MIGRATIONS_FOLDER="$tenant" TENANTD_SHARED_MIGRATIONS_FOLDER="$shared" \
    TENANTD_MIGRATIONS_WATCH_INTERVAL_MS=200

head_is() { # CATALOG VERSION
    call GET "/v1/catalogs/$1"
    [ "$(get .head)" = "$2" ]
}
until_true 10 "the shared folder is registered" head_is shared 0002_feature_flags
until_true 10 "the tenants' folder is registered" head_is tenant 0008_reporting
is "who registered it" folder "$(must 200 GET /v1/catalogs/tenant/migrations/0008_reporting && get .registered_by)"

say "a file that its journal does not name yet"
complaints() { grep -c '"event":"catalog.folder"' "${log[one]}" || true; }
complained_of() { grep '"event":"catalog.folder"' "${log[one]}" | tail -n 1 | grep -q "\"code\":\"$1\""; }
cp "$root"/deploy/example/next/*.sql "$tenant"
until_true 10 "the mismatch is told" complained_of JOURNAL_MISMATCH
head_is tenant 0008_reporting || die "half a bundle was registered"

say "its journal follows"
cp "$root"/deploy/example/next/meta/_journal.json "$tenant/meta"
until_true 10 "the new migration is registered" head_is tenant 0009_ticket_satisfaction

say "a registered file is edited"
echo '-- edited' >>"$tenant/0003_messages.sql"
until_true 10 "the edit is refused" complained_of MIGRATION_IMMUTABLE
git_sha=$(sha256sum "$root/deploy/example/tenant/0003_messages.sql" | cut -d' ' -f1)
must 200 GET /v1/catalogs/tenant/migrations/0003_messages
is "the registered bytes" "$git_sha" "$(get .sha256)"

say "the folder goes away and comes back"
mv "$tenant" "$tenant.gone"
until_true 10 "its absence is told" complained_of BUNDLE_INVALID
sleep 2 # rounds in which it is still away, and must not be told again
cp "$root/deploy/example/tenant/0003_messages.sql" "$tenant.gone"
mv "$tenant.gone" "$tenant"
must 200 GET /v1/catalogs/tenant
at_most "complaints: each trouble is told once" 4 "$(complaints)"

must 200 POST /v1/shared/migrate '{}' -H 'Prefer: wait=20'
must 202 POST /v1/tenants/batch "$(batch 1 2)"
job=$(get .id)
must 200 GET "/v1/jobs/$job?wait=20"
is "tenants made from the folder" succeeded "$(get .state)"
stop one
