#!/bin/bash
# pgk-restore -t: one table and what belongs to it
# shellcheck source=tests/sh/tap.sh
. "$(dirname "$0")/../sh/tap.sh"
# shellcheck source=tests/sh/server.sh
. "$ROOT/tests/sh/server.sh"
# shellcheck source=tests/sh/fixture.sh
. "$ROOT/tests/sh/fixture.sh"
# shellcheck source=tests/sh/restore.sh
. "$ROOT/tests/sh/restore.sh"

nasty_server
nasty_database nasty
chat_database chat 30000
run pgk-dump -d nasty -o "$T/nasty.sql.gz"
exits 0 "a dump of everything that trips restores"
run pgk-dump -d chat --no-encrypt -Z zstd -o "$T/chat.sql.zst"
exits 0 "a dump of a chat service"

createdb -T template0 some
run pgk-restore -d some -t public.messages "$T/chat.sql.zst"
exits 3 "a table alone, into an empty database"
err_has 'foreign key .*messages.*chat_rooms' "its foreign key is left out"
is "$(q some 'SELECT count(*) FROM messages')" 30000 "its rows are there"
is "$(q some "SELECT nextval(pg_get_serial_sequence('messages', 'id')) > 30000")" \
    t "its sequence goes on"
is "$(q some "SELECT count(*) FROM pg_indexes WHERE tablename = 'messages'")" \
    "$(q chat "SELECT count(*) FROM pg_indexes WHERE tablename = 'messages'")" \
    "its indexes are there"
is "$(q some "SELECT obj_description('messages'::regclass)")" \
    "$(q chat "SELECT obj_description('messages'::regclass)")" \
    "and its comment"
is "$(q some "SELECT count(*) FROM pg_class WHERE relkind = 'r'
    AND relnamespace = 'public'::regnamespace")" 1 "and nothing else"
run pgk-restore -d some -t public.messages "$T/chat.sql.zst"
exits 9 "not again: it has rows"
q some 'TRUNCATE messages'
run pgk-restore -d some -t public.messages -t public.agents "$T/chat.sql.zst"
exits 0 "again, when it is empty, and another one"
is "$(q some 'SELECT count(*) FROM messages')" 30000 "its rows are there again"
run pgk-restore -d some -t public.chat_rooms -t public.customer_sessions \
    "$T/chat.sql.zst"
exits 0 "with what its keys refer to there"
is "$(q some "SELECT count(*) FROM pg_constraint WHERE contype = 'f'
    AND conrelid IN ('chat_rooms'::regclass, 'customer_sessions'::regclass)")" 2 \
    "they are made"
run pgk-restore -d some -t public.Messages -t public.nosuch -t nosuch.agents \
    "$T/chat.sql.zst"
exits 1 "a table that is not there is absent"
err_has '"public"."nosuch", "nosuch"."agents"' "and named"
run pgk-restore -d some -t messages "$T/chat.sql.zst"
exits 2 "a table without its schema is none"
drop some
createdb -T template0 some
run pgk-restore -d some -t '"we.ird ""schema"""."ta""ble"' \
    -t 'public."; DROP TABLE x; --"' -t 'public."\."' "$T/nasty.sql.gz"
exits 0 "tables with such names"
is "$(q some 'SELECT count(*) FROM "we.ird ""schema"""."ta""ble"')" 10 "are"
is "$(q some 'SELECT count(*) FROM "\."')" 4 "restored"
drop some

createdb -T template0 some
run pgk-restore -d some -t public.hashed_text -t public.part_3 "$T/nasty.sql.gz"
exits 0 "partitioned tables, with their partitions"
for table in hashed_text part_3; do
	is "$(q some "SELECT count(*) FROM $table")" \
	    "$(q nasty "SELECT count(*) FROM $table")" "and all rows of $table"
done
is "$(q some "SELECT count(*) FROM pg_inherits JOIN pg_class ON
    oid = inhrelid WHERE relkind = 'r'")" 4 "they are attached"
run pgk-restore -d some -t public.part_1 "$T/nasty.sql.gz"
exits 0 "a partition without its table"
finish
