{{- define "population.connection" -}}
- {name: PGHOST, value: {{ .Values.database.host }}}
- {name: PGPORT, value: {{ .Values.database.port | quote }}}
- {name: PGDATABASE, value: population}
- {name: PGSSLMODE, value: verify-full}
- {name: PGSSLROOTCERT, value: /etc/yrd/tls/ca.pem}
- {name: PGCONNECT_TIMEOUT, value: "5"}
{{- end }}

{{- define "population.postgresql" -}}
listen_addresses = '*'
port = {{ .Values.database.port }}
unix_socket_directories = '/run/postgresql'
hba_file = '/etc/population-database/pg_hba.conf'
password_encryption = 'scram-sha-256'
ssl = on
ssl_cert_file = '/etc/yrd/tls/tls.crt'
ssl_key_file = '/etc/yrd/tls/tls.key'
ssl_min_protocol_version = 'TLSv1.3'
max_connections = 40
shared_buffers = '32MB'
jit = off
log_connections = on
log_disconnections = on
# Statements carry people's ids: neither they nor their parameters are logged.
log_statement = 'none'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_min_error_statement = 'panic'
log_line_prefix = '%m [%p] %q%u@%d %h '
{{- end }}

{{- define "population.hba" -}}
# type    database    user                address  method
local     all         postgres                     peer
hostssl   all         postgres            all      scram-sha-256
hostssl   population  all                 all      scram-sha-256
{{- end }}

{{- define "population.initialise" -}}
set -eu
data=/var/lib/postgresql/data/cluster
# Made beside and renamed: a cluster that was killed half-made is never taken for a whole one.
if [ ! -s "$data/PG_VERSION" ]; then
  rm -rf "$data.new"
  /usr/lib/postgresql/15/bin/initdb --pgdata "$data.new" --username postgres --auth-local peer --auth-host scram-sha-256 \
    --pwfile /etc/yrd/credentials/postgres-password --data-checksums --encoding UTF8 --locale C.UTF-8
  rm -rf "$data"
  mv "$data.new" "$data"
  sync
fi
# After a start the volume is mounted anew and its group may be given every right; PostgreSQL refuses such a directory.
chmod 0700 "$data"
{{- end }}
