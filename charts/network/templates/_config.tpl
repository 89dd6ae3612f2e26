{{- define "network.proxy-config" -}}
config.yaml: |
  apiVersion: kubeproxy.config.k8s.io/v1alpha1
  kind: KubeProxyConfiguration
  mode: nftables
  clusterCIDR: {{ .Values.pods }}
  clientConnection: {kubeconfig: /var/lib/kube-proxy/kubeconfig.yaml}
  # Sizes of the connection table belong to the machine, which may be a container.
  conntrack: {maxPerCore: 0, min: 0}
  nodePortAddresses: [primary]
  healthzBindAddress: 127.0.0.1:10256
  metricsBindAddress: 127.0.0.1:10249
kubeconfig.yaml: |
  apiVersion: v1
  kind: Config
  clusters: [{name: province, cluster: {server: {{ .Values.api.url | quote }}, certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt}}]
  users: [{name: kube-proxy, user: {tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token}}]
  contexts: [{name: province, context: {cluster: province, user: kube-proxy}}]
  current-context: province
{{- end }}

{{- define "network.corefile" -}}
{{- $port := .Values.dns.port -}}
{{ .Values.dns.domain }}:{{ $port }} in-addr.arpa:{{ $port }} ip6.arpa:{{ $port }} {
    errors
    health :8080 {
        lameduck 5s
    }
    ready :8181
    kubernetes {{ .Values.dns.domain }} in-addr.arpa ip6.arpa {
        pods disabled
        ttl 30
    }
    cache 30
}
# No forward: pods know no names outside the province but those of the mesh; everything else fails at once.
.:{{ $port }} {
    errors
    template ANY ANY {
        rcode NXDOMAIN
    }
}
{{- end }}

{{- define "network.cni" -}}
{{- $ipam := ternary (dict "type" "calico-ipam") (dict "type" "host-local" "subnet" "usePodCidr") .Values.overlay }}
{{- $calico := dict "type" "calico" "datastore_type" "kubernetes" "log_level" "warning" "nodename" "__NODE__" "mtu" .Values.mtu "ipam" $ipam
      "policy" (dict "type" "k8s") "kubernetes" (dict "kubeconfig" "/etc/cni/net.d/calico-kubeconfig") }}
{{- $portmap := dict "type" "portmap" "snat" true "capabilities" (dict "portMappings" true) }}
{{- dict "name" "k8s-pod-network" "cniVersion" "0.3.1" "plugins" (list $calico $portmap) | toJson }}
{{- end }}

{{- define "network.cni-kubeconfig" -}}
{{- /* The token file is the pod's own projected volume as the machine sees it; the kubelet renews it there. */ -}}
apiVersion: v1
kind: Config
clusters: [{name: province, cluster: {server: {{ .Values.api.url | quote }}, certificate-authority: /etc/kubernetes/pki/ca.crt}}]
users: [{name: calico, user: {tokenFile: /var/lib/kubelet/pods/__POD__/volumes/kubernetes.io~projected/cni-token/token}}]
contexts: [{name: province, context: {cluster: province, user: calico}}]
current-context: province
{{- end }}

{{- define "network.install" -}}
set -eu
for name in calico calico-ipam; do
  cp /usr/local/bin/calico /host/bin/$name.new
  mv /host/bin/$name.new /host/bin/$name
done
umask 077
sed "s/__POD__/$POD_UID/" /config/kubeconfig > /host/net.d/calico-kubeconfig.new
mv /host/net.d/calico-kubeconfig.new /host/net.d/calico-kubeconfig
# Istio's plugin is chained into the same file: written again only when our part of it has changed.
sed "s/__NODE__/$NODE_NAME/" /config/conflist > /host/net.d/calico.source.new
if [ "$(cat /host/net.d/calico.source.new)" != "$(cat /host/net.d/calico.source 2>/dev/null)" ] || [ ! -s /host/net.d/10-calico.conflist ]; then
  cp /host/net.d/calico.source.new /host/net.d/10-calico.conflist.new
  mv /host/net.d/10-calico.conflist.new /host/net.d/10-calico.conflist
fi
mv /host/net.d/calico.source.new /host/net.d/calico.source
{{- end }}
