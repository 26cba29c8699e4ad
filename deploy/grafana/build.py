#!/usr/bin/env python3
"""Makes deploy/grafana/parlance.json, the dashboard, of the panels below: `build.py --write`.

Without `--write` it says whether the file is what these panels make. A panel is a row here: title, unit,
what it tells, expressions with their legends. `$m` stands for the matchers that every selector carries, so
that job and instance choose what is shown.
"""

import json
import pathlib
import sys

PLACE = pathlib.Path(__file__).resolve().parent / "parlance.json"
MATCH = 'job=~"$job",instance=~"$instance"'
RATE = "$__rate_interval"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, AMBER, RED = "green", "#EAB839", "red"


def rate(name, match="", by=""):
    """The sum of a counter's rate."""
    labels = ",".join(part for part in (match, "$m") if part)
    group = f" by ({by})" if by else ""
    return f"sum{group} (rate({name}{{{labels}}}[{RATE}]))"


def quantile(part, name, match="", by=""):
    """A quantile of a histogram."""
    group = f"le, {by}" if by else "le"
    return f"histogram_quantile({part}, {rate(name + '_bucket', match, group)})"


def total(name, match="", by="", how="sum"):
    """A gauge over all processes."""
    labels = ",".join(part for part in (match, "$m") if part)
    group = f" by ({by})" if by else ""
    return f"{how}{group} ({name}{{{labels}}})"


def both(name, match="", by="", legend=""):
    """p50 and p99 of a histogram."""
    return [(quantile(part, name, match, by), f"p{tell} {legend}".strip()) for part, tell in ((0.5, 50), (0.99, 99))]


def panel(title, unit, tells, targets, **more):
    return {"title": title, "unit": unit, "tells": tells, "targets": targets, **more}


def stat(title, unit, tells, expression, steps, **more):
    return panel(title, unit, tells, [(expression, "")], kind="stat", width=4, height=4, steps=steps, **more)


POOL = 'pool=~"$pool"'

