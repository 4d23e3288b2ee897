-- roles.sql - roles with the rights pgk's tools need, and no more
--
-- Run by a superuser in each database that is dumped, again whenever large
-- objects or (on 13) schemas and owners were added; what is there stays:
--
--	psql -d medtranslate -f roles.sql
--	psql -d medtranslate -v dump_role=backup -v restore_role= -f roles.sql
--
--	dump_role      for pgk-dump (pgk_dump); empty: none
--	restore_role   for pgk-restore --create and --replace (pgk_restore);
--	               empty: none
--	index_role     for pgk-index (pgk_index); empty: none
--	replication_role   for pgk-basebackup and pgk-wal receive
--	               (pgk_replication); empty: none
--
-- Roles are made without a password. Give them one with \password, or let
-- pg_hba.conf say peer or cert; clients read it from ~/.pgpass, never from a
-- command line. pgk-prune, pgk-list, pgk-cat, pgk-key and the other verbs of
-- pgk-wal need no role: they do not connect. PostgreSQL 13 to 18.
\set ON_ERROR_STOP on
\if :{?dump_role} \else \set dump_role pgk_dump \endif
\if :{?restore_role} \else \set restore_role pgk_restore \endif
\if :{?index_role} \else \set index_role pgk_index \endif
\if :{?replication_role} \else \set replication_role pgk_replication \endif

BEGIN;
SET LOCAL search_path = '';
SET LOCAL client_min_messages = warning;
SELECT current_setting('server_version_num')::int >= 140000 AS has_read_all,
       current_setting('server_version_num')::int >= 150000 AS has_backup_start,
       current_setting('server_version_num')::int >= 170000 AS has_maintain,
       :'index_role' <> '' AS want_index,
       NOT EXISTS (SELECT FROM pg_catalog.pg_roles
           WHERE rolname = :'index_role') AS new_index,
       :'dump_role' <> '' AS want_dump,
       :'replication_role' <> '' AS want_replication,
       NOT EXISTS (SELECT FROM pg_catalog.pg_roles
           WHERE rolname = :'replication_role') AS new_replication,
       :'restore_role' <> '' AS want_restore,
       NOT EXISTS (SELECT FROM pg_catalog.pg_roles
           WHERE rolname = :'dump_role') AS new_dump,
       NOT EXISTS (SELECT FROM pg_catalog.pg_roles
           WHERE rolname = :'restore_role') AS new_restore,
       EXISTS (SELECT FROM pg_catalog.pg_class
           WHERE relrowsecurity) AS has_policies,
       pg_catalog.current_database() AS database \gset

-- pgk-dump --------------------------------------------------------------------
\if :want_dump
\if :new_dump
CREATE ROLE :"dump_role" LOGIN;
\endif
-- a dump changes nothing, and finds what it means
ALTER ROLE :"dump_role" SET default_transaction_read_only = on;
ALTER ROLE :"dump_role" SET search_path = '';
GRANT CONNECT ON DATABASE :"database" TO :"dump_role";

-- With row security a role sees its own rows only: a dump of them would look
-- whole. pg_dump refuses such tables unless the role may pass by.
\if :has_policies
ALTER ROLE :"dump_role" BYPASSRLS;
\endif

\if :has_read_all
-- Reads every table, pg_authid with its password hashes too. Those get into
-- a dump with --all and encryption only, as an object of their own.
GRANT pg_read_all_data TO :"dump_role";
\else
SELECT pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, :'dump_role')
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT pg_catalog.format('GRANT SELECT ON ALL %s IN SCHEMA %I TO %I', kind, n.nspname, :'dump_role')
FROM pg_catalog.pg_namespace n, (VALUES ('TABLES'), ('SEQUENCES')) k (kind)
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \gexec
-- and on those that the owners of today's will make
SELECT DISTINCT pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %s GRANT %s TO %I',
    n.nspowner::pg_catalog.regrole, what, :'dump_role')
FROM (SELECT nspowner FROM pg_catalog.pg_namespace
      WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
      UNION
      SELECT c.relowner FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
      WHERE s.nspname !~ '^pg_' AND s.nspname <> 'information_schema') n,
     (VALUES ('USAGE ON SCHEMAS'), ('SELECT ON TABLES'), ('SELECT ON SEQUENCES')) k (what) \gexec
