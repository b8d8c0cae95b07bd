{{- /*
The objects are those of manifests/base and its neighbours, which files/ leads to: a template reads one, puts in what the values say, and
prints it. What base changes, the chart changes.
*/ -}}

{{- /* webhook.text: dict root, file. The file's text, for the release's namespace. */ -}}
{{- define "webhook.text" -}}
{{- $namespace := .root.Release.Namespace -}}
{{- $text := .root.Files.Get (printf "files/%s" .file) -}}
{{- if not $text -}}
{{- fail (printf "files/%s: not in this chart (expected a chart made by helm package or taken from the repository)" .file) -}}
{{- end -}}
{{- $text
  | replace "namespace: code-executor-webhook" (printf "namespace: %s" $namespace)
  | replace "[code-executor-webhook, kube-system]" (printf "[%s, kube-system]" $namespace)
  | replace "system:serviceaccount:code-executor-webhook:" (printf "system:serviceaccount:%s:" $namespace)
  | replace "code-executor-webhook.code-executor-webhook.svc" (printf "code-executor-webhook.%s.svc" $namespace)
  | replace "kubectl -n code-executor-webhook " (printf "kubectl -n %s " $namespace) -}}
{{- end -}}

{{- /* webhook.object: dict root, object. The object as YAML, with the release's labels beside its own. */ -}}
{{- define "webhook.object" -}}
{{- $metadata := .object.metadata -}}
{{- $labels := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_"))
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/version" .root.Chart.AppVersion -}}
{{- $_ := set $metadata "labels" (merge (dict) (default (dict) $metadata.labels) $labels .root.Values.extraLabels) -}}
---
{{ toYaml .object }}
{{ end -}}

{{- define "webhook.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- .Values.image.repository -}}:{{- $tag -}}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- /* webhook.port: an address to listen on, such as [::]:10250. */ -}}
{{- define "webhook.port" -}}
{{- regexFind "[0-9]+$" . -}}
{{- end -}}

{{- define "webhook.seccompConfigMapName" -}}
{{- .Values.config.sandbox.seccomp.configMapName | replace "{sha256}" (.Files.Get "files/nsjail-seccomp.json" | sha256sum) -}}
{{- end -}}

{{- /* webhook.profilePattern: dict path. As a regular expression in a CEL string, with any digest. */ -}}
{{- define "webhook.profilePattern" -}}
{{- .path | replace "." "[.]" | replace "{sha256}" "[0-9a-f]{64}" -}}
{{- end -}}

{{- /* finalStatePolicy.hostPaths as a list in CEL. */ -}}
{{- define "webhook.hostPaths" -}}
{{- $paths := list }}
{{- range .Values.finalStatePolicy.hostPaths }}
{{- $paths = append $paths (squote .) }}
{{- end }}
{{- printf "[%s]" (join ", " $paths) }}
{{- end -}}
