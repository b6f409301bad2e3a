{{/* Values that do not go together, all at once and in plain words. What the schema can say, the schema says. */}}
{{- define "andon.check" -}}
{{- $v := .Values -}}
{{- $parts := include "andon.services" . | fromJson -}}
{{- $findings := list -}}
{{- if not $v.kafka.bootstrapServers }}{{ $findings = append $findings "kafka.bootstrapServers: name the brokers, host:port" }}{{ end -}}
{{- if eq (not $v.plant.model) (not $v.plant.existingConfigMap) -}}
  {{- $findings = append $findings "plant: give either model (--set-file plant.model=plant.yaml) or existingConfigMap" -}}
{{- end -}}
{{- range $name, $part := $parts -}}
  {{- $findings = concat $findings ((include "andon.check.part" (merge (dict "root" $) $part) | fromJson).findings) -}}
{{- end -}}
{{- $findings = concat $findings ((include "andon.check.kafka" . | fromJson).findings) -}}
{{- $findings = concat $findings ((include "andon.check.models" . | fromJson).findings) -}}
{{- if and $v.networkPolicy.enabled (not $v.networkPolicy.conduits.ot.cidrs) (not $v.networkPolicy.conduits.ot.namespaces) -}}
  {{- range $name, $part := $parts -}}
    {{- if eq $part.facts.image "ingest" }}{{ $findings = append $findings "networkPolicy.conduits.ot: name the network of the machines that ingest reads (cidrs or namespaces), or set networkPolicy.enabled=false" }}{{ end -}}
  {{- end -}}
{{- end -}}
{{- if and $v.alertApi.enabled (not $v.alertApi.token.name) }}{{ $findings = append $findings "alertApi.token.name: name the Secret with the token that clients send" }}{{ end -}}
{{- if and $v.externalSecrets.enabled (not $v.externalSecrets.store.name) }}{{ $findings = append $findings "externalSecrets.store.name: name the store" }}{{ end -}}
{{- if $findings }}{{ fail (printf "\n\nThese values must be corrected:\n  - %s\n" (uniq $findings | join "\n  - ")) }}{{ end -}}
{{- end -}}

{{- define "andon.check.part" -}}
{{- $v := .root.Values -}}
{{- $findings := list -}}
{{- $at := printf "services.%s" .name -}}
{{- if and (eq .facts.database "required") (not $v.database.secret.name) -}}
  {{- $findings = append $findings (printf "database.secret.name: %s needs a database (or set %s.enabled=false)" .name $at) -}}
{{- end -}}
{{- range $file, $_ := .facts.files -}}
  {{- if not (or (hasKey $.values.files $file) $.values.existingConfigMap) -}}
    {{- $findings = append $findings (printf "%s: needs %s (--set-file '%s.files.%s=...'), or an existingConfigMap with it, or enabled=false" $at $file $at (replace "." "\\." $file)) -}}
  {{- end -}}
{{- end -}}
{{- if and (eq .facts.scales "one") (gt (int .values.replicas) 1) -}}
  {{- $findings = append $findings (printf "%s.replicas: a second one would do the same work again" $at) -}}
{{- end -}}
{{- if and (eq .facts.scales "partitions") (gt (int .values.replicas) (int $v.kafka.partitions)) -}}
  {{- $findings = append $findings (printf "%s.replicas: more than kafka.partitions (%d) have nothing to do" $at (int $v.kafka.partitions)) -}}
{{- end -}}
{{- if and (include "andon.part.autoscaled" .) (gt (int .values.autoscaling.min) (int (include "andon.part.most" .))) -}}
  {{- $findings = append $findings (printf "%s.autoscaling.min: is more than the most that there can be" $at) -}}
{{- end -}}
{{- if and (include "andon.part.autoscaled" .) (eq .values.autoscaling.kind "keda") (not $v.keda.prometheus) -}}
  {{- $findings = append $findings "keda.prometheus: KEDA asks a Prometheus for the lag; name its address" -}}
{{- end -}}
{{- if and .facts.models (ne .facts.image "inference") (not (include "andon.hasModels" .root)) -}}
  {{- $findings = append $findings (printf "services.registry.enabled: %s takes its models from the registry" .name) -}}
{{- end -}}
{{- if and (eq .facts.image "trainer") (not $v.models.trainerKey.name) -}}
  {{- $findings = append $findings "models.trainerKey.name: name the Secret with the key by which the trainer signs its models" -}}
{{- end -}}
{{- dict "findings" $findings | toJson -}}
{{- end -}}

