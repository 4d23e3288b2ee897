-- How far server process $1 is with an index, and whom it waits for.
SELECT p.phase, coalesce(a.wait_event_type, '') = 'Lock',
       p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total,
       w.pid, b.application_name, b.usename, b.state,
       extract(epoch FROM clock_timestamp() - b.xact_start)::bigint,
       left(regexp_replace(b.query, '\s+', ' ', 'g'), 60)
  FROM pg_stat_activity a
  LEFT JOIN pg_stat_progress_create_index p ON p.pid = a.pid
 CROSS JOIN LATERAL (SELECT coalesce(nullif(p.current_locker_pid, 0),
            (pg_blocking_pids(a.pid))[1])) w (pid)
  LEFT JOIN pg_stat_activity b ON b.pid = w.pid
 WHERE a.pid = $1::integer
