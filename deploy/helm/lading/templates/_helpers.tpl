{{- define "lading.name" -}}
{{- contains .Chart.Name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "lading.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "lading.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "lading.selector" . }}
{{- end -}}

{{- define "lading.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "lading.name" .) "default") -}}
{{- end -}}

{{- /* The configuration file: what the chart needs, and over it what the values say. */ -}}
{{- define "lading.config" -}}
{{- $chart := dict "version" 0.1 "http" (dict "addr" ":5000" "debug" (dict "addr" ":5001")) -}}
{{- if .Values.serviceMonitor.enabled -}}
{{- $_ := set $chart.http.debug "prometheus" (dict "enabled" true) -}}
{{- end -}}
{{- if .Values.databasePassword.secret -}}
{{- $password := dict "passwordfile" "/run/secrets/lading/database-password" -}}
{{- $_ := set $chart "database" (dict "postgresql" $password) -}}
{{- end -}}
{{- mergeOverwrite $chart (deepCopy .Values.config) | toYaml -}}
{{- end -}}
