{{/* The pod of a part (dict root, name, facts, values, and for jobs command and args). */}}
{{- define "andon.part.pod" -}}
{{- $root := .root -}}
{{- $volumes := include "andon.part.volumes" . | fromJson -}}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: {{ .facts.image | default .name }}
    image: {{ include "andon.image" . | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    {{- with .command }}
    command: {{ toJson . }}
    {{- end }}
    {{- with .args }}
    args: {{ toJson . }}
    {{- end }}
    env:
      {{- range $name, $value := include "andon.part.env" . | fromJson }}
      - {name: {{ $name }}, value: {{ $value | quote }}}
      {{- end }}
    {{- if not .command }}
    {{- include "andon.part.probes" . | nindent 4 }}
    {{- end }}
    resources: {{ toYaml .values.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    volumeMounts:
      {{- range $name, $volume := $volumes }}
      - {name: {{ $name }}, mountPath: {{ $volume.path }}{{ if $volume.readOnly }}, readOnly: true{{ end }}}
      {{- end }}
volumes:
  {{- range $name, $volume := $volumes }}
  {{- if not $volume.source.claim }}
  - {{ merge (dict "name" $name) $volume.source | toYaml | nindent 4 | trim }}
  {{- end }}
  {{- end }}
{{- end -}}

{{/*
Probes: /healthz fails when a worker with lag makes no progress, /readyz until it has its partitions. Who is called by
others stays for a while when it is told to stop, until nobody is sent to it any more.
*/}}
{{- define "andon.part.probes" -}}
{{- $ports := include "andon.part.ports" . | fromJson -}}
ports:
  {{- range $name, $port := $ports }}
  - {name: {{ $name }}, containerPort: {{ $port }}, protocol: TCP}
  {{- end }}
startupProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 5
  timeoutSeconds: 3
{{- if gt (len $ports) 1 }}
lifecycle:
  preStop:
    sleep: {seconds: 5}
{{- end }}
{{- end -}}

{{/* Labels and annotations of a service's pods; the checksum starts them anew when a file changes. */}}
{{- define "andon.part.podMetadata" -}}
labels:
  {{- include "andon.part.labels" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ list .root.Values.plant.model .values.files .root.Values.models.files | toJson | sha256sum }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
