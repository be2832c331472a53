import com.google.protobuf.ByteString;
import etcdserverpb.KVGrpc;
import etcdserverpb.Kv.PutRequest;
import etcdserverpb.WatchGrpc;
import etcdserverpb.WatchOuterClass.*;
import io.grpc.Channel;
import java.util.ArrayList;
import java.util.List;

/** A watch that is not read for a while gets everything afterwards, and others on its connection do not wait for it. */
final class Flow {
    private static final int COUNT = 400;

    static void test(Channel channel) throws InterruptedException {
        var keys = KVGrpc.newBlockingStub(channel);
        var stalled = new Stream<WatchRequest, WatchResponse>(false);
        WatchGrpc.newStub(channel).watch(stalled);
        stalled.call.onNext(Watches.create("f/", "f0", 0));
        stalled.call.request(1);
        Main.same("created", true, stalled.next().getCreated());
        var reading = new Stream<WatchRequest, WatchResponse>(true);
        WatchGrpc.newStub(channel).watch(reading);
        reading.call.onNext(Watches.create("f/", "f0", 0));
        Main.same("created", true, reading.next().getCreated());

        // Four times as much as a window of this client takes.
        var put = PutRequest.newBuilder().setValue(ByteString.copyFrom(new byte[10_000]));
        var expected = new ArrayList<Long>();
        for (int number = 0; number < COUNT; number++) {
            var answer = keys.put(put.setKey(Main.bytes("f/" + number % 7)).build());
            expected.add(answer.getHeader().getRevision());
        }
        Main.same("who reads", expected, revisions(reading, false));
        Main.same("who does not", false, stalled.hasAnswers());
        Main.same("who reads again", expected, revisions(stalled, true));

        // It is live again.
        var last = keys.put(put.setKey(Main.bytes("f/")).build()).getHeader().getRevision();
        stalled.call.request(1);
        Main.same("one more", last, stalled.next().getEvents(0).getKv().getModRevision());
        for (var stream : List.of(stalled, reading)) stream.call.cancel("enough", null);
    }

    /** The revisions of all events, whose responses are asked for one by one if they do not come by themselves. */
    private static List<Long> revisions(Stream<WatchRequest, WatchResponse> stream, boolean asks)
        throws InterruptedException
    {
        var seen = new ArrayList<Long>();
        while (seen.size() < COUNT) {
            if (asks) stream.call.request(1);
            for (var event : stream.next().getEventsList()) seen.add(event.getKv().getModRevision());
        }
        return seen;
    }
}
