import Dispatch
import GRPCClient
import NIOCore
import NIOHPACK
import Testing

@testable import GRPCServer

/// What is no call: who asks by HTTP/2 for a page, as browsers and probes do.
@Suite(.timeLimit(.minutes(1))) struct PageTests {
    /// Flags of HEADERS: all headers are there, and nothing follows them.
    private static let (whole, last): (UInt8, UInt8) = (4, 1)

    private static func request(_ method: String, _ target: String) -> [UInt8] {
        RawFrame.header(":method", method) + RawFrame.header(":scheme", "http") + RawFrame.header(":path", target)
            + RawFrame.header(":authority", "test")
    }

    private static func options(_ page: @escaping @Sendable (PageRequest) -> Page) -> ServerOptions {
        var options = ServerOptions()
        options.page = { request, _ in page(request) }
        return options
    }

    @Test func oneAfterTheOtherOnAConnectionBesideCalls() async throws {
        let options = Self.options { request in
            Page(status: request.path == "/ill" ? 503 : 200, body: "page \(request.path) of \(request.parameters)\n")
        }
        try await withServer([Methods.echo], options: options) { client, address in
            let connection = try await RawConnection.connect(to: address)
            try await connection.write(RawConnection.preface)
            for (stream, target) in [(UInt32(1), "/well"), (3, "/ill?a=1&b"), (5, "/")] {
                let frame = RawFrame.frame(
                    RawFrame.headers, flags: Self.whole | Self.last, stream: stream, Self.request("GET", target))
                try await connection.write(frame)
                try await connection.receives(within: .seconds(10), target) {
                    $0.count(of: RawFrame.data) == Int(stream + 1) / 2
                }
            }
            #expect(connection.text.contains("page /well of []\n") && connection.text.contains("page / of []\n"))
            #expect(connection.text.contains(#"page /ill of ["a=1", "b"]"# + "\n"))
            #expect(!connection.hasReceived(RawFrame.reset) && !connection.hasReceived(RawFrame.goAway))
            #expect(try await client.unary("/test.Test/Echo", [7]).messages == [[7]])
        }
    }

    @Test func aHeadHasNoBody() async throws {
        try await withServer([], options: Self.options { _ in Page(body: "twelve bytes") }) { client, _ in
            let answer = try await client.unary("/", [], headers: [":method": "HEAD"])
            #expect(answer.trailers.first(name: ":status") == "200" && answer.messages.isEmpty)
            #expect(answer.trailers.first(name: "content-length") == "12")
        }
    }

    @Test func whoWouldSendOnIsToldToStop() async throws {
        try await withServer([], options: Self.options { _ in Page(body: "page") }) { _, address in
            let connection = try await RawConnection.connect(to: address)
            let frame = RawFrame.frame(RawFrame.headers, flags: Self.whole, stream: 1, Self.request("GET", "/"))
            try await connection.write(RawConnection.preface + frame)
            try await connection.receives(within: .seconds(10), "a reset") { $0.hasReceived(RawFrame.reset) }
            #expect(connection.text.contains("page"))
        }
    }

    @Test func withoutPagesItIsNoMethod() async throws {
        try await withServer([Methods.echo]) { client, _ in
            let answer = try await client.unary("/test.Test/Echo", [], headers: [":method": "GET"])
            #expect(answer.trailers.first(name: ":status") == "405")
        }
    }

    /// However many are asked for at a time, so many are made, and the others told so at once.
    @Test func tooManyAreRefused() async throws {
        // No more than a client may have open that has not heard how many it may.
        let (asked, gate) = (100, DispatchSemaphore(value: 0))
        let options = Self.options { _ in
            gate.wait()
            gate.signal()
            return Page(body: "made\n")
        }
        try await withServer([], options: options) { _, address in
            let connection = try await RawConnection.connect(to: address)
            var frames = RawConnection.preface
            for stream in 0..<UInt32(asked) {
                frames += RawFrame.frame(
                    RawFrame.headers, flags: Self.whole | Self.last, stream: 2 * stream + 1,
                    Self.request("GET", "/"))
            }
            try await connection.write(frames)
            try await connection.receives(within: .seconds(10), "refusals") {
                $0.count(of: RawFrame.headers) == asked - Limits.pages
            }
            gate.signal()
            try await connection.receives(within: .seconds(10), "pages") {
                $0.count(of: RawFrame.headers) == asked && $0.count(of: RawFrame.data) == asked
            }
            let made = connection.text.split(separator: "made\n", omittingEmptySubsequences: false).count - 1
            #expect(made == Limits.pages)
        }
    }

    /// Pages that wait for a client take no more memory than may be; what is beyond is refused, without a body.
    @Test func whoDoesNotReadGetsNoMore() async throws {
        let body = String(repeating: "x", count: 100 << 10)
        let asked = 30
        try await withServer([], options: Self.options { _ in Page(body: body) }) { _, address in
            let connection = try await RawConnection.connect(to: address)
            try await connection.write(RawConnection.preface)
            // The windows that a client has at first are never widened: of all pages together 64 KiB come. One after the other,
            // or some would be refused because so many are made.
            for stream in 0..<UInt32(asked) {
                try await connection.write(
                    RawFrame.frame(
                        RawFrame.headers, flags: Self.whole | Self.last, stream: 2 * stream + 1,
                        Self.request("GET", "/")))
                try await connection.receives(within: .seconds(10), "an answer") {
                    $0.count(of: RawFrame.headers) == Int(stream) + 1
                }
            }
            #expect(
                connection.count(of: RawFrame.headers, flag: Self.last) == asked - Limits.unsentPageBytes
                    / body.utf8.count)
            try await connection.close()
        }
    }
}
