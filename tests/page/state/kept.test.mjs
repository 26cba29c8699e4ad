// The list that is kept on the device.

import assert from "node:assert/strict";
import { test } from "node:test";
import { forget, keep, kept } from "../../../web/chat/kept.js";
import { fromView, withView } from "../../../web/chat/state.js";

function storage() {
  const held = new Map();
  return { getItem: (key) => held.get(key) ?? null, setItem: (key, value) => held.set(key, value), removeItem: (key) => held.delete(key), held };
}

test("what was kept is there for its user alone, and gone when he signs out", () => {
  const store = storage();
  keep("ada", [{ id: "c1", seq: 3 }, { id: "c2", seq: 1 }], store);
  assert.deepEqual([...kept("ada", store).keys()], ["c1", "c2"]);
  assert.equal(kept("bob", store).size, 0);
  forget(store);
  assert.equal(kept("ada", store).size, 0);
});

test("what the server shows is newer than any picture, also after it was restored from a backup", () => {
  const store = storage();
  keep("ada", [fromView({ id: "c1", rev: 9, seq: 8, unreadCount: 0, createdAt: "2026-11-23T10:00:00.000Z" })], store);
  const list = withView(kept("ada", store), { id: "c1", rev: 6, seq: 5, unreadCount: 2, createdAt: "2026-11-23T10:00:00.000Z" });
  assert.deepEqual([list.get("c1").rev, list.get("c1").seq], [6, 5]);
});

test("it is bounded", () => {
  const store = storage();
  keep("ada", Array.from({ length: 500 }, (_, index) => ({ id: `c${index}` })), store);
  assert.equal(kept("ada", store).size, 100);
});

test("what is not a list, or a storage that refuses, is an empty list", () => {
  const broken = { getItem: () => "{", setItem() { throw new Error("full"); }, removeItem() { throw new Error("no"); } };
  assert.equal(kept("ada", broken).size, 0);
  keep("ada", [], broken);
  forget(broken);
  assert.equal(kept("ada", undefined).size, 0);
});
