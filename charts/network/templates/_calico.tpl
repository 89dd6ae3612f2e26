{{- define "network.calico-container" -}}
{{- $values := .root.Values -}}
- name: {{ .name }}
  image: {{ $values.calico.image }}
  command: {{ concat (list "calico-node") .flags | toJson }}
  env:
    - {name: NODENAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    {{- range $name, $value := include "network.calico-environment" .root | fromYaml }}
    - {name: {{ $name }}, value: {{ $value | quote }}}
    {{- end }}
  resources: {{- toYaml $values.calico.resources | nindent 4 }}
  securityContext: {privileged: true}
  volumeMounts:
    - {name: run, mountPath: /var/run/calico}
    - {name: lib, mountPath: /var/lib/calico}
    - {name: modules, mountPath: /lib/modules, readOnly: true}
    - {name: lock, mountPath: /run/xtables.lock}
{{- end }}

{{- define "network.calico-environment" -}}
DATASTORE_TYPE: kubernetes
CALICO_NETWORKING_BACKEND: {{ ternary "vxlan" "none" .Values.overlay }}
NO_DEFAULT_POOLS: "true"
IP: autodetect
IP_AUTODETECTION_METHOD: kubernetes-internal-ip
# Not by the Service's address: kube-proxy may not run yet.
KUBERNETES_SERVICE_HOST: {{ .Values.api.host }}
KUBERNETES_SERVICE_PORT: {{ .Values.api.port | quote }}
FELIX_NFTABLESMODE: Enabled
FELIX_DEFAULTENDPOINTTOHOSTACTION: ACCEPT
FELIX_LOGSEVERITYSYS: none
FELIX_LOGSEVERITYSCREEN: Warning
FELIX_XDPENABLED: "false"
# A build without cgo panics in the clean-up of BPF programs otherwise.
FELIX_DebugSkipCTLBCleanup: "true"
FELIX_IPV6SUPPORT: "false"
FELIX_HEALTHENABLED: "true"
# Upstream's default calls home.
FELIX_USAGEREPORTINGENABLED: "false"
CLUSTER_TYPE: k8s
CALICO_DISABLE_FILE_LOGGING: "true"
{{- end }}
