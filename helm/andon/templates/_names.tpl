{{- define "andon.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that say which pods are of this release; they never change, as selectors must not. */}}
{{- define "andon.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "andon.labels" -}}
{{ include "andon.selector" . }}
app.kubernetes.io/part-of: andon
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Of a part (dict root, name): its labels, its selector and the name of its objects. */}}
{{- define "andon.part.labels" -}}
{{ include "andon.labels" .root }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "andon.part.selector" -}}
{{ include "andon.selector" .root }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "andon.part.fullname" -}}
{{ include "andon.fullname" .root }}-{{ .name }}
{{- end -}}

{{- define "andon.image" -}}
{{- $values := .root.Values.image -}}
{{- with $values.registry }}{{ . | trimSuffix "/" }}/{{ end -}}
andon-{{ .facts.image | default .name }}:{{ $values.tag | default .root.Chart.AppVersion }}
{{- end -}}
