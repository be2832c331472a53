"""Uses a server of etcd's API through the client `etcd3` of PyPI.

    python3 etcd3_client.py HOST PORT

Exits with 0 if everything is as it should be.
"""

import sys
import threading

import etcd3

client = etcd3.client(host=sys.argv[1], port=int(sys.argv[2]), timeout=10)

assert client.get("a") == (None, None)
client.put("a", "1")
value, meta = client.get("a")
assert (value, meta.key, meta.version) == (b"1", b"a", 1)
for number in range(5):
    client.put(f"b/{number}", str(number))
assert [value for value, _ in client.get_prefix("b/", sort_order="descend", sort_target="key")] == [b"4", b"3", b"2", b"1", b"0"]
assert client.delete("a") and not client.delete("a")
assert client.delete_prefix("b/").deleted == 5
assert client.put_if_not_exists("c", "1") and not client.put_if_not_exists("c", "2")
assert client.replace("c", "1", "2") and not client.replace("c", "1", "3")

succeeded, answers = client.transaction(
    compare=[client.transactions.value("c") == "2", client.transactions.version("c") > 1],
    success=[client.transactions.put("d", "1"), client.transactions.get("d")],
    failure=[client.transactions.delete("c")],
)
assert succeeded and answers[1][0][0] == b"1"

# A watch from the past, and one that sees what another thread does.
events, cancel = client.watch("c", start_revision=1)
assert [next(events).value for _ in range(2)] == [b"1", b"2"]
client.put("c", "3")
assert next(events).value == b"3"
cancel()
arrived = threading.Event()
number = client.add_watch_callback("e", lambda response: arrived.set())
client.put("e", "1")
assert arrived.wait(10)
client.cancel_watch(number)

lease = client.lease(60)
client.put("f", "1", lease=lease)
assert lease.granted_ttl == 60 and 0 < lease.remaining_ttl <= 60 and lease.keys == [b"f"]
assert next(iter(lease.refresh())).TTL == 60
lease.revoke()
assert client.get("f") == (None, None)

with client.lock("lock", ttl=20) as lock:
    assert lock.is_acquired()
    assert client.get(lock.key)[0] == lock.uuid
assert not lock.is_acquired()

client.compact(client.get("c")[1].mod_revision)
try:
    next(client.watch("c", start_revision=2)[0])
    raise AssertionError("a watch of what is compacted")
except etcd3.exceptions.RevisionCompactedError as error:
    assert error.compacted_revision > 2

assert client.status().version.startswith("3.")
assert len(list(client.members)) == 1
print("ok")
