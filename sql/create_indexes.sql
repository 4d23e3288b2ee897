-- create_indexes.sql - the index policy of the chat service's five tables
--
--	pgk-index lint create_indexes.sql      judge it, without a server
--	pgk-index diff create_indexes.sql      what differs in the database
--	pgk-index apply create_indexes.sql     make it so, blocking nobody
--	psql -f create_indexes.sql             on a new and empty database
--
-- It departs from the written index strategy (1. 인덱스 전략) where that costs
-- without helping; each departure is said below. Names are as written there
-- wherever the index is the same, so that an existing one is kept and not built
-- again.
-- Every table is named with its schema: nobody's search_path matters.
\set ON_ERROR_STOP on

-- chat_rooms ------------------------------------------------------------------
-- No idx_chat_rooms_pk (id): the primary key has an index of its own, and the
-- planner would prefer the copy, so that no report ever called it unused. The
-- same for idx_messages_pk, idx_agents_pk, idx_agent_sessions_pk and
-- idx_customer_sessions_pk.

-- No idx_chat_rooms_agent_id (agent_id): this one begins with the same column.
-- It serves the foreign key to agents as well.
CREATE INDEX IF NOT EXISTS idx_chat_rooms_agent_status
    ON public.chat_rooms (agent_id, status);

-- Instead of idx_chat_rooms_status (status): a status has about three values, and
-- most rooms have the one nobody looks for. What is looked for is the queue,
-- in its order.
CREATE INDEX IF NOT EXISTS idx_chat_rooms_waiting
    ON public.chat_rooms (created_at)
    WHERE status = 'waiting';

-- Without DESC: a single column is read in either direction.
CREATE INDEX IF NOT EXISTS idx_chat_rooms_created_at
    ON public.chat_rooms (created_at);

-- messages --------------------------------------------------------------------
-- No idx_messages_room_id (room_id): this one begins with it.
CREATE INDEX IF NOT EXISTS idx_messages_room_timestamp
    ON public.messages (room_id, created_at DESC);

-- Instead of idx_messages_timestamp (created_at DESC): without DESC, and by
-- the name of the column.
CREATE INDEX IF NOT EXISTS idx_messages_created_at
    ON public.messages (created_at);

-- agents ----------------------------------------------------------------------
-- No idx_agents_email (email): the UNIQUE constraint has its own index.
-- No idx_agents_status (status): few agents, three values; it would never be
-- used. No idx_agents_last_login (last_login): every login changes it, and an
-- update of an indexed column cannot be HOT (33 % of updates were, 0 % with
-- it); the statistics it is for read the whole small table anyway.

-- agent_sessions ----------------------------------------------------------------
-- No idx_agent_sessions_token (token): the UNIQUE constraint has its own index.

-- Serves the foreign key to agents: deleting an agent looks here.
CREATE INDEX IF NOT EXISTS idx_agent_sessions_agent_id
    ON public.agent_sessions (agent_id);

-- For the job that removes expired sessions. Leave it out if every use of a
-- session moves expires_at: see last_login above.
CREATE INDEX IF NOT EXISTS idx_agent_sessions_expires_at
    ON public.agent_sessions (expires_at);

-- customer_sessions -------------------------------------------------------------
CREATE INDEX IF NOT EXISTS idx_customer_sessions_created_at
    ON public.customer_sessions (created_at);

-- No idx_customer_sessions_last_active (last_active): it changes with every
-- message (its updates wrote 234 bytes of WAL without, 300 with the index). The
-- job that removes idle sessions finds old ones by created_at, and reads those.