{{- define "andon.check.kafka" -}}
{{- $v := .Values -}}
{{- $a := $v.kafka.authentication -}}
{{- $findings := list -}}
{{- if and (eq $a.type "tls") (not $v.kafka.tls.enabled) }}{{ $findings = append $findings "kafka.tls.enabled: certificates need TLS" }}{{ end -}}
{{- if and (ne $a.type "none") (eq $a.source "secret") (not $a.secret) }}{{ $findings = append $findings "kafka.authentication.secret: name the Secret" }}{{ end -}}
{{- if and (ne $a.type "none") (eq $a.source "strimzi") (not $v.strimzi.users) }}{{ $findings = append $findings "strimzi.users: must be on, as kafka.authentication.source is strimzi" }}{{ end -}}
{{- if and (not (has $a.type (list "none" "tls"))) (eq $a.source "secret") (not $a.username) }}{{ $findings = append $findings "kafka.authentication.username: say who logs in" }}{{ end -}}
{{- if and (eq $a.source "strimzi") (not (has $a.type (list "none" "tls" "scram-sha-512"))) }}{{ $findings = append $findings "kafka.authentication.type: Strimzi makes tls and scram-sha-512" }}{{ end -}}
{{- if and (eq $a.source "certManager") (not (has $a.type (list "none" "tls"))) }}{{ $findings = append $findings "kafka.authentication.type: cert-manager makes certificates, so it must be tls" }}{{ end -}}
{{- if and (eq $a.source "certManager") (eq $a.type "tls") (not $v.certManager.issuer.name) (not $v.certManager.kafkaIssuer.name) }}{{ $findings = append $findings "certManager.kafkaIssuer.name: name the issuer" }}{{ end -}}
{{- if or $v.strimzi.topics $v.strimzi.users -}}
  {{- if not $v.strimzi.cluster }}{{ $findings = append $findings "strimzi.cluster: name the Kafka resource" }}{{ end -}}
  {{- $site := include "andon.site" . | fromJson -}}
  {{- if not (and $site.enterprise $site.name) }}{{ $findings = append $findings "strimzi.site: give enterprise and name, as in the plant model of the existing ConfigMap" }}{{ end -}}
{{- end -}}
{{- dict "findings" $findings | toJson -}}
{{- end -}}

{{- define "andon.check.models" -}}
{{- $v := .Values -}}
{{- $findings := list -}}
{{- if include "andon.hasModels" . -}}
  {{- if not (or (hasKey $v.models.files "trust.yaml") $v.models.existingConfigMap) }}{{ $findings = append $findings "models: needs trust.yaml (--set-file 'models.files.trust\\.yaml=...'), or an existingConfigMap with it" }}{{ end -}}
  {{- if and $v.certManager.enabled (not $v.certManager.issuer.name) }}{{ $findings = append $findings "certManager.issuer.name: name the issuer" }}{{ end -}}
  {{- if not (or $v.certManager.enabled (and $v.models.serverSecret $v.models.clientSecret)) }}{{ $findings = append $findings "models.serverSecret, models.clientSecret: name the Secrets with the registry's and its clients' certificates, or set certManager.enabled" }}{{ end -}}
{{- end -}}
{{- dict "findings" $findings | toJson -}}
{{- end -}}
