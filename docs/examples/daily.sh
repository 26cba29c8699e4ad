#!/usr/bin/env bash
# Messages a day, by DuckDB, from the embedded engines: needs `pip install duckdb`. Shown in docs/DATA.md.
parlance tail chat.events --json --from earliest --until-end >events.jsonl
python - <<'PY'
import duckdb
print(duckdb.sql("""
    SELECT CAST(headers->>'ce_time' AS TIMESTAMP)::DATE AS day, count(DISTINCT headers->>'ce_id') AS messages,
           count(DISTINCT key) AS conversations, count(DISTINCT value->>'senderId') AS senders
    FROM read_json('events.jsonl', columns = {key: 'VARCHAR', headers: 'JSON', value: 'JSON'})
    WHERE headers->>'ce_type' = 'chat.message.created' GROUP BY day ORDER BY day
"""))
PY
