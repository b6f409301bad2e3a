{{/*
One rule of a conduit (dict root, name, and key: from or to): its peers and ports. A conduit without peers leads to
everything but the OT network, of which only the conduit `ot` knows.
*/}}
{{- define "andon.conduit" -}}
{{- $conduit := get .root.Values.networkPolicy.conduits .name -}}
- to:
    {{- range $conduit.namespaces }}
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ . }}}}
    {{- end }}
    {{- range $conduit.cidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
    {{- if not (or $conduit.namespaces $conduit.cidrs) }}
    - namespaceSelector: {}
    {{- range $all := list "0.0.0.0/0" "::/0" }}
    - ipBlock:
        cidr: {{ $all | quote }}
        {{- $except := list }}
        {{- range $.root.Values.networkPolicy.conduits.ot.cidrs }}
        {{- if eq (contains ":" .) (contains ":" $all) }}{{ $except = append $except . }}{{ end }}
        {{- end }}
        {{- with $except }}
        except: {{ toJson . }}
        {{- end }}
    {{- end }}
    {{- end }}
  ports:
    {{- range $conduit.ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- if eq $.name "dns" }}
    - {protocol: UDP, port: {{ . }}}
    {{- end }}
    {{- end }}
{{- end -}}

{{- define "andon.namespacePeers" -}}
{{- range . }}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ . }}}}
{{- end }}
{{- end -}}

{{/* What a part (dict root, name, facts) may be reached by and may reach. */}}
{{- define "andon.part.network" -}}
{{- $values := .root.Values -}}
{{- $part := . -}}
metadata:
  name: {{ include "andon.part.fullname" . }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "andon.part.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "andon.part.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress: {{- include "andon.part.ingress" . | nindent 4 }}
  egress:
    {{- $conduits := list "dns" }}
    {{- if not .facts.bare }}{{ $conduits = append $conduits "kafka" }}{{ end }}
    {{- if and $values.telemetry.traces (not .facts.bare) }}{{ $conduits = append $conduits "traces" }}{{ end }}
    {{- if include "andon.part.database" . }}{{ $conduits = append $conduits "database" }}{{ end }}
    {{- range concat $conduits (.facts.conduits | default list) }}
    {{- include "andon.conduit" (dict "root" $part.root "name" .) | nindent 4 }}
    {{- end }}
    {{- if and .facts.models (include "andon.hasModels" .root) }}
    - to:
        - podSelector:
            matchLabels: {{- include "andon.part.selector" (dict "root" .root "name" "registry") | nindent 14 }}
      ports: [{protocol: TCP, port: 8443}]
    {{- end }}
    {{- with $values.networkPolicy.extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "andon.part.ingress" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $ports := include "andon.part.ports" . | fromJson -}}
{{- $rules := list -}}
{{- if and $policy.monitoringNamespaces (not .facts.bare) (ne .name "probe") }}
- from: {{- include "andon.namespacePeers" $policy.monitoringNamespaces | nindent 4 }}
  ports: [{protocol: TCP, port: {{ $ports.metrics }}}]
{{- $rules = append $rules "metrics" -}}
{{- end }}
{{- if $ports.grpc }}
- from:
    {{- range $name, $other := include "andon.services" .root | fromJson }}
    {{- if $other.facts.models }}
    - podSelector:
        matchLabels: {{- include "andon.part.selector" (dict "root" $.root "name" $name) | nindent 10 }}
    {{- end }}
    {{- end }}
    {{- include "andon.namespacePeers" $policy.peopleNamespaces | nindent 4 }}
  ports: [{protocol: TCP, port: {{ $ports.grpc }}}]
{{- $rules = append $rules "grpc" -}}
{{- end }}
{{- if and $ports.api $policy.peopleNamespaces }}
- from: {{- include "andon.namespacePeers" $policy.peopleNamespaces | nindent 4 }}
  ports: [{protocol: TCP, port: {{ $ports.api }}}]
{{- $rules = append $rules "api" -}}
{{- end }}
{{- if not $rules }}[]{{ end -}}
{{- end -}}