ROWS = [
    ("Is it well?", [
        stat("Processes ready", "none", "Processes that take their work. Falls while one is rolled: fine for seconds.",
             total("parlance_ready"), [(None, RED), (1, GREEN)]),
        stat("Invariants broken", "none", "Anything but 0 is a defect: runbook ParlanceInvariantBroken.",
             total("parlance_invariant_violations_total"), [(None, GREEN), (1, RED)], counter=True),
        stat("Oldest record waits", "s", "The largest lag of any partition: what a client waits. Above 5 s scale or mend.",
             total("parlance_pool_lag_seconds", how="max"), [(None, GREEN), (1, AMBER), (5, RED)]),
        stat("Dead letters, last hour", "none", "Records that could not be handled in the last hour: `parlance dlq list`.",
             "sum (increase(parlance_dead_letters_total{$m}[1h]))", [(None, GREEN), (0.5, RED)]),
        stat("Requests failed", "percentunit", "Share of REST requests that were answered with 5xx.",
             rate("parlance_http_requests_total", 'status="5xx"') + " / " + rate("parlance_http_requests_total"),
             [(None, GREEN), (0.001, AMBER), (0.01, RED)]),
        stat("Send to deliver, p99", "s", "Sum of the p99 of the stages that a message passes: an upper bound.",
             " + ".join(quantile(0.99, "parlance_stage_seconds", f'stage="{stage}"') for stage in ("persist", "fanout", "deliver"))
             + " + " + quantile(0.99, "parlance_push_seconds"),
             [(None, GREEN), (0.5, AMBER), (2, RED)]),
    ]),
    ("Traffic and errors", [
        panel("Messages", "ops", "Messages folded, and frames that were queued to sockets because of them.",
              [(rate("parlance_messages_total"), "messages"), (rate("parlance_deliveries_total"), "frames queued")]),
        panel("REST requests by status", "reqps", "By class of status. 4xx are clients' mistakes and limits, 5xx are ours.",
              [(rate("parlance_http_requests_total", by="status"), "{{status}}")], stack=True),
        panel("Refused", "reqps", "By a rate limit (429, 4429), or for want of room (503, before anything was done).",
              [(rate("parlance_rate_limited_total", by="limit"), "limit {{limit}}"),
               (rate("parlance_overloaded_total", by="cause"), "no room: {{cause}}")]),
        panel("REST latency by class of route", "s", "From the head of a request to its answer. Sends wait for the fold; auth hashes passwords.",
              both("parlance_http_request_seconds", by="class", legend="{{class}}")),
    ]),
    ("From send to deliver, stage by stage", [
        panel("Stages, p99", "s", "From the append of the record that a stage reads to the end of its handling.",
              [(quantile(0.99, "parlance_stage_seconds", by="stage"), "{{stage}}"),
               (quantile(0.99, "parlance_push_seconds"), "push to socket")]),
        panel("Appends", "s", "From the call until the record is durable. Clients' appends give up after 2 s.",
              both("parlance_append_seconds", by="budget", legend="{{budget}}")),
        panel("Fold of conversations, step by step, p99", "s", "journal is the commit point; load and apply are the store; emit is the log.",
              [(quantile(0.99, "parlance_fold_step_seconds", 'pool="persist"', "step"), "{{step}}")]),
        panel("Requests on sockets", "s", "From an accepted request on a socket to its answer.",
              both("parlance_socket_request_seconds")),
        panel("Store calls, p99", "s", "By call. On shared engines this is the way to the store and back.",
              [(quantile(0.99, "parlance_store_seconds", by="call"), "{{call}}")]),
        panel("Store errors", "ops", "unavailable: tried again. fenced: a late owner was stopped, as it should be. The others are defects.",
              [(rate("parlance_store_errors_total", by="error"), "{{error}}")]),
    ]),
    ("Pools", [
        panel("Lag, seconds", "s", "Age of the oldest unfinished record of each pool: scale by this.",
              [(total("parlance_pool_lag_seconds", POOL, "pool", "max"), "{{pool}}")], limit=5),
        panel("Lag, records", "none", "Records not finished.",
              [(total("parlance_pool_lag_records", POOL, "pool"), "{{pool}}")]),
        panel("Lag by partition, seconds, worst ten", "s", "One partition alone: a poisonous record or a hot conversation. All of them: the pool or an engine.",
              [(f"topk(10, {total('parlance_pool_lag_seconds', POOL, 'pool, partition', 'max')})", "{{pool}} {{partition}}")]),
        panel("Records handled", "ops", "Throughput of each pool.",
              [(rate("parlance_records_total", POOL, "pool"), "{{pool}}")]),
        panel("Work against its bound", "percentunit", "Records and bytes read and not finished, as a share of where the pool stops reading.",
              [(f"{total('parlance_pool_work_records', POOL, 'pool', 'max')} / {total('parlance_pool_work_limit_records', POOL, 'pool', 'max')}", "{{pool}} records"),
               (f"{total('parlance_pool_work_bytes', POOL, 'pool', 'max')} / {total('parlance_pool_work_limit_bytes', POOL, 'pool', 'max')}", "{{pool}} bytes")]),
        panel("Records of a batch, p50", "none", "Larger batches at a higher rate: that is how it absorbs load.",
              [(quantile(0.5, "parlance_batch_records", POOL, "pool"), "{{pool}}")]),
        panel("Partitions", "none", "Partitions each process has. In all it must be those of the topic; a process without any is one too many.",
              [(total("parlance_pool_partitions", POOL, "pool, instance"), "{{pool}} {{instance}}")], stack=True),
        panel("Retries and dead letters", "ops", "Retries: an engine did not answer. Dead letters: records that could not be handled.",
              [(rate("parlance_retries_total", POOL, "pool"), "retries {{pool}}"),
               (rate("parlance_dead_letters_total", POOL, "pool"), "dead letters {{pool}}")]),
        panel("Stalled", "none", "1: records wait and none was finished for half a minute. After two minutes the process gives up its partitions.",
              [(total("parlance_pool_stalled", POOL, "pool", "max"), "{{pool}}")]),
    ]),
    ("Sockets", [
        panel("Open sockets", "none", "Authenticated ones, and those that have not said who they are.",
              [(total("parlance_sockets", by="instance"), "{{instance}}"),
               (total("parlance_sockets_unauthenticated"), "not authenticated")]),
        panel("Protocols", "none", "Open sockets by what they speak. Polling needs a proxy that keeps a session with its node (SOCKETIO).",
              [(total("parlance_sockets_by_protocol", by="protocol"), "{{protocol}}")], stack=True),
        panel("Opened and closed", "cps", "Closes by code (PROTOCOL): 1012 a restart, 4401 and 4403 tokens, 4429 limits, 4508 slow readers.",
              [(rate("parlance_sockets_opened_total"), "opened"),
               (rate("parlance_sockets_closed_total", by="code"), "closed {{code}}")]),
        panel("Bytes", "Bps", "Text of frames, and bodies of REST.",
              [(rate("parlance_frames_sent_bytes_total"), "sockets out"),
               (rate("parlance_frames_received_bytes_total"), "sockets in"),
               (rate("parlance_http_sent_bytes_total"), "REST out"),
               (rate("parlance_http_received_bytes_total"), "REST in")]),
        panel("Frames", "ops", "Given to the kernel, received, and dropped because a socket did not read.",
              [(rate("parlance_frames_sent_total"), "sent"), (rate("parlance_frames_received_total"), "received"),
               (rate("parlance_frames_dropped_total"), "dropped")]),
        panel("Queues of sockets", "bytes", "What waits for sockets to read: all, and the fullest one, which is dropped for a resync at its limit.",
              [(total("parlance_socket_queue_bytes"), "all"),
               (total("parlance_socket_queue_max_bytes", how="max"), "fullest"),
               (total("parlance_socket_queue_limit_bytes", how="max"), "limit of one")]),
        panel("Catching up", "ops", "Syncs by outcome, sockets told to resync, gaps in the order of events, broadcasts without routes.",
              [(rate("parlance_syncs_total", by="outcome"), "sync {{outcome}}"), (rate("parlance_resyncs_total"), "resyncs"),
               (rate("parlance_gaps_total"), "gaps"), (rate("parlance_gaps_given_up_total"), "gaps given up"),
               (rate("parlance_broadcasts_total"), "broadcasts")]),
        panel("Time of a sync, p99", "s", "From the request to its last frame. A client that reads slowly makes it long.",
              both("parlance_sync_seconds")),
        panel("Frames of one write, p50", "none", "Frames that left with one flush.",
              [(quantile(0.5, "parlance_write_frames"), "frames")]),
    ]),
    ("Presence", [
        panel("Who is here", "none", "Users with a device, their devices, and nodes that tell of any; by processes of the pool presence.",
              [(total("parlance_presence_users"), "users"), (total("parlance_presence_devices"), "devices"),
               (total("parlance_presence_nodes", how="max"), "nodes")]),
        panel("Transitions", "ops", "Published: users who became something else. Damped: who came back before anybody heard that they were gone.",
              [(rate("parlance_presence_transitions_total", by="status"), "{{status}}"),
               (rate("parlance_presence_flaps_damped_total"), "damped")]),
        panel("Flapping", "none", "Users who come and go all the time; their going is told late. Many: a network, a proxy or a client that drops sockets.",
              [(total("parlance_presence_flapping_users"), "users")]),
    ]),
    ("Queues, journal and disk", [
        panel("Queues against their bounds", "percentunit", "At 1 the next one is refused or waits.",
              [(f"{total('parlance_queue_depth', by='queue')} / {total('parlance_queue_limit', by='queue')}", "{{queue}}")], limit=0.8),
        panel("Sync of the journal", "s", "Embedded engines: one write and sync. It is the floor of every send.",
              both("parlance_journal_sync_seconds"), limit=0.1),
        panel("Records of one sync, p50", "none", "How many records share a sync.",
              [(quantile(0.5, "parlance_journal_group_records"), "records")]),
        panel("Written", "Bps", "Bytes of the journal, embedded engines.",
              [(rate("parlance_journal_written_bytes_total"), "journal")]),
        panel("Size on disk", "bytes", "Embedded engines: journal with its limit, store, and what is free.",
              [(total("parlance_journal_bytes"), "journal"), (total("parlance_journal_limit_bytes"), "journal's limit"),
               (total("parlance_store_bytes"), "store"), (total("parlance_data_free_bytes", how="min"), "free")]),
        panel("Segments", "none", "Files of the journal: they go when they are folded, synced and past their retention.",
              [(total("parlance_journal_segments"), "segments")]),
    ]),
    ("Processes", [
        panel("Processor", "percentunit", "Cores in use by each process.",
              [(rate("process_cpu_seconds_total", by="instance"), "{{instance}}")]),
        panel("Resident memory", "bytes", "Of each process.",
              [(total("process_resident_memory_bytes", by="instance"), "{{instance}}")]),
        panel("Open files", "none", "Of each process, and the most it may have: sockets are files.",
              [(total("process_open_fds", by="instance"), "{{instance}}"), (total("process_max_fds", by="instance", how="min"), "limit of {{instance}}")]),
        panel("Wake-ups of a message", "none", "Times that stages were woken for each message: overhead, falls under load.",
              [(f"{rate('parlance_wakeups_total')} / {rate('parlance_messages_total')}", "wake-ups"),
               (f"{rate('parlance_lsm_inserts_total')} / {rate('parlance_messages_total')}", "keys of the embedded store")]),
        panel("Version and role", "none", "What runs. Two versions side by side is a rolling update.",
              [(total("parlance_build_info", by="version, role"), "{{version}} {{role}}")]),
        panel("Uptime", "s", "Of the youngest process: a saw tooth is a crash loop.",
              [(total("parlance_uptime_seconds", how="min"), "youngest")]),
    ]),
    ("Shared engines", [
        panel("Kafka: appends that wait", "none", "Records without an acknowledgement, by budget.",
              [(total("parlance_kafka_queue_records", by="budget"), "{{budget}}")], shared=True),
        panel("Kafka: brokers answer", "none", "1 while appends are acknowledged, of the worst process.",
              [(total("parlance_kafka_up", by="budget", how="min"), "{{budget}}")], shared=True),
        panel("Kafka: commits refused", "ops", "Their records are handled again, without effect.",
              [(rate("parlance_kafka_commit_failures_total", by="group"), "{{group}}")], shared=True),
    ]),
]


