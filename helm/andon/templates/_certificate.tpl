{{/*
A certificate (dict part, secret, issuer, name, hosts): the name is who its holder is; with hosts it is for a server.
*/}}
{{- define "andon.certificate" -}}
{{- $manager := .part.root.Values.certManager -}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: {{ .secret }}
  namespace: {{ .part.root.Release.Namespace }}
  labels: {{- include "andon.part.labels" .part | nindent 4 }}
spec:
  secretName: {{ .secret }}
  commonName: {{ .name }}
  {{- with .hosts }}
  dnsNames: {{ toJson . }}
  {{- end }}
  usages: [digital signature, {{ if .hosts }}server auth{{ else }}client auth{{ end }}]
  privateKey: {algorithm: ECDSA, size: 256, rotationPolicy: Always}
  duration: {{ $manager.duration }}
  renewBefore: {{ $manager.renewBefore }}
  issuerRef: {name: {{ .issuer.name }}, kind: {{ .issuer.kind }}, group: cert-manager.io}
{{- end -}}
