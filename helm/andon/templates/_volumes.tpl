{{/*
Volumes of a part, and where they are mounted, as JSON: name to mount (path, readOnly, subPath) and source. Nothing in
the image is written to; what a service writes is below /var/lib/andon and /tmp.
*/}}
{{- define "andon.part.volumes" -}}
{{- $volumes := dict
  "tmp" (dict "path" "/tmp" "source" (dict "emptyDir" (dict "sizeLimit" "256Mi")))
  "secrets" (dict "path" "/etc/andon/secrets" "readOnly" true "source" (include "andon.part.volumes.secrets" . | fromJson)) -}}
{{- if not .facts.bare -}}
  {{- $volumes = merge $volumes (include "andon.part.volumes.files" . | fromJson) (include "andon.part.volumes.kafka" . | fromJson) -}}
{{- end -}}
{{- $volumes = merge $volumes (include "andon.part.volumes.certificates" . | fromJson) (include "andon.part.volumes.state" . | fromJson) -}}
{{- $volumes | toJson -}}
{{- end -}}

{{- define "andon.part.volumes.secrets" -}}
{{- $sources := list -}}
{{- range $variable, $secret := include "andon.part.secrets" . | fromJson -}}
  {{- $item := dict "key" $secret.key "path" (lower $variable) -}}
  {{- $sources = append $sources (dict "secret" (dict "name" $secret.name "items" (list $item))) -}}
{{- end -}}
{{- if $sources -}}
{{ dict "projected" (dict "defaultMode" 288 "sources" $sources) | toJson }}
{{- else -}}
{"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}
{{- end -}}
{{- end -}}

{{/* Files that people write: the plant model, the part's own, and those of models. */}}
{{- define "andon.part.volumes.files" -}}
{{- $full := include "andon.fullname" .root -}}
{{- $plant := .root.Values.plant.existingConfigMap | default (printf "%s-plant" $full) -}}
{{- $sources := list (dict "configMap" (dict "name" $plant "items" (list (dict "key" "plant.yaml" "path" "plant.yaml")))) -}}
{{- if .values.files -}}
  {{- $sources = append $sources (dict "configMap" (dict "name" (include "andon.part.fullname" .))) -}}
{{- end -}}
{{- with .values.existingConfigMap }}{{ $sources = append $sources (dict "configMap" (dict "name" .)) }}{{ end -}}
{{- range .values.secretFiles }}{{ $sources = append $sources (dict "secret" (dict "name" .)) }}{{ end -}}
{{- $volumes := dict "config" (dict "path" "/etc/andon/config" "readOnly" true "source" (dict "projected" (dict "defaultMode" 288 "sources" $sources))) -}}
{{- if and (or .facts.models (eq .name "registry")) (include "andon.hasModels" .root) -}}
  {{- $name := .root.Values.models.existingConfigMap | default (printf "%s-models" $full) -}}
  {{- $_ := set $volumes "models" (dict "path" "/etc/andon/models" "readOnly" true "source" (dict "configMap" (dict "name" $name))) -}}
{{- end -}}
{{- $volumes | toJson -}}
{{- end -}}

{{/* The CA that vouches for the brokers, and the certificate by which a part knows itself to them. */}}
{{- define "andon.part.volumes.kafka" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $sources := list -}}
{{- if and $kafka.tls.enabled $kafka.tls.caSecret.name -}}
  {{- $item := dict "key" $kafka.tls.caSecret.key "path" "ca.crt" -}}
  {{- $sources = append $sources (dict "secret" (dict "name" $kafka.tls.caSecret.name "items" (list $item))) -}}
{{- end -}}
{{- if eq $kafka.authentication.type "tls" -}}
  {{- $stem := ternary "user" "tls" (eq $kafka.authentication.source "strimzi") -}}
  {{- $items := list (dict "key" (printf "%s.crt" $stem) "path" "tls.crt") (dict "key" (printf "%s.key" $stem) "path" "tls.key") -}}
  {{- $sources = append $sources (dict "secret" (dict "name" (include "andon.part.kafkaSecret" .) "items" $items)) -}}
{{- end -}}
{{- if $sources -}}
{{ dict "kafka" (dict "path" "/etc/andon/kafka" "readOnly" true "source" (dict "projected" (dict "defaultMode" 288 "sources" $sources))) | toJson }}
{{- else -}}
{}
{{- end -}}
{{- end -}}

{{- define "andon.part.volumes.certificates" -}}
{{- $volumes := dict -}}
{{- $ca := .root.Values.database.tls.caSecret -}}
{{- if and (include "andon.part.database" .) .root.Values.database.tls.enabled $ca.name -}}
  {{- $name := include "andon.part.externalSecret" (merge (dict "secret" $ca.name) .) -}}
  {{- $source := dict "secret" (dict "secretName" $name "defaultMode" 288 "items" (list (dict "key" $ca.key "path" "ca.crt"))) -}}
  {{- $_ := set $volumes "database" (dict "path" "/etc/andon/database" "readOnly" true "source" $source) -}}
{{- end -}}
{{- if and (or .facts.models (eq .name "registry")) (include "andon.hasModels" .root) -}}
  {{- $source := dict "secret" (dict "secretName" (include "andon.part.registrySecret" .) "defaultMode" 288) -}}
  {{- $_ := set $volumes "registry" (dict "path" "/etc/andon/registry" "readOnly" true "source" $source) -}}
{{- end -}}
{{- if eq .facts.image "trainer" -}}
  {{- $key := .root.Values.models.trainerKey -}}
  {{- $source := dict "secret" (dict "secretName" $key.name "defaultMode" 288 "items" (list (dict "key" $key.key "path" "trainer.key"))) -}}
  {{- $_ := set $volumes "author" (dict "path" "/etc/andon/author" "readOnly" true "source" $source) -}}
{{- end -}}
{{- if and (eq .name "alert") .root.Values.alertApi.enabled (include "andon.alertApiSecret" .root) -}}
  {{- $source := dict "secret" (dict "secretName" (include "andon.alertApiSecret" .root) "defaultMode" 288) -}}
  {{- $_ := set $volumes "api" (dict "path" "/etc/andon/api" "readOnly" true "source" $source) -}}
{{- end -}}
{{- $volumes | toJson -}}
{{- end -}}

{{/* What a part writes; `claim` is the volume that a stateful set brings itself. */}}
{{- define "andon.part.volumes.state" -}}
{{- $volumes := dict -}}
{{- if .facts.storage -}}
  {{- $_ := set $volumes "state" (dict "path" "/var/lib/andon" "source" (dict "claim" true)) -}}
{{- else if .facts.models -}}
  {{- $_ := set $volumes "state" (dict "path" "/var/lib/andon" "source" (dict "emptyDir" (dict "sizeLimit" "4Gi"))) -}}
{{- end -}}
{{- if and .facts.models (not (include "andon.hasModels" .root)) -}}
  {{- $_ := set $volumes "bundles" (dict "path" "/var/lib/andon/bundles" "readOnly" true "source" (dict "emptyDir" (dict "sizeLimit" "1Mi"))) -}}
{{- end -}}
{{- with .facts.lake -}}
  {{- $claim := $.root.Values.lake.existingClaim | default (printf "%s-lake" (include "andon.fullname" $.root)) -}}
  {{- $_ := set $volumes "lake" (dict "path" "/var/lib/andon/lake" "readOnly" (eq . "read") "source" (dict "persistentVolumeClaim" (dict "claimName" $claim))) -}}
{{- end -}}
{{- $volumes | toJson -}}
{{- end -}}
