-- How far server process $1 is with an ANALYZE: phase, blocks, of how many.
SELECT phase, sample_blks_scanned, sample_blks_total
  FROM pg_stat_progress_analyze
 WHERE pid = $1::integer
