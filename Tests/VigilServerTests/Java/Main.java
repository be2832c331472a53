import com.google.protobuf.ByteString;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Uses a server of etcd's API through grpc-java, with stubs made of this project's .proto files.
 *
 * <pre>java Main HOST:PORT</pre>
 *
 * Prints "ok" and exits with 0 if everything is as it should be, else says what is not. The store has to be new: the
 * revisions are those from 2 on.
 */
final class Main {
    private static final Logger LOGGER = Logger.getLogger("io.grpc");

    public static void main(String[] arguments) throws Exception {
        // It tells of all that comes after a call was cancelled.
        LOGGER.setLevel(Level.WARNING);
        var channel = ManagedChannelBuilder.forTarget(arguments[0]).usePlaintext().build();
        try {
            Keys.test(channel);
            Watches.test(channel);
            Leases.test(channel);
            Calls.test(channel);
            Flow.test(channel);
        } finally {
            channel.shutdownNow();
        }
        same("the channel ends", true, channel.awaitTermination(10, TimeUnit.SECONDS));
        System.out.println("ok");
    }

    static ByteString bytes(String text) {
        return ByteString.copyFromUtf8(text);
    }

    static void same(String what, Object expected, Object actual) {
        if (!Objects.equals(expected, actual)) {
            throw new AssertionError(what + ": " + actual + " instead of " + expected);
        }
    }

    /** Calls what has to be refused like this. */
    static void refused(Status.Code code, String text, Callable<?> call) {
        Object answer;
        try {
            answer = call.call();
        } catch (Exception error) {
            same("the refusal", code, Status.fromThrowable(error).getCode());
            var description = Status.fromThrowable(error).getDescription();
            if (!description.contains(text)) throw new AssertionError(description + " instead of " + text);
            return;
        }
        throw new AssertionError(answer + " instead of " + code);
    }
}
