{{- define "zidecar.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Labels of one part: (list $ "injector") */}}
{{- define "zidecar.labels" -}}
{{- $root := first . -}}
app.kubernetes.io/name: zidecar
app.kubernetes.io/component: {{ last . }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end }}

{{- define "zidecar.selector" -}}
app.kubernetes.io/name: zidecar
app.kubernetes.io/component: {{ last . }}
app.kubernetes.io/instance: {{ (first .).Release.Name }}
{{- end }}

{{- define "zidecar.ensemble" -}}
{{- $parts := list -}}
{{- range $i := until (int .Values.zookeeper.replicas) -}}
{{- $parts = append $parts (printf "%s-%d.%s-nodes.%s.svc:%d" $.Values.zookeeper.name $i $.Values.zookeeper.name $.Release.Namespace (ternary 2182 2181 $.Values.zookeeper.tls.enabled)) -}}
{{- end -}}
{{ join "," $parts }}
{{- end }}

{{/* probeInterval -> ZIDECAR_PROBE_INTERVAL */}}
{{- define "zidecar.variable" -}}
ZIDECAR_{{ regexReplaceAll "([A-Z])" . "_${1}" | upper }}
{{- end }}

{{- define "zidecar.locked" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
{{- end }}
