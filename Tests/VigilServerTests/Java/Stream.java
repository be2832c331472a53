import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A call that goes on: what the server answers is taken when the test wants it, and its status comes last. */
final class Stream<Request, Response> implements ClientResponseObserver<Request, Response> {
    private final LinkedBlockingQueue<Object> answers = new LinkedBlockingQueue<>();
    private final boolean reads;
    ClientCallStreamObserver<Request> call;

    /** One that does not read is sent only what it asks for by {@code call.request}. */
    Stream(boolean reads) {
        this.reads = reads;
    }

    @Override public void beforeStart(ClientCallStreamObserver<Request> call) {
        this.call = call;
        if (!reads) call.disableAutoRequestWithInitial(0);
    }

    @Override public void onNext(Response response) {
        answers.add(response);
    }

    @Override public void onError(Throwable error) {
        answers.add(Status.fromThrowable(error));
    }

    @Override public void onCompleted() {
        answers.add(Status.OK);
    }

    @SuppressWarnings("unchecked") Response next() throws InterruptedException {
        var answer = take();
        if (answer instanceof Status) throw new AssertionError("the stream ended: " + answer);
        return (Response) answer;
    }

    /** The status with which the call ends, whatever comes before it. */
    Status.Code end() throws InterruptedException {
        Object answer;
        do answer = take(); while (!(answer instanceof Status));
        return ((Status) answer).getCode();
    }

    boolean hasAnswers() {
        return !answers.isEmpty();
    }

    private Object take() throws InterruptedException {
        var answer = answers.poll(20, TimeUnit.SECONDS);
        if (answer == null) throw new AssertionError("no answer");
        return answer;
    }
}
