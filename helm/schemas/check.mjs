// Reads manifests of custom resources (a JSON list) and writes what is wrong with each (a JSON list of texts, "" for
// nothing), by the custom resource definitions of their projects. Types find fields that do not exist, which a cluster
// drops in silence; the schemas find values that are not allowed.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { Certificate } from "@kubernetes-models/cert-manager/cert-manager.io/v1";
import { ExternalSecret } from "@kubernetes-models/external-secrets/external-secrets.io/v1";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { PrometheusRule, ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

const kinds = {
  "cert-manager.io/v1/Certificate": [Certificate, "cert-manager/cert-manager.io/v1"],
  "external-secrets.io/v1/ExternalSecret": [ExternalSecret, "external-secrets/external-secrets.io/v1"],
  "keda.sh/v1alpha1/ScaledObject": [ScaledObject, "keda/keda.sh/v1alpha1"],
  "monitoring.coreos.com/v1/PrometheusRule": [PrometheusRule, "prometheus-operator/monitoring.coreos.com/v1"],
  "monitoring.coreos.com/v1/ServiceMonitor": [ServiceMonitor, "prometheus-operator/monitoring.coreos.com/v1"],
};
const name = (manifest) => `${manifest.apiVersion}/${manifest.kind}`;

function bySchema(manifest) {
  if (!(name(manifest) in kinds)) return `no schema of ${name(manifest)}`;
  try {
    new kinds[name(manifest)][0](manifest).validate();
    return "";
  } catch (error) {
    return error.message;
  }
}

// A program with a constant for each manifest, one a line, of its kind's type.
function byTypes(manifests) {
  const file = join(dirname(fileURLToPath(import.meta.url)), "manifests.ts"); // in memory only
  const lines = manifests.map((manifest, index) => {
    const [, path] = kinds[name(manifest)] ?? [null, null];
    if (path === null) return "";
    const type = `import("@kubernetes-models/${path}").I${manifest.kind}`;
    return `export const m${index}: ${type} = ${JSON.stringify(manifest)};`;
  });
  const options = { noEmit: true, strict: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };
  const host = ts.createCompilerHost(options);
  const [read, exists] = [host.getSourceFile.bind(host), host.fileExists.bind(host)];
  host.fileExists = (path) => path === file || exists(path);
  host.getSourceFile = (path, ...rest) =>
    path === file ? ts.createSourceFile(path, lines.join("\n"), ts.ScriptTarget.ES2022) : read(path, ...rest);
  const program = ts.createProgram([file], options, host);
  const found = manifests.map(() => []);
  for (const each of ts.getPreEmitDiagnostics(program)) {
    const line = each.file ? each.file.getLineAndCharacterOfPosition(each.start).line : 0;
    found[line].push(ts.flattenDiagnosticMessageText(each.messageText, " "));
  }
  return found.map((texts) => texts.join("; "));
}

const manifests = JSON.parse(readFileSync(0, "utf8"));
const types = byTypes(manifests);
console.log(JSON.stringify(manifests.map((each, index) => [bySchema(each), types[index]].filter(Boolean).join("; "))));