def variable(name, label, query, everything=".+"):
    return {
        "name": name, "label": label, "type": "query", "datasource": DATASOURCE, "query": query,
        "definition": query, "refresh": 2, "includeAll": True, "multi": True, "allValue": everything,
        "sort": 1, "hide": 0, "regex": "", "skipUrlSync": False, "options": [],
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def target(at, expression, legend, kind):
    made = {
        "refId": chr(ord("A") + at), "datasource": DATASOURCE, "expr": expression.replace("$m", MATCH),
        "legendFormat": legend or "__auto", "range": kind != "stat", "instant": kind == "stat",
    }
    return made


def visual(number, spec, place):
    kind = spec.get("kind", "timeseries")
    steps = spec.get("steps") or [(None, GREEN)] + ([(spec["limit"], RED)] if "limit" in spec else [])
    defaults = {
        "unit": spec["unit"], "min": 0,
        "thresholds": {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps]},
        "color": {"mode": "thresholds" if kind == "stat" else "palette-classic"},
    }
    if kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line", "lineWidth": 1, "fillOpacity": 10 if spec.get("stack") else 0, "showPoints": "never",
            "stacking": {"mode": "normal" if spec.get("stack") else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if "limit" in spec else "off"},
        }
        options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                   "tooltip": {"mode": "multi", "sort": "desc"}}
    else:
        options = {"colorMode": "background", "graphMode": "area", "justifyMode": "auto", "textMode": "auto",
                   "orientation": "auto", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                   "wideLayout": True, "showPercentChange": False, "percentChangeColorMode": "standard"}
    return {
        "id": number, "type": kind, "title": spec["title"], "description": spec["tells"], "datasource": DATASOURCE,
        "gridPos": place, "fieldConfig": {"defaults": defaults, "overrides": []}, "options": options,
        "targets": [target(at, *one, kind) for at, one in enumerate(spec["targets"])],
    }


