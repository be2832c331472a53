"""Contends for a lock with other processes, by the usual recipe: who has the oldest key holds it, and everybody else waits
until the key before the own one is deleted. (The client's own `Lock` fails with the versions of `tenacity` of today as soon
as it has to wait.)

    python3 contended_lock.py HOST PORT

Starts processes that add to a number, each time reading and then writing it under the lock, which is wrong if two of them
ever hold it at a time; and one that is killed while it holds the lock. Exits with 0 if everything is as it should be.
"""

import contextlib
import signal
import subprocess
import sys

import etcd3

HOST, PORT = sys.argv[1], int(sys.argv[2])
PROCESSES, ROUNDS = 2, 20


def queue(client, name):
    """Keys that want a lock, the oldest first, and the revision at which that was so."""
    found = list(client.get_prefix(f"{name}/", sort_order="ascend", sort_target="create"))
    return [meta.key for _, meta in found], found[0][1].response_header.revision


@contextlib.contextmanager
def lock(client, name, ttl):
    lease = client.lease(ttl)
    key = f"{name}/{lease.id:x}"
    isNew, _ = client.transaction(
        compare=[client.transactions.create(key) == 0],
        success=[client.transactions.put(key, "", lease=lease)],
        failure=[],
    )
    assert isNew
    while (waiting := queue(client, name))[0][0] != key.encode():
        keys, revision = waiting
        events, cancel = client.watch(keys[keys.index(key.encode()) - 1], start_revision=revision + 1)
        assert isinstance(next(events), etcd3.events.DeleteEvent)
        cancel()
    yield
    lease.revoke()


def add(client):
    for _ in range(ROUNDS):
        with lock(client, "counter", 20):
            number = int(client.get("number")[0])
            client.put("number", str(number + 1))


def hold(client):
    with lock(client, "held", 2):
        print("held", flush=True)
        signal.pause()


def start(role):
    return subprocess.Popen([sys.executable, "-B", __file__, HOST, str(PORT), role], stdout=subprocess.PIPE, text=True)


def main(client):
    client.put("number", "0")
    children = [start("add") for _ in range(PROCESSES)]
    assert [child.wait(timeout=60) for child in children] == [0] * PROCESSES
    number = int(client.get("number")[0])
    assert number == PROCESSES * ROUNDS, number

    # Somebody gets it when the time of who held it and died is over.
    holder = start("hold")
    assert holder.stdout.readline() == "held\n"
    assert len(queue(client, "held")[0]) == 1
    holder.kill()
    holder.wait()
    with lock(client, "held", 20):
        assert len(queue(client, "held")[0]) == 1
    print("ok")


# Each process has a client of its own: channels of gRPC do not outlive a fork.
client = etcd3.client(host=HOST, port=PORT, timeout=10)
{"add": add, "hold": hold, "main": main}[sys.argv[3] if len(sys.argv) > 3 else "main"](client)
