{{- /* Values of which each can be, and that cannot be together; included by the Deployment. */ -}}
{{- define "lading.checks" -}}
{{- $values := .Values -}}
{{- $http := $values.config.http | default dict -}}
{{- $s3 := $values.config.storage.s3 | default dict -}}
{{- $url := dig "database" "postgresql" "url" "" $values.config -}}

{{- if regexMatch "^[a-z]+://[^/@]*:[^/@]+@" $url -}}
{{- fail "config.database.postgresql.url holds a password, which would be read in a ConfigMap: put it into a Secret, and name that in databasePassword.secret" -}}
{{- end -}}
{{- if or $s3.secretkey $s3.accesskey -}}
{{- fail "config.storage.s3 holds keys, which would be read in a ConfigMap: put them into a Secret, and name that in bucketKeys.secret" -}}
{{- end -}}
{{- if and $http.addr (ne $http.addr ":5000") -}}
{{- fail "config.http.addr is the chart's, as its ports and probes go by it: set service.port for another one outside" -}}
{{- end -}}
{{- if and (dig "debug" "addr" "" $http) (ne (dig "debug" "addr" "" $http) ":5001") -}}
{{- fail "config.http.debug.addr is the chart's, as its probes go by it: networkPolicy.metrics says who may ask there" -}}
{{- end -}}

{{- if and $values.autoscaling.enabled (gt (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" -}}
{{- end -}}
{{- if and $values.autoscaling.enabled (not (dig "requests" "cpu" "" $values.resources)) -}}
{{- fail "autoscaling goes by the use of what is requested: set resources.requests.cpu" -}}
{{- end -}}
{{- if and $values.serviceMonitor.enabled $values.networkPolicy.enabled (not $values.networkPolicy.metrics) -}}
{{- fail "serviceMonitor.enabled, and nobody may ask for the figures: say in networkPolicy.metrics where Prometheus is, or set networkPolicy.enabled to false" -}}
{{- end -}}

{{- $drain := $http.draintimeout | default "30s" -}}
{{- if and (kindIs "string" $drain) (regexMatch "^[0-9]+s$" $drain) -}}
{{- $needed := add (int $values.drainSeconds) (int (trimSuffix "s" $drain)) 10 -}}
{{- if le (int $values.terminationGracePeriodSeconds) (int $needed) -}}
{{- fail (printf "terminationGracePeriodSeconds must be more than drainSeconds, config.http.draintimeout, and the 10 seconds in which a server ends, together (%d): what is under way then would be cut off" (int $needed)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
