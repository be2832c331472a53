import static java.util.stream.Collectors.toList;

import etcdserverpb.KVGrpc;
import etcdserverpb.Kv.*;
import etcdserverpb.WatchGrpc;
import etcdserverpb.WatchOuterClass.*;
import io.grpc.Channel;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import mvccpb.Mvcc.Event;

/** Two watches on one stream: from the past and live, their progress and their ends. */
final class Watches {
    private final KVGrpc.KVBlockingStub keys;
    private final Stream<WatchRequest, WatchResponse> stream = new Stream<>(true);

    private Watches(Channel channel) {
        keys = KVGrpc.newBlockingStub(channel);
        WatchGrpc.newStub(channel).watch(stream);
    }

    static void test(Channel channel) throws InterruptedException {
        new Watches(channel).run();
    }

    static WatchRequest create(String key, String end, long revision) {
        var create = WatchCreateRequest.newBuilder().setKey(Main.bytes(key)).setRangeEnd(Main.bytes(end));
        return WatchRequest.newBuilder().setCreateRequest(create.setStartRevision(revision).setPrevKv(true)).build();
    }

    /** As in "12 PUT a=1", with what was there before. */
    static String text(Event event) {
        var previous = event.hasPrevKv() ? " was " + Keys.text(event.getPrevKv()) : "";
        return event.getKv().getModRevision() + " " + event.getType() + " " + Keys.text(event.getKv()) + previous;
    }

    /** Begins a watch; the number that it got. */
    private long begin(String key, String end, long revision) throws InterruptedException {
        stream.call.onNext(create(key, end, revision));
        // Nothing is written meanwhile, so no event of another watch comes before.
        var created = stream.next();
        Main.same("created", List.of(true, false), List.of(created.getCreated(), created.getCanceled()));
        return created.getWatchId();
    }

    /** So many events of the stream, by the watch. */
    private Map<Long, List<String>> events(int count) throws InterruptedException {
        var seen = new HashMap<Long, List<String>>();
        while (count > 0) {
            var response = stream.next();
            var texts = response.getEventsList().stream().map(Watches::text).collect(toList());
            seen.computeIfAbsent(response.getWatchId(), id -> new ArrayList<>()).addAll(texts);
            count -= texts.size();
        }
        return seen;
    }

    private void run() throws InterruptedException {
        var first = keys.put(Keys.put("w/a", "1").build()).getHeader().getRevision();
        keys.put(Keys.put("w/b", "1").build());
        keys.put(Keys.put("w/a", "2").build());
        var one = begin("w/a", "", first);
        var past = List.of(first + " PUT w/a=1", first + 2 + " PUT w/a=2 was w/a=1");
        Main.same("the past of a key", Map.of(one, past), events(2));
        var all = begin("w/", "w0", first + 3);
        keys.put(Keys.put("w/b", "2").build());
        var delete = DeleteRangeRequest.newBuilder().setKey(Main.bytes("w/")).setRangeEnd(Main.bytes("w0"));
        keys.deleteRange(delete.build());
        // Both in the one revision, in the order of keys.
        var a = first + 4 + " DELETE w/a= was w/a=2";
        var expected = List.of(first + 3 + " PUT w/b=2 was w/b=1", a, first + 4 + " DELETE w/b= was w/b=2");
        Main.same("what comes live", Map.of(one, List.of(a), all, expected), events(4));

        stream.call.onNext(WatchRequest.newBuilder().setProgressRequest(WatchProgressRequest.newBuilder()).build());
        var progress = stream.next();
        Main.same("of all watches", List.of(-1L, 0), List.of(progress.getWatchId(), progress.getEventsCount()));
        Main.same("how far they are", first + 4, progress.getHeader().getRevision());

        var cancel = WatchCancelRequest.newBuilder().setWatchId(one);
        stream.call.onNext(WatchRequest.newBuilder().setCancelRequest(cancel).build());
        var cancelled = stream.next();
        Main.same("cancelled", List.of(one, true), List.of(cancelled.getWatchId(), cancelled.getCanceled()));
        keys.put(Keys.put("w/a", "3").build());
        Main.same("the other alone", Map.of(all, List.of(first + 5 + " PUT w/a=3")), events(1));

        keys.compact(CompactionRequest.newBuilder().setRevision(first + 4).build());
        var late = begin("w/a", "", first);
        var gone = stream.next();
        Main.same("a watch of the past", List.of(late, true), List.of(gone.getWatchId(), gone.getCanceled()));
        Main.same("from where it can be had", first + 4, gone.getCompactRevision());
        // The stream and its other watch live on.
        keys.put(Keys.put("w/b", "4").build());
        Main.same("after that", Map.of(all, List.of(first + 6 + " PUT w/b=4")), events(1));
        stream.call.cancel("enough", null);
        Main.same("the end", Status.Code.CANCELLED, stream.end());
    }
}
