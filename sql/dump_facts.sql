-- What a set says of the server and the database it came from.
SELECT (SELECT system_identifier FROM pg_control_system()),
       (SELECT timeline_id FROM pg_control_checkpoint()),
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_lsn() END,
       current_setting('data_checksums'),
       pg_database_size(d.oid),
       pg_encoding_to_char(d.encoding),
       d.datcollate, d.datctype,
       coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
       (SELECT count(*) FROM pg_user_mappings),
       (SELECT count(*) FROM pg_subscription s WHERE s.subdbid = d.oid)
  FROM pg_database d
 WHERE d.datname = current_database()
