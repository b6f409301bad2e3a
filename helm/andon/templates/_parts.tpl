{{/*
A part is a service, or a job of the chart, as a dict: name, facts (modules.yaml), values (defaults merged with its own).
Templates add the key root.

The services that are enabled, by name, as JSON. ingest-line-2 has the facts of ingest.
*/}}
{{- define "andon.services" -}}
{{- $facts := (.Files.Get "modules.yaml" | fromYaml).services -}}
{{- $found := dict -}}
{{- range $name, $own := .Values.services -}}
  {{- $values := mergeOverwrite (deepCopy $.Values.defaults) (deepCopy ($own | default dict)) -}}
  {{- if $values.enabled -}}
    {{- $module := ternary $name (first (splitList "-" $name)) (hasKey $facts $name) -}}
    {{- $its := merge (dict "image" ((get $facts $module).image | default $module)) (get $facts $module) -}}
    {{- $_ := set $found $name (dict "name" $name "facts" $its "values" $values) -}}
  {{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* A job (dict root, name) as a part, as JSON. */}}
{{- define "andon.job" -}}
{{- $facts := get (.root.Files.Get "modules.yaml" | fromYaml).jobs .name -}}
{{- dict "name" .name "facts" $facts "values" .root.Values.defaults | toJson -}}
{{- end -}}

{{/* Whether there is a registry to take models from: "true" or nothing. Asked often, so it is not asked of all services. */}}
{{- define "andon.hasModels" -}}
{{- if and (hasKey .Values.services "registry") (dig "registry" "enabled" .Values.defaults.enabled .Values.services) }}true{{ end -}}
{{- end -}}

{{/* Whether a part has a database: "true" or nothing. */}}
{{- define "andon.part.database" -}}
{{- if and .facts.database .root.Values.database.secret.name }}true{{ end -}}
{{- end -}}

{{/* The Secret by which a part knows itself to Kafka; nothing when it need not. */}}
{{- define "andon.part.kafkaSecret" -}}
{{- $authentication := .root.Values.kafka.authentication -}}
{{- if eq $authentication.type "none" -}}
{{- else if eq $authentication.source "secret" -}}
{{ $authentication.secret }}
{{- else if eq $authentication.source "certManager" -}}
{{ include "andon.part.fullname" . }}-kafka-tls
{{- else -}}
{{ include "andon.part.fullname" . }}
{{- end -}}
{{- end -}}

{{/* The Secret with certificate and key by which a part knows itself to the registry, or the registry itself. */}}
{{- define "andon.part.registrySecret" -}}
{{- if .root.Values.certManager.enabled -}}
{{ include "andon.part.fullname" . }}-registry-tls
{{- else if eq .name "registry" -}}
{{ .root.Values.models.serverSecret }}
{{- else -}}
{{ .root.Values.models.clientSecret }}
{{- end -}}
{{- end -}}

{{- define "andon.alertApiSecret" -}}
{{- if .Values.certManager.enabled -}}
{{ include "andon.fullname" . }}-alert-api-tls
{{- else -}}
{{ .Values.alertApi.serverSecret }}
{{- end -}}
{{- end -}}

{{/* Ports of a part, by name, as JSON: metrics, and the one that its facts name. */}}
{{- define "andon.part.ports" -}}
{{- $ports := dict "metrics" (int .root.Values.telemetry.port) -}}
{{- if eq .facts.port "grpc" }}{{ $_ := set $ports "grpc" 8443 }}{{ end -}}
{{- if and (eq .facts.port "api") .root.Values.alertApi.enabled }}{{ $_ := set $ports "api" (int .root.Values.alertApi.port) }}{{ end -}}
{{- $ports | toJson -}}
{{- end -}}

{{/* Most workers that a part can have: more of them than partitions would have nothing to do. */}}
{{- define "andon.part.most" -}}
{{- if eq .facts.scales "one" }}1{{ else }}{{ min (int .values.autoscaling.max) (int .root.Values.kafka.partitions) }}{{ end -}}
{{- end -}}

{{/* Whether a part's workers are counted by HPA or KEDA: "true" or nothing. */}}
{{- define "andon.part.autoscaled" -}}
{{- if and (eq .facts.scales "partitions") (ne .values.autoscaling.kind "none") }}true{{ end -}}
{{- end -}}

{{/* prefix, enterprise and name of the site, from the plant model where it is given as a value, as JSON. */}}
{{- define "andon.site" -}}
{{- $site := .Values.strimzi.site -}}
{{- if .Values.plant.model -}}
  {{- $plant := .Values.plant.model | fromYaml -}}
  {{- $site = dict "prefix" ($plant.prefix | default "uns") "enterprise" $plant.enterprise "name" $plant.site -}}
{{- end -}}
{{- $site | toJson -}}
{{- end -}}
