{{/*
The Secret of a name (dict secret, and a part): jobs that come before an install cannot wait for what is installed, so
they have a copy of their own of a Secret that comes from a store.
*/}}
{{- define "andon.part.externalSecret" -}}
{{- $values := .root.Values.externalSecrets -}}
{{- if and .facts.bare $values.enabled (hasKey $values.secrets .secret) -}}
{{ include "andon.part.fullname" . }}-{{ end -}}
{{ .secret }}
{{- end -}}

{{/* An ExternalSecret, and the Secret of its name (dict root, name, keys: key to remote key and property; hook: of the migration). */}}
{{- define "andon.externalSecret" -}}
{{- $values := .root.Values.externalSecrets -}}
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "andon.labels" .root | nindent 4 }}
  {{- if .hook }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "-10"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  {{- end }}
spec:
  refreshInterval: {{ $values.refreshInterval }}
  secretStoreRef: {name: {{ $values.store.name }}, kind: {{ $values.store.kind }}}
  target: {name: {{ .name }}, creationPolicy: Owner}
  data:
    {{- range $key, $remote := .keys }}
    - secretKey: {{ $key }}
      remoteRef: {{ toJson $remote }}
    {{- end }}
{{- end -}}
