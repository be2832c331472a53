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
                for part in [key_values, refusals, watches, leases]:
                    part(channel)
            health(channel)
            stub = kv_pb2_grpc.KVStub(channel)
            assert stub.Put(kv_pb2.PutRequest(key=b"z", value=bytes(5000))).header.revision >= 10
print("ok")
