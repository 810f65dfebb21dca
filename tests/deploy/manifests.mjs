// manifests.mjs schema|types|rules FILE...: rendered manifests against the API's schemas, its types, and our own rules.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

// Where a kind's class and types are. A manifest of another group is an error here.
function moduleOf({ apiVersion }) {
  const library = apiVersion.startsWith('monitoring.coreos.com/') ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';
  return `${library}/${apiVersion}`;
}

async function schema(docs) {
  for (const doc of docs) {
    const { [doc.kind]: Kind } = await import(moduleOf(doc));
    new Kind(doc).validate();
  }
}

// tsc knows which fields there are; the validators do not mind unknown ones.
function types(docs) {
  const folder = mkdtempSync(join(here, 'node_modules/.manifests-'));
  try {
    docs.forEach((doc, i) => {
      const source = `import type { I${doc.kind} } from '${moduleOf(doc)}';\n` +
        `export const v: I${doc.kind} = ${JSON.stringify(doc, null, 2)};\n`;
      writeFileSync(join(folder, `m${i}.ts`), source);
    });
    const compilerOptions = { strict: true, noEmit: true, skipLibCheck: true, types: [], target: 'es2022', module: 'preserve' };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    execFileSync(join(here, 'node_modules/.bin/tsc'), ['-p', folder], { stdio: 'inherit' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const NAME = { 'app.kubernetes.io/name': 'tenantd' };

function podRules(pod, config) {
  const [main] = pod.spec.containers;
  assert.deepEqual(pod.metadata.labels, NAME);
  assert.equal(pod.spec.automountServiceAccountToken, false);
  // Pod Security Standards, profile "restricted", and a read-only root beyond it.
  assert.equal(pod.spec.securityContext.runAsNonRoot, true);
  assert.ok(pod.spec.securityContext.runAsUser >= 1000);
  assert.equal(pod.spec.securityContext.seccompProfile.type, 'RuntimeDefault');
  assert.equal(main.securityContext.allowPrivilegeEscalation, false);
  assert.equal(main.securityContext.readOnlyRootFilesystem, true);
  assert.deepEqual(main.securityContext.capabilities, { drop: ['ALL'] });
  // Each probe is the one meant for it, on the listener that a busy API cannot block.
  for (const [probe, path] of [['startupProbe', '/startupz'], ['livenessProbe', '/livez'], ['readinessProbe', '/readyz']])
    assert.deepEqual(main[probe].httpGet, { path, port: 'admin' });
  const [command, seconds] = main.lifecycle.preStop.exec.command;
  assert.equal(command, 'sleep');
  const drain = config.http.drain_timeout_ms / 1000;
  assert.ok(pod.spec.terminationGracePeriodSeconds >= Number(seconds) + drain + 10, 'the grace period is too short');
  // Every secret by file.
  for (const { name, value } of main.env) assert.ok(/_FILE$/.test(name) && value.startsWith('/run/secrets/'), name);
  return new Set(main.ports.map((port) => port.name));
}

function rules(docs) {
  const of = (kind) => docs.filter((doc) => doc.kind === kind);
  const [deployment] = of('Deployment');
  const configs = of('ConfigMap').map((doc) => doc.metadata.name);
  const ports = podRules(deployment.spec.template, parse(of('ConfigMap')[0].data['tenantd.yaml']));
  const volumes = deployment.spec.template.spec.volumes;
  assert.ok(configs.includes(volumes.find((volume) => volume.configMap).configMap.name), 'the config map is not there');
  assert.equal(deployment.spec.strategy.rollingUpdate.maxUnavailable, 0);
  for (const doc of [deployment, ...of('PodDisruptionBudget')]) assert.deepEqual(doc.spec.selector.matchLabels, NAME);
  for (const doc of of('Service')) {
    assert.deepEqual(doc.spec.selector, NAME);
    for (const { targetPort } of doc.spec.ports) assert.ok(ports.has(targetPort), `${doc.metadata.name}: no port ${targetPort}`);
  }
  for (const doc of of('NetworkPolicy')) {
    assert.deepEqual(doc.spec.podSelector.matchLabels, NAME);
    assert.deepEqual(doc.spec.policyTypes, ['Ingress', 'Egress']);
    for (const rule of doc.spec.ingress) {
      assert.ok(rule.from?.length > 0, 'ingress from everywhere');
      for (const { port } of rule.ports) assert.ok(ports.has(port), `no port ${port}`);
    }
    assert.deepEqual(doc.spec.egress[0].to[0].podSelector.matchLabels, { 'k8s-app': 'kube-dns' });
  }
  for (const doc of of('ServiceMonitor')) {
    const wanted = Object.entries(doc.spec.selector.matchLabels);
    const matched = of('Service').filter((one) => wanted.every(([key, value]) => one.metadata.labels[key] === value));
    assert.deepEqual(matched.map((one) => one.metadata.name), ['tenantd-admin']);
  }
}

const [what, ...files] = process.argv.slice(2);
for (const file of files) {
  const docs = parseAllDocuments(readFileSync(file, 'utf8')).map((doc) => doc.toJS());
  await { schema, types, rules }[what](docs);
}