\endif

-- Up to 18 a large object is readable by those it was granted to alone.
SELECT pg_catalog.format('GRANT SELECT ON LARGE OBJECT %s TO %I', oid, :'dump_role')
FROM pg_catalog.pg_largeobject_metadata \gexec

COMMENT ON ROLE :"dump_role" IS 'reads for pgk-dump';
\endif

-- pgk-restore ------------------------------------------------------------------
-- Makes databases and owns what it restores. What only a superuser may make
-- (extensions that are not trusted, event triggers, subscriptions, other
-- owners' objects with their owners) needs one at the restore as well.
\if :want_restore
\if :new_restore
CREATE ROLE :"restore_role" LOGIN CREATEDB;
\endif
ALTER ROLE :"restore_role" CREATEDB;
-- for --replace --force, which ends the sessions of others
GRANT pg_signal_backend TO :"restore_role";
COMMENT ON ROLE :"restore_role" IS 'makes and fills databases for pgk-restore';
\endif

-- pgk-index --------------------------------------------------------------------
-- Looks at all indexes, and makes and drops those of tables that it owns by
-- being a member of their owners. A superuser's tables are left out: a member
-- of a superuser is one. Give such tables an owner, or let a superuser apply.
\if :want_index
\if :new_index
CREATE ROLE :"index_role" LOGIN;
\endif
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO :"index_role";
-- statistics and sessions of all, to see who keeps a build waiting
GRANT pg_monitor TO :"index_role";
\if :has_read_all
GRANT pg_read_all_data TO :"index_role";
\endif
\if :has_maintain
GRANT pg_maintain TO :"index_role";
\endif
SELECT DISTINCT pg_catalog.format('GRANT %I TO %I', r.rolname, :'index_role')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema' AND NOT r.rolsuper
  AND r.rolname <> :'index_role' \gexec
COMMENT ON ROLE :"index_role" IS 'judges and makes indexes for pgk-index';
\endif

-- pgk-basebackup, pgk-wal receive ----------------------------------------------
-- Cannot read a table by SQL, but takes the files: every row and every password
-- hash is in them, and its slot makes the server keep WAL. It is for the host
-- that makes backups alone. A line of pg_hba.conf lets it in, before others
-- that would match (the word "all" for the database does not mean this):
--
--	# TYPE   DATABASE     USER             ADDRESS       METHOD
--	hostssl  replication  pgk_replication  192.0.2.7/32  scram-sha-256
--	local    replication  pgk_replication                scram-sha-256
--
-- and its line of ~/.pgpass has "replication" for the database, too. With a
-- line for an ordinary database where this was run, and that as the connection's
-- dbname, pgk-basebackup reads changed blocks only: it begins and ends the
-- backup there and reads files of the data folder, which is less than the above
-- gives anyway. And before 15 pgk-wal receive asks there where its slot begins.
\if :want_replication
\if :new_replication
CREATE ROLE :"replication_role" LOGIN REPLICATION;
\endif
ALTER ROLE :"replication_role" REPLICATION;
GRANT CONNECT ON DATABASE :"database" TO :"replication_role";
GRANT EXECUTE ON FUNCTION
    pg_catalog.pg_ls_dir(pg_catalog.text, boolean, boolean),
    pg_catalog.pg_stat_file(pg_catalog.text, boolean),
    pg_catalog.pg_read_binary_file(pg_catalog.text, bigint, bigint, boolean),
    pg_catalog.pg_control_system() TO :"replication_role";
\if :has_backup_start
GRANT EXECUTE ON FUNCTION
    pg_catalog.pg_backup_start(pg_catalog.text, boolean),
    pg_catalog.pg_backup_stop(boolean) TO :"replication_role";
\else
GRANT EXECUTE ON FUNCTION
    pg_catalog.pg_start_backup(pg_catalog.text, boolean, boolean),
    pg_catalog.pg_stop_backup(boolean, boolean) TO :"replication_role";
\endif
COMMENT ON ROLE :"replication_role" IS 'copies files and WAL for pgk-basebackup and pgk-wal receive';
\endif
COMMIT;
