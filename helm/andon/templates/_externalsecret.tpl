{{/* An ExternalSecret (dict root, name, secret, keys: key to remote key and property; hook: of the migration). */}}
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
  target: {name: {{ .secret }}, creationPolicy: Owner}
  data:
    {{- range $key, $remote := .keys }}
    - secretKey: {{ $key }}
      remoteRef: {{ toJson $remote }}
    {{- end }}
{{- end -}}
