import static java.util.stream.Collectors.toList;

import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.ByteString;
import etcdserverpb.KVGrpc;
import etcdserverpb.Kv.*;
import etcdserverpb.WatchGrpc;
import etcdserverpb.WatchOuterClass.*;
import io.grpc.Channel;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;

/** Calls that end before their time, are too large, or are very many. The channel outlives them all. */
final class Calls {
    private final Channel channel;
    private final KVGrpc.KVBlockingStub keys;

    private Calls(Channel channel) {
        this.channel = channel;
        keys = KVGrpc.newBlockingStub(channel);
    }

    static void test(Channel channel) throws Exception {
        var calls = new Calls(channel);
        calls.deadline();
        calls.cancelled();
        calls.tooLarge();
        calls.manyAtATime();
    }

    private void deadline() throws InterruptedException {
        var stream = new Stream<WatchRequest, WatchResponse>(true);
        WatchGrpc.newStub(channel).withDeadlineAfter(1, TimeUnit.SECONDS).watch(stream);
        stream.call.onNext(Watches.create("d", "", 0));
        Main.same("created", true, stream.next().getCreated());
        Main.same("when its time is over", Status.Code.DEADLINE_EXCEEDED, stream.end());
    }

    /** Before the server has heard of anything, while it begins a watch, and after that. */
    private void cancelled() throws Exception {
        for (int number = 0; number < 60; number++) {
            var stream = new Stream<WatchRequest, WatchResponse>(true);
            WatchGrpc.newStub(channel).watch(stream);
            if (number % 3 > 0) stream.call.onNext(Watches.create("d", "", 0));
            if (number % 3 > 1) Main.same("created", true, stream.next().getCreated());
            stream.call.cancel("not wanted any more", null);
            Main.same("the end", Status.Code.CANCELLED, stream.end());
        }
        for (int number = 0; number < 60; number++) {
            KVGrpc.newFutureStub(channel).put(Keys.put("d", "cancelled").build()).cancel(true);
        }
        // One that was cancelled may be carried out, and later than a call that came after it.
        keys.put(Keys.put("e", "1").build());
        Main.same("the next call", "e=1", Keys.text(keys.range(Keys.get("e").build()).getKvs(0)));
    }

    private void tooLarge() {
        // More than etcd takes, more than a message of any call may have, and the same in few bytes on the wire.
        var put = PutRequest.newBuilder().setKey(Main.bytes("large"));
        var large = put.setValue(ByteString.copyFrom(new byte[1_800_000])).build();
        var larger = put.setValue(ByteString.copyFrom(new byte[2_500_000])).build();
        Main.refused(Status.Code.INVALID_ARGUMENT, "etcdserver: request is too large", () -> keys.put(large));
        Main.refused(Status.Code.RESOURCE_EXHAUSTED, "", () -> keys.put(larger));
        Main.refused(Status.Code.RESOURCE_EXHAUSTED, "", () -> keys.withCompression("gzip").put(larger));

        // Many at once: of each the client still sends something when it is refused already.
        var futures = new ArrayList<ListenableFuture<PutResponse>>();
        var stub = KVGrpc.newFutureStub(channel);
        for (int number = 0; number < 64; number++) futures.add(stub.put(larger));
        for (var future : futures) Main.refused(Status.Code.RESOURCE_EXHAUSTED, "", future::get);

        // An answer that is more than this client takes, of which it cancels the call.
        var some = put.setValue(ByteString.copyFrom(new byte[1_500_000]));
        for (int number = 0; number < 4; number++) keys.put(some.setKey(Main.bytes("large/" + number)).build());
        var all = Keys.get("large/").setRangeEnd(Main.bytes("large0")).build();
        Main.refused(Status.Code.RESOURCE_EXHAUSTED, "", () -> keys.range(all));
        var read = keys.withMaxInboundMessageSize(8 << 20).range(all).getKvsList();
        Main.same("how much of it", 4, read.size());
        for (var pair : read) Main.same("a value", true, pair.getValue().equals(some.getValue()));
    }

    /** More calls than the server takes on one connection: the client lets the others wait. */
    private void manyAtATime() throws Exception {
        int count = 3000;
        var before = keys.put(Keys.put("many", "").build()).getHeader().getRevision();
        var stub = KVGrpc.newFutureStub(channel);
        var answers = new ArrayList<ListenableFuture<PutResponse>>();
        for (int number = 0; number < count; number++) answers.add(stub.put(Keys.put("many/" + number, "").build()));
        var revisions = Futures.allAsList(answers).get(30, TimeUnit.SECONDS).stream()
            .map(answer -> answer.getHeader().getRevision()).sorted().collect(toList());
        var expected = LongStream.rangeClosed(before + 1, before + count).boxed().collect(toList());
        Main.same("each has a revision of its own", expected, revisions);
        var all = Keys.get("many/").setRangeEnd(Main.bytes("many0")).setCountOnly(true).build();
        Main.same("all are there", (long) count, keys.range(all).getCount());
    }
}
