import static java.util.stream.Collectors.toList;

import com.google.protobuf.ByteString;
import etcdserverpb.KVGrpc;
import etcdserverpb.Kv.*;
import io.grpc.Channel;
import io.grpc.Status;
import java.util.List;
import mvccpb.Mvcc.KeyValue;

/** Reads, writes, transactions and compaction. */
final class Keys {
    private final KVGrpc.KVBlockingStub stub;

    private Keys(Channel channel) {
        stub = KVGrpc.newBlockingStub(channel);
    }

    static void test(Channel channel) {
        var keys = new Keys(channel);
        keys.writes();
        keys.ranges();
        keys.transactions();
        keys.compaction();
    }

    static PutRequest.Builder put(String key, String value) {
        return PutRequest.newBuilder().setKey(Main.bytes(key)).setValue(Main.bytes(value));
    }

    static RangeRequest.Builder get(String key) {
        return RangeRequest.newBuilder().setKey(Main.bytes(key));
    }

    /** As in "a/=1". */
    static String text(KeyValue pair) {
        return pair.getKey().toStringUtf8() + "=" + pair.getValue().toStringUtf8();
    }

    static List<String> texts(List<KeyValue> pairs) {
        return pairs.stream().map(Keys::text).collect(toList());
    }

    private void writes() {
        Main.same("the first revision", 2L, stub.put(put("a", "1").build()).getHeader().getRevision());
        var again = stub.put(put("a", "2").setPrevKv(true).build());
        Main.same("the second revision", 3L, again.getHeader().getRevision());
        Main.same("the previous value", "a=1", text(again.getPrevKv()));
        Main.same("now", List.of("a=2"), texts(stub.range(get("a").build()).getKvsList()));
        var pair = stub.range(get("a").setRevision(2).build()).getKvs(0);
        Main.same("the value at 2", "a=1", text(pair));
        Main.same("its revisions", List.of(2L, 2L), List.of(pair.getCreateRevision(), pair.getModRevision()));
        Main.same("its version", 1L, pair.getVersion());
        Main.same("a key that is not there", 0, stub.range(get("b").build()).getKvsCount());

        // Bytes that are no text, and a message of many frames, which is compressed the second time.
        var odd = new byte[256];
        for (int index = 0; index < odd.length; index++) odd[index] = (byte) index;
        var large = put("", "").setKey(ByteString.copyFrom(odd)).setValue(ByteString.copyFrom(new byte[500_000]));
        stub.put(large.build());
        var compressed = stub.withCompression("gzip").put(large.setPrevKv(true).build());
        Main.same("the large value", large.getValue(), compressed.getPrevKv().getValue());
        Main.same("the odd key", large.getKey(), compressed.getPrevKv().getKey());
        Main.refused(
            Status.Code.INVALID_ARGUMENT, "etcdserver: key is not provided", () -> stub.put(put("", "1").build()));
    }

    private void ranges() {
        for (int number = 0; number < 10; number++) stub.put(put("r/" + number, "" + number).build());
        var prefix = get("r/").setRangeEnd(Main.bytes("r0")).build();
        var all = stub.range(prefix);
        Main.same("all", List.of(10L, 10, false), List.of(all.getCount(), all.getKvsCount(), all.getMore()));
        Main.same("the last", "r/9=9", text(all.getKvs(9)));
        var few = stub.range(prefix.toBuilder().setLimit(2).setSortOrder(RangeRequest.SortOrder.DESCEND).build());
        Main.same("two of them", List.of("r/9=9", "r/8=8"), texts(few.getKvsList()));
        Main.same("how many there are", List.of(10L, true), List.of(few.getCount(), few.getMore()));
        var counted = stub.range(prefix.toBuilder().setCountOnly(true).build());
        Main.same("counted", List.of(10L, 0), List.of(counted.getCount(), counted.getKvsCount()));
        var names = stub.range(prefix.toBuilder().setKeysOnly(true).setLimit(1).build());
        Main.same("without values", List.of("r/0="), texts(names.getKvsList()));

        var delete = DeleteRangeRequest.newBuilder().setKey(Main.bytes("r/")).setRangeEnd(Main.bytes("r/3"))
            .setPrevKv(true).build();
        var deleted = stub.deleteRange(delete);
        Main.same("deleted", 3L, deleted.getDeleted());
        Main.same("what was there", List.of("r/0=0", "r/1=1", "r/2=2"), texts(deleted.getPrevKvsList()));
        Main.same("deleted again", 0L, stub.deleteRange(delete).getDeleted());
        Main.same("what is left", 7L, stub.range(prefix).getCount());
    }

    private void transactions() {
        var isNew = Compare.newBuilder().setKey(Main.bytes("lock")).setCreateRevision(0)
            .setTarget(Compare.CompareTarget.CREATE).setResult(Compare.CompareResult.EQUAL);
        var create = TxnRequest.newBuilder().addCompare(isNew)
            .addSuccess(RequestOp.newBuilder().setRequestPut(put("lock", "me")))
            .addSuccess(RequestOp.newBuilder().setRequestPut(put("locked", "yes")))
            .addFailure(RequestOp.newBuilder().setRequestRange(get("lock"))).build();
        var created = stub.txn(create);
        Main.same("created", List.of(true, 2), List.of(created.getSucceeded(), created.getResponsesCount()));
        var both = stub.range(get("lock").setRangeEnd(Main.bytes("locl")).build()).getKvsList();
        Main.same("both", List.of("lock=me", "locked=yes"), texts(both));
        Main.same("in one revision", both.get(0).getModRevision(), both.get(1).getModRevision());
        var refused = stub.txn(create);
        Main.same("not again", List.of(false, 1), List.of(refused.getSucceeded(), refused.getResponsesCount()));
        Main.same("whose it is", List.of("lock=me"), texts(refused.getResponses(0).getResponseRange().getKvsList()));
        Main.same("no new revision", created.getHeader().getRevision(), refused.getHeader().getRevision());
    }

    private void compaction() {
        stub.put(put("c", "1").build());
        var last = stub.put(put("c", "2").build()).getHeader().getRevision();
        var compaction = CompactionRequest.newBuilder().setRevision(last).build();
        stub.compact(compaction);
        var gone = "etcdserver: mvcc: required revision has been compacted";
        Main.refused(Status.Code.OUT_OF_RANGE, gone, () -> stub.range(get("c").setRevision(last - 1).build()));
        Main.refused(Status.Code.OUT_OF_RANGE, gone, () -> stub.compact(compaction));
        Main.refused(
            Status.Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision",
            () -> stub.range(get("c").setRevision(last + 1).build()));
        Main.same("what is kept", List.of("c=2"), texts(stub.range(get("c").setRevision(last).build()).getKvsList()));
    }
}
