#!/bin/sh
# Runs once, when the database server of compose.yaml starts on an empty volume: a database for each
# service, owned by a role for migrations and used by a role for the service.
set -eu
for service in registry metering market settlement; do
  psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set owner="peerwatt_${service}_owner" --set role="peerwatt_${service}" \
    --set password="$PEERWATT_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE :"owner" LOGIN PASSWORD :'password';
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"role" OWNER :"owner";
REVOKE ALL ON DATABASE :"role" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"role" TO :"role";
SQL
done
