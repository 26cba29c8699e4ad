"""Sends one text and does not give up: the same request, under the same name, until the server says what became
of it. Only the standard library. TOKEN, CONVERSATION.     send.py TEXT"""
import json, os, random, sys, time, urllib.error, urllib.request, uuid

API = os.environ.get("PARLANCE_URL", "http://localhost:3000") + "/api/v1"

def send(text, tries=8):
    body = {"conversationId": os.environ["CONVERSATION"], "content": text,
            "clientMessageId": str(uuid.uuid4())}  # made once, before the first try; keep it with a text that waits
    request = urllib.request.Request(API + "/messages", json.dumps(body).encode(), {
        "Content-Type": "application/json", "Authorization": "Bearer " + os.environ["TOKEN"]})
    for attempt in range(tries):
        pause = random.uniform(0, min(30, 0.5 * 2**attempt))  # full jitter
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            if refused.status not in (429, 503):
                raise  # it will never be accepted as it is: 401 is refreshed first, the rest is for people
            pause = max(pause, float(refused.headers.get("Retry-After", 0)))
        except OSError:
            pass  # no answer: it has had one effect or none, and the same request again tells which
        time.sleep(pause)
    raise TimeoutError("not known yet: keep the text and its clientMessageId, and go on later")

message = send(sys.argv[1])
print("message", message["seq"], "of the conversation:", message["content"])
