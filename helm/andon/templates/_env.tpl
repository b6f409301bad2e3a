{{/* Variables of a part that are no secrets, as JSON; what the values give wins. */}}
{{- define "andon.part.env" -}}
{{- $values := .root.Values -}}
{{- $env := dict
  "ANDON_SECRETS_DIR" "/etc/andon/secrets"
  "ANDON_TELEMETRY__PORT" (toString (int $values.telemetry.port))
  "ANDON_TELEMETRY__LOG_LEVEL" $values.telemetry.logLevel
  "ANDON_RUNTIME__STOP_DEADLINE" (printf "%ds" (int $values.stopDeadlineSeconds))
  "HOME" "/tmp" -}}
{{- with $values.telemetry.traces }}{{ $_ := set $env "ANDON_TELEMETRY__TRACING__ENDPOINT" . }}{{ end -}}
{{- if not .facts.bare -}}
  {{- $env = merge $env (dict "ANDON_PLANT" "/etc/andon/config/plant.yaml") (include "andon.part.env.kafka" . | fromJson) -}}
{{- end -}}
{{- $env = merge $env
  (include "andon.part.env.database" . | fromJson)
  (include "andon.part.env.models" . | fromJson)
  (include "andon.part.env.own" . | fromJson) -}}
{{- mergeOverwrite $env (deepCopy .values.env) | toJson -}}
{{- end -}}

{{- define "andon.part.env.kafka" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $env := dict
  "ANDON_KAFKA__BOOTSTRAP_SERVERS" $kafka.bootstrapServers
  "ANDON_KAFKA__PARTITIONS" (toString (int $kafka.partitions))
  "ANDON_KAFKA__REPLICATION" (toString (int $kafka.replication))
  "ANDON_KAFKA__CREATE_TOPICS" (toString (and $kafka.createTopics (not .root.Values.strimzi.topics))) -}}
{{- if $kafka.tls.enabled -}}
  {{- $_ := set $env "ANDON_KAFKA__TLS__ENABLED" "true" -}}
  {{- if $kafka.tls.caSecret.name }}{{ $_ := set $env "ANDON_KAFKA__TLS__CA_FILE" "/etc/andon/kafka/ca.crt" }}{{ end -}}
{{- end -}}
{{- if eq $kafka.authentication.type "tls" -}}
  {{- $_ := set $env "ANDON_KAFKA__TLS__CERT_FILE" "/etc/andon/kafka/tls.crt" -}}
  {{- $_ := set $env "ANDON_KAFKA__TLS__KEY_FILE" "/etc/andon/kafka/tls.key" -}}
{{- else if ne $kafka.authentication.type "none" -}}
  {{- $_ := set $env "ANDON_KAFKA__SASL__MECHANISM" (upper $kafka.authentication.type) -}}
  {{- $name := ternary (include "andon.part.fullname" .) $kafka.authentication.username (eq $kafka.authentication.source "strimzi") -}}
  {{- $_ := set $env "ANDON_KAFKA__SASL__USERNAME" $name -}}
{{- end -}}
{{- $env | toJson -}}
{{- end -}}

{{- define "andon.part.env.database" -}}
{{- $env := dict -}}
{{- if include "andon.part.database" . -}}
  {{- $_ := set $env "ANDON_DATABASE__MIGRATE" (toString (not .root.Values.database.migration.enabled)) -}}
  {{- if .root.Values.database.tls.enabled -}}
    {{- $_ := set $env "ANDON_DATABASE__TLS__ENABLED" "true" -}}
    {{- if .root.Values.database.tls.caSecret.name }}{{ $_ := set $env "ANDON_DATABASE__TLS__CA_FILE" "/etc/andon/database/ca.crt" }}{{ end -}}
  {{- end -}}
{{- end -}}
{{- $env | toJson -}}
{{- end -}}

{{- define "andon.part.env.models" -}}
{{- $env := dict -}}
{{- if and .facts.models (include "andon.hasModels" .root) -}}
  {{- $address := printf "%s-registry.%s.svc:8443" (include "andon.fullname" .root) .root.Release.Namespace -}}
  {{- $_ := set $env "ANDON_MODELS__REGISTRY__ADDRESS" $address -}}
  {{- range $variable, $file := dict "CA_FILE" "ca.crt" "CERT_FILE" "tls.crt" "KEY_FILE" "tls.key" -}}
    {{- $_ := set $env (printf "ANDON_MODELS__REGISTRY__TLS__%s" $variable) (printf "/etc/andon/registry/%s" $file) -}}
  {{- end -}}
  {{- $_ := set $env "ANDON_MODELS__REGISTRY__TLS__ENABLED" "true" -}}
  {{- $_ := set $env "ANDON_MODELS__TRUST" "/etc/andon/models/trust.yaml" -}}
  {{- $_ := set $env "ANDON_MODELS__CACHE" "/var/lib/andon/models" -}}
{{- else if .facts.models -}}
  {{- /* Nobody can put a model there: machines are watched by their limits until there is a registry. */ -}}
  {{- $_ := set $env "ANDON_INFERENCE__BUNDLES" "/var/lib/andon/bundles" -}}
  {{- $_ := set $env "ANDON_MODELS__UNSIGNED" "allow" -}}
{{- end -}}
{{- $env | toJson -}}
{{- end -}}

