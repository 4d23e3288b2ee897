-- Which server this is, and since when its counters count. After a crash they
-- begin again without pg_stat_database saying so, but the archiver's reset
-- time then is that of the start: hence the later of the two. On a standby
-- the counters are its own.
SELECT (SELECT system_identifier FROM pg_control_system())
         AS system_identifier,
       current_database() AS "database",
       pg_is_in_recovery() AS standby,
       to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS now,
       to_char(greatest(
                 (SELECT stats_reset FROM pg_stat_database
                   WHERE datname = current_database()),
                 (SELECT stats_reset FROM pg_stat_archiver))
               AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
         AS counted_since,
       current_setting('track_counts')::boolean AS counts,
       (SELECT count(*) FROM pg_stat_replication) AS standbys
