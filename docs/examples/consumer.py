"""Holds every event, once, to the schema published for it.     pip install confluent-kafka jsonschema
consumer.py BROKER TOPIC GROUP   or   parlance tail chat.events --json | consumer.py"""
import collections, json, pathlib, sys
from jsonschema import Draft202012Validator as Validator
def kafka(broker, topic, group):
    from confluent_kafka import Consumer, KafkaError, KafkaException
    consumer, ends = Consumer({"bootstrap.servers": broker, "group.id": group, "auto.offset.reset": "earliest",
                               "enable.auto.offset.store": False, "enable.partition.eof": True}), set()
    consumer.subscribe([topic])
    while not ends or len(ends) < len(consumer.assignment()):  # to the end: the next run goes on from there
        record = consumer.poll(1)
        if record and not record.error():
            headers = {name: text.decode() for name, text in record.headers() if name.startswith("ce_")}
            yield headers, json.loads(record.value())
            consumer.store_offsets(record)  # it is handled: the next commit may pass it
        elif record and record.error().code() == KafkaError._PARTITION_EOF:
            ends.add(record.partition())
        elif record:
            raise KafkaException(record.error())
    consumer.close()
folder = pathlib.Path(__file__).resolve().parents[2] / "schemas/json/chat.events"
schemas = {path.name.removesuffix(".schema.json"): Validator(json.loads(path.read_text())) for path in folder.iterdir()}
lines = ((line["headers"], line["value"]) for line in map(json.loads, sys.stdin))
last, kinds = {}, collections.Counter()
for headers, value in kafka(*sys.argv[1:]) if sys.argv[1:] else lines:
    conversation, rev, kind = headers["ce_subject"], int(headers["ce_rev"]), headers["ce_type"]
    if rev > last.get(conversation, 0):  # else it came before
        schemas[kind].validate(value)    # raises; a KeyError is a type newer than this folder
        last[conversation], kinds[kind] = rev, kinds[kind] + 1
print(f"{kinds.total()} events of {len(last)} conversations are as published: {dict(kinds)}")
