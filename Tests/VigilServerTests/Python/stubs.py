"""Uses a server of etcd's API through stubs that grpcio makes of this project's .proto files.

    python3 stubs.py HOST:PORT PROTOS

Exits with 0 if everything is as it should be. What must come first in a store: it takes the revisions from 2 on.
"""

import queue
import sys
import tempfile

import grpc
from grpc_tools import protoc


def generate(protos, folder):
    names = ["mvcc.proto", "kv.proto", "watch.proto", "lease.proto", "health.proto"]
    arguments = ["protoc", f"-I{protos}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main(arguments + [f"{protos}/{name}" for name in names]) == 0
    sys.path.insert(0, folder)


def key_values(channel):
    stub = kv_pb2_grpc.KVStub(channel)
    assert stub.Put(kv_pb2.PutRequest(key=b"a", value=b"1")).header.revision == 2
    again = stub.Put(kv_pb2.PutRequest(key=b"a", value=b"2", prev_kv=True))
    assert (again.header.revision, again.prev_kv.value) == (3, b"1")
    found = stub.Range(kv_pb2.RangeRequest(key=b"a", revision=2)).kvs[0]
    assert (found.value, found.create_revision, found.version) == (b"1", 2, 1)
    # Bytes that are no text, and a message of more than one frame.
    odd, long = bytes(range(256)), bytes(100_000)
    assert stub.Put(kv_pb2.PutRequest(key=odd, value=long)).header.revision == 4
    assert stub.Range(kv_pb2.RangeRequest(key=odd)).kvs[0].value == long

    create = kv_pb2.TxnRequest(
        compare=[kv_pb2.Compare(key=b"lock", target=kv_pb2.Compare.CREATE, result=kv_pb2.Compare.EQUAL, create_revision=0)],
        success=[kv_pb2.RequestOp(request_put=kv_pb2.PutRequest(key=b"lock", value=b"me"))],
        failure=[kv_pb2.RequestOp(request_range=kv_pb2.RangeRequest(key=b"lock"))],
    )
    assert stub.Txn(create).succeeded
    refused = stub.Txn(create)
    assert not refused.succeeded and refused.responses[0].response_range.kvs[0].value == b"me"
    deleted = stub.DeleteRange(kv_pb2.DeleteRangeRequest(key=b"\0", range_end=b"\0"))
    assert (deleted.deleted, deleted.header.revision) == (3, 6)


def refusals(channel):
    stub = kv_pb2_grpc.KVStub(channel)
    for call, code, details in [
        (lambda: stub.Put(kv_pb2.PutRequest()), grpc.StatusCode.INVALID_ARGUMENT, "key is not provided"),
        (lambda: stub.Range(kv_pb2.RangeRequest(key=b"a", revision=99)), grpc.StatusCode.OUT_OF_RANGE, "future revision"),
        (lambda: stub.Compact(kv_pb2.CompactionRequest(revision=99)), grpc.StatusCode.OUT_OF_RANGE, "future revision"),
        (lambda: channel.unary_unary("/etcdserverpb.KV/None")(b""), grpc.StatusCode.UNIMPLEMENTED, "unknown method"),
    ]:
        try:
            call()
            raise AssertionError(f"no {code}")
        except grpc.RpcError as error:
            assert error.code() == code and details in error.details(), (error.code(), error.details())


class Watch:
    """A stream of watches."""

    def __init__(self, channel, **request):
        self.requests = queue.Queue()
        self.responses = watch_pb2_grpc.WatchStub(channel).Watch(iter(self.requests.get, None))
        self.send(create_request=watch_pb2.WatchCreateRequest(**request))
        assert next(self.responses).created

    def send(self, **request):
        self.requests.put(watch_pb2.WatchRequest(**request))

    def events(self, count):
        seen = []
        while len(seen) < count:
            seen += next(self.responses).events
        return [(event.kv.mod_revision, event.type, event.kv.key, event.kv.value) for event in seen]


def watches(channel):
    stub = kv_pb2_grpc.KVStub(channel)
    # From the past, then live.
    watch = Watch(channel, key=b"a", start_revision=2, prev_kv=True)
    put, delete = 0, 1
    assert watch.events(3) == [(2, put, b"a", b"1"), (3, put, b"a", b"2"), (6, delete, b"a", b"")]
    assert stub.Put(kv_pb2.PutRequest(key=b"a", value=b"3")).header.revision == 7
    assert watch.events(1) == [(7, put, b"a", b"3")]
    watch.send(cancel_request=watch_pb2.WatchCancelRequest(watch_id=0))
    assert next(watch.responses).canceled
    watch.requests.put(None)

    stub.Compact(kv_pb2.CompactionRequest(revision=6))
    gone = next(Watch(channel, key=b"a", start_revision=3).responses)
    assert gone.canceled and gone.compact_revision == 6, gone


def ranges(channel):
    stub = kv_pb2_grpc.KVStub(channel)
    # Values in the order that keys have not, and versions in neither.
    for number in range(10):
        stub.Put(kv_pb2.PutRequest(key=b"r/%d" % number, value=b"%d" % (9 - number)))
    for number in [3, 7, 3]:
        stub.Put(kv_pb2.PutRequest(key=b"r/%d" % number, value=b"%d" % (9 - number)))

    def read(**request):
        return stub.Range(kv_pb2.RangeRequest(**{"key": b"r/", "range_end": b"r0", **request}))

    def numbers(response):
        return [int(kv.key[2:]) for kv in response.kvs]

    everything = read()
    assert (numbers(everything), everything.count, everything.more) == (list(range(10)), 10, False)
    # Page by page: a page begins after the last key of the one before.
    pages, start = [], b"r/"
    while True:
        page = read(key=start, limit=4)
        pages.append(numbers(page))
        if not page.more:
            break
        start = page.kvs[-1].key + b"\0"
    assert pages == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert read(limit=4).count == 10 and not read(limit=10).more
    assert numbers(read(range_end=b"\0", limit=3)) == [0, 1, 2] and numbers(read(key=b"r/8")) == [8, 9]
    assert numbers(read(key=b"r/8", range_end=b"")) == [8] and numbers(read(range_end=b"r/2")) == [0, 1]

    up, down = kv_pb2.RangeRequest.ASCEND, kv_pb2.RangeRequest.DESCEND
    for target, expected in [
        ("KEY", list(range(10))),
        ("VALUE", list(range(9, -1, -1))),
        ("CREATE", list(range(10))),
        ("MOD", [0, 1, 2, 4, 5, 6, 8, 9, 7, 3]),
    ]:
        target = kv_pb2.RangeRequest.SortTarget.Value(target)
        assert numbers(read(sort_target=target, sort_order=up)) == expected
        assert numbers(read(sort_target=target, sort_order=down)) == expected[::-1]
        # The order comes before the limit.
        few = read(sort_target=target, sort_order=down, limit=2)
        assert numbers(few) == expected[::-1][:2] and few.more and few.count == 10
    versions = [kv.version for kv in read(sort_target=kv_pb2.RangeRequest.VERSION, sort_order=down).kvs]
    assert versions == [3, 2] + [1] * 8
    assert [kv.value for kv in read(keys_only=True).kvs] == [b""] * 10
    assert (read(count_only=True).count, len(read(count_only=True).kvs)) == (10, 0)


def compacted(channel):
    stub = kv_pb2_grpc.KVStub(channel)
    last = stub.Put(kv_pb2.PutRequest(key=b"c", value=b"2")).header.revision
    stub.Put(kv_pb2.PutRequest(key=b"c", value=b"3"))
    stub.Compact(kv_pb2.CompactionRequest(revision=last))
    assert stub.Range(kv_pb2.RangeRequest(key=b"c", revision=last)).kvs[0].value == b"2"
    gone = "etcdserver: mvcc: required revision has been compacted"
    read = kv_pb2.RangeRequest(key=b"c", revision=last - 1)
    for call in [
        lambda: stub.Range(read),
        lambda: stub.Txn(kv_pb2.TxnRequest(success=[kv_pb2.RequestOp(request_range=read)])),
        lambda: stub.Compact(kv_pb2.CompactionRequest(revision=last - 1)),
    ]:
        try:
            call()
            raise AssertionError("what was compacted is there")
        except grpc.RpcError as error:
            assert (error.code(), error.details()) == (grpc.StatusCode.OUT_OF_RANGE, gone), error


def resumes(channel, address):
    """A watch whose channel is closed goes on where it was through another one: nothing is missed, nothing comes twice."""
    stub = kv_pb2_grpc.KVStub(channel)
    expected = []

    def put(count):
        for _ in range(count):
            value = b"%d" % len(expected)
            expected.append((stub.Put(kv_pb2.PutRequest(key=b"w", value=value)).header.revision, 0, b"w", value))

    put(1)
    seen = []
    for _ in range(5):
        with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as short:
            watch = Watch(short, key=b"w", start_revision=seen[-1][0] + 1 if seen else expected[0][0])
            put(3)
            # Some of what there is, so that the channel is closed while more comes.
            seen += watch.events(2)
        put(2)
        assert seen == expected[: len(seen)], (seen, expected)
    with grpc.insecure_channel(address) as last:
        watch = Watch(last, key=b"w", start_revision=seen[-1][0] + 1)
        put(1)
        seen += watch.events(len(expected) - len(seen))
        watch.requests.put(None)
    assert seen == expected, (seen, expected)


def leases(channel):
    stub, keys = lease_pb2_grpc.LeaseStub(channel), kv_pb2_grpc.KVStub(channel)
    lease = stub.LeaseGrant(lease_pb2.LeaseGrantRequest(TTL=60)).ID
    keys.Put(kv_pb2.PutRequest(key=b"leased", value=b"v", lease=lease))
    alive = next(stub.LeaseKeepAlive(iter([lease_pb2.LeaseKeepAliveRequest(ID=lease)])))
    assert (alive.ID, alive.TTL) == (lease, 60)
    left = stub.LeaseTimeToLive(lease_pb2.LeaseTimeToLiveRequest(ID=lease, keys=True))
    assert left.grantedTTL == 60 and list(left.keys) == [b"leased"]
    watch = Watch(channel, key=b"leased")
    stub.LeaseRevoke(lease_pb2.LeaseRevokeRequest(ID=lease))
    assert watch.events(1) == [(9, 1, b"leased", b"")]
    watch.requests.put(None)


def health(channel):
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


with tempfile.TemporaryDirectory() as folder:
    generate(sys.argv[2], folder)
    import health_pb2, health_pb2_grpc, kv_pb2, kv_pb2_grpc, lease_pb2, lease_pb2_grpc, watch_pb2, watch_pb2_grpc

    # The second compresses what it sends.
    for compression in [None, grpc.Compression.Gzip]:
        with grpc.insecure_channel(sys.argv[1], compression=compression) as channel:
            if compression is None:
                for part in [key_values, refusals, watches, leases, ranges, compacted]:
                    part(channel)
                resumes(channel, sys.argv[1])
            health(channel)
            stub = kv_pb2_grpc.KVStub(channel)
            assert stub.Put(kv_pb2.PutRequest(key=b"z", value=bytes(5000))).header.revision >= 10
print("ok")
