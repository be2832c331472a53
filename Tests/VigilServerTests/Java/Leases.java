import etcdserverpb.KVGrpc;
import etcdserverpb.LeaseGrpc;
import etcdserverpb.LeaseOuterClass.*;
import etcdserverpb.MaintenanceGrpc;
import etcdserverpb.MaintenanceOuterClass.StatusRequest;
import io.grpc.Channel;
import io.grpc.Status;
import java.util.List;

/** Leases and the keys that are attached to them, and the status of the member that keeps them. */
final class Leases {
    static void test(Channel channel) throws InterruptedException {
        var keys = KVGrpc.newBlockingStub(channel);
        var stub = LeaseGrpc.newBlockingStub(channel);
        var lease = stub.leaseGrant(LeaseGrantRequest.newBuilder().setTTL(60).build()).getID();
        keys.put(Keys.put("leased", "1").setLease(lease).build());
        Main.same("whose key it is", lease, keys.range(Keys.get("leased").build()).getKvs(0).getLease());

        var alive = new Stream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>(true);
        LeaseGrpc.newStub(channel).leaseKeepAlive(alive);
        for (int round = 0; round < 3; round++) {
            alive.call.onNext(LeaseKeepAliveRequest.newBuilder().setID(lease).build());
            var answer = alive.next();
            Main.same("kept alive", List.of(lease, 60L), List.of(answer.getID(), answer.getTTL()));
        }

        var ask = LeaseTimeToLiveRequest.newBuilder().setID(lease).setKeys(true).build();
        var left = stub.leaseTimeToLive(ask);
        Main.same("its keys", List.of(Main.bytes("leased")), left.getKeysList());
        Main.same("its time", 60L, left.getGrantedTTL());
        Main.same("some of it is left", true, left.getTTL() > 0 && left.getTTL() <= 60);
        stub.leaseRevoke(LeaseRevokeRequest.newBuilder().setID(lease).build());
        Main.same("its key", 0L, keys.range(Keys.get("leased").build()).getCount());
        Main.same("its time when it is gone", -1L, stub.leaseTimeToLive(ask).getTTL());
        alive.call.onNext(LeaseKeepAliveRequest.newBuilder().setID(lease).build());
        Main.same("kept alive when it is gone", 0L, alive.next().getTTL());
        alive.call.onCompleted();
        Main.same("the end of the stream", Status.Code.OK, alive.end());
        Main.refused(
            Status.Code.NOT_FOUND, "etcdserver: requested lease not found",
            () -> keys.put(Keys.put("leased", "2").setLease(lease).build()));

        var status = MaintenanceGrpc.newBlockingStub(channel).status(StatusRequest.getDefaultInstance());
        Main.same("the version", true, status.getVersion().startsWith("3."));
        Main.same("the leader", status.getHeader().getMemberId(), status.getLeader());
        Main.same("there is a size", true, status.getDbSize() > 0);
    }
}