def dashboard():
    panels, y, number = [], 0, 1
    for title, specs in ROWS:
        panels.append({"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
        number, y, x, height = number + 1, y + 1, 0, 0
        for spec in specs:
            width, height = spec.get("width", 8), spec.get("height", 8)
            if x + width > 24:
                x, y = 0, y + height
            panels.append(visual(number, spec, {"h": height, "w": width, "x": x, "y": y}))
            number, x = number + 1, x + width
        y += height
    return {
        "uid": "parlance", "title": "Parlance", "tags": ["parlance", "chat"], "editable": False, "graphTooltip": 1,
        "description": "One deployment of Parlance: is it well, and if not, which stage, pool or engine. Runbook: docs/OPERATIONS.md.",
        "schemaVersion": 39, "version": 1, "timezone": "browser", "refresh": "10s", "weekStart": "", "fiscalYearStartMonth": 0,
        "time": {"from": "now-1h", "to": "now"}, "timepicker": {}, "links": [], "liveNow": False,
        "annotations": {"list": []},
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1,
             "hide": 0, "includeAll": False, "multi": False, "regex": "", "skipUrlSync": False, "options": [],
             "current": {"selected": True, "text": "default", "value": "default"}},
            variable("job", "Job", "label_values(parlance_build_info, job)"),
            variable("instance", "Instance", 'label_values(parlance_build_info{job=~"$job"}, instance)'),
            variable("pool", "Pool", f"label_values(parlance_pool_partitions{{{MATCH}}}, pool)"),
        ]},
        "panels": panels,
    }


def main():
    text = json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"
    if "--write" in sys.argv[1:]:
        PLACE.write_text(text)
    elif not PLACE.exists() or PLACE.read_text() != text:
        sys.exit("deploy/grafana/parlance.json differs from build.py: run deploy/grafana/build.py --write")


if __name__ == "__main__":
    main()