{{/* What only one service knows. */}}
{{- define "andon.part.env.own" -}}
{{- $env := dict -}}
{{- range $file, $variable := .facts.files }}{{ $_ := set $env $variable (printf "/etc/andon/config/%s" $file) }}{{ end -}}
{{- $service := .facts.image -}}
{{- if eq $service "ingest" -}}
  {{- $_ := set $env "ANDON_INGEST__SPOOL__DIRECTORY" "/var/lib/andon/spool" -}}
  {{- $_ := set $env "ANDON_INGEST__SESSION" .name -}}
{{- else if eq $service "registry" -}}
  {{- $_ := set $env "ANDON_REGISTRY__PORT" "8443" -}}
  {{- $_ := set $env "ANDON_REGISTRY__BLOBS" "/var/lib/andon/blobs" -}}
  {{- $_ := set $env "ANDON_REGISTRY__TRUST" "/etc/andon/models/trust.yaml" -}}
  {{- $_ := set $env "ANDON_REGISTRY__TLS__CERT_FILE" "/etc/andon/registry/tls.crt" -}}
  {{- $_ := set $env "ANDON_REGISTRY__TLS__KEY_FILE" "/etc/andon/registry/tls.key" -}}
  {{- $_ := set $env "ANDON_REGISTRY__TLS__CLIENT_CA_FILE" "/etc/andon/registry/ca.crt" -}}
{{- else if eq .name "historian" -}}
  {{- $_ := set $env "ANDON_HISTORIAN__LAKE__DIRECTORY" "/var/lib/andon/lake" -}}
{{- else if eq $service "trainer" -}}
  {{- $_ := set $env "ANDON_TRAINER__LAKE" "/var/lib/andon/lake" -}}
  {{- $_ := set $env "ANDON_TRAINER__KEY" "/etc/andon/author/trainer.key" -}}
  {{- $_ := set $env "ANDON_TRAINER__WORK" "/var/lib/andon/retraining" -}}
{{- else if and (eq $service "alert") .root.Values.alertApi.enabled -}}
  {{- $_ := set $env "ANDON_ALERT__API__PORT" (toString (int .root.Values.alertApi.port)) -}}
  {{- if include "andon.alertApiSecret" .root -}}
    {{- $_ := set $env "ANDON_ALERT__API__TLS__CERT_FILE" "/etc/andon/api/tls.crt" -}}
    {{- $_ := set $env "ANDON_ALERT__API__TLS__KEY_FILE" "/etc/andon/api/tls.key" -}}
  {{- else -}}
    {{- $_ := set $env "ANDON_ALERT__API__INSECURE" "true" -}}
  {{- end -}}
{{- end -}}
{{- $env | toJson -}}
{{- end -}}

{{/* Secrets of a part: name of its variable to the Secret's name and key, as JSON. */}}
{{- define "andon.part.secrets" -}}
{{- $values := .root.Values -}}
{{- $secrets := deepCopy .values.secrets -}}
{{- if include "andon.part.database" . -}}
  {{- $migration := $values.database.migration.secret -}}
  {{- $secret := ternary $migration $values.database.secret (and (eq .name "migrate") (ne $migration.name "")) -}}
  {{- $name := include "andon.part.externalSecret" (merge (dict "secret" $secret.name) .) -}}
  {{- $_ := set $secrets "ANDON_DATABASE__DSN" (dict "name" $name "key" $secret.key) -}}
{{- end -}}
{{- if not (or .facts.bare (has $values.kafka.authentication.type (list "none" "tls"))) -}}
  {{- $_ := set $secrets "ANDON_KAFKA__SASL__PASSWORD" (dict "name" (include "andon.part.kafkaSecret" .) "key" "password") -}}
{{- end -}}
{{- if and (eq .name "alert") $values.alertApi.enabled -}}
  {{- $_ := set $secrets "ANDON_ALERT__API__TOKEN" $values.alertApi.token -}}
{{- end -}}
{{- $secrets | toJson -}}
{{- end -}}
