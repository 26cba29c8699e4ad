#!/usr/bin/env bash
# The quick start of the README, as a test: the commands between the two marks are the README's,
# word for word (`deploy/test lint` compares them); what comes after checks what they printed.
#
#   PARLANCE_URL     where the server is, http://localhost:3000 unless set
#   QUICKSTART_ENV   a file to write the tokens and the conversation to, for sockets.py
set -euo pipefail

out=$(mktemp)
shown=no
finish() {
    local status=$?
    if [ "$status" -ne 0 ] && [ "$shown" = no ]; then cat "$out"; fi
    if [ "$status" -ne 0 ]; then echo "quick start failed (status $status)" >&2; fi
    rm -f "$out"
}
trap finish EXIT

# A disk that stands still leaves an outcome open, and a test waits for it: the same request under one key.
curl() { command curl --retry 5 -H "Idempotency-Key: quickstart-$$-$RANDOM$RANDOM" "$@"; }

{
# quickstart:begin
API="${PARLANCE_URL:-http://localhost:3000}/api/v1"
ALICE="alice_$RANDOM$RANDOM" BOB="bob_$RANDOM$RANDOM"
post() { curl -fsS -X POST "$API/$1" -H 'Content-Type: application/json' "${@:3}" -d "$2"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)["data"][sys.argv[1]])' "$1"; }

# Two people register and log in.
post auth/register '{"username":"'"$ALICE"'","email":"'"$ALICE"'@example.org","password":"violet-kettle-81","firstName":"Alice","lastName":"Ames"}'; echo
BOB_ID=$(post auth/register '{"username":"'"$BOB"'","email":"'"$BOB"'@example.org","password":"marble-lantern-27","firstName":"Bob","lastName":"Bell"}' | field userId)
ALICE_TOKEN=$(post auth/login '{"identifier":"'"$ALICE"'","password":"violet-kettle-81"}' | field accessToken)
BOB_TOKEN=$(post auth/login '{"identifier":"'"$BOB"'","password":"marble-lantern-27"}' | field accessToken)

# Alice opens a direct conversation with Bob and sends a message: 201 means it is on disk.
CONVERSATION=$(post conversations '{"type":"direct","participantIds":["'"$BOB_ID"'"]}' -H "Authorization: Bearer $ALICE_TOKEN" | field id)
post messages '{"conversationId":"'"$CONVERSATION"'","content":"Hello, Bob","clientMessageId":"hello-1"}' -H "Authorization: Bearer $ALICE_TOKEN"; echo

# The same request again, as after a lost answer: the same message, not a second one.
post messages '{"conversationId":"'"$CONVERSATION"'","content":"Hello, Bob","clientMessageId":"hello-1"}' -H "Authorization: Bearer $ALICE_TOKEN"; echo

# Bob reads.
curl -fsS "$API/conversations/$CONVERSATION/messages" -H "Authorization: Bearer $BOB_TOKEN"; echo
export ALICE_TOKEN BOB_TOKEN CONVERSATION
# quickstart:end
} >"$out"

cat "$out"
shown=yes

python3 - "$out" "$CONVERSATION" "$BOB_ID" <<'PY'
import json, sys

path, conversation, bob = sys.argv[1:]
registered, sent, again, page = [json.loads(line) for line in open(path)]
for answer in (registered, sent, again, page):
    assert answer["success"] is True and answer["timestamp"].endswith("Z"), answer
assert registered["data"]["userId"] != bob, registered
sent, again, page = sent["data"], again["data"], page["data"]
assert sent["content"] == "Hello, Bob" and sent["clientMessageId"] == "hello-1", sent
assert sent["conversationId"] == conversation and sent["seq"] == 1, sent
assert (again["id"], again["seq"]) == (sent["id"], sent["seq"]), (sent, again)
assert [(m["id"], m["seq"]) for m in page["messages"]] == [(sent["id"], 1)], page
assert page["pagination"]["total"] == 1, page
print("quick start: registered, sent once, read once")
PY

# A stranger's answer and a refusal, since the quick start shows only what goes well.
status=$(curl -sS -o /dev/null -w '%{http_code}' "$API/conversations/$CONVERSATION/messages")
[ "$status" = 401 ] || { echo "without a token: $status, not 401" >&2; exit 1; }
status=$(curl -sS -o /dev/null -w '%{http_code}' -X POST "$API/messages" \
    -H 'Content-Type: application/json' -H "Authorization: Bearer $BOB_TOKEN" \
    -d '{"conversationId":"'"$CONVERSATION"'","content":""}')
[ "$status" = 400 ] || { echo "an empty message: $status, not 400" >&2; exit 1; }

if [ -n "${QUICKSTART_ENV:-}" ]; then
    printf 'export ALICE_TOKEN=%q BOB_TOKEN=%q CONVERSATION=%q\n' \
        "$ALICE_TOKEN" "$BOB_TOKEN" "$CONVERSATION" >"$QUICKSTART_ENV"
fi
