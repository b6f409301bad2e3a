{{/* The spec of a claim (size, storageClass, accessModes). */}}
{{- define "andon.claim" -}}
accessModes: {{ toJson .accessModes }}
{{- with .storageClass }}
storageClassName: {{ . }}
{{- end }}
resources: {requests: {storage: {{ .size }}}}
{{- end -}}

{{- define "andon.part.priority" -}}
{{- if .values.priorityClassName -}}
{{ .values.priorityClassName }}
{{- else if .root.Values.priorityClasses.create -}}
{{ include "andon.fullname" .root }}-{{ .values.priority }}
{{- end -}}
{{- end -}}
