import GRPCClient
import NIOCore
import Testing

@testable import GRPCServer

/// Frames that RFC 9113 forbids, of every type: the connection or the stream ends as it says, and nobody else notices.
@Suite(.timeLimit(.minutes(1))) struct MalformedFrameTests {
    private static let open = RawFrame.frame(1, flags: 4, stream: 1, RawFrame.request("/test.Test/Wait"))

    /// What ends the connection.
    private static let fatal: [(String, [UInt8])] = [
        ("a preface that is none", Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)),
        ("DATA on stream 0", RawFrame.frame(0, stream: 0, [1])),
        ("DATA on an idle stream", RawFrame.frame(0, stream: 1, [1])),
        ("DATA padded beyond its end", open + RawFrame.frame(0, flags: 8, stream: 1, [9, 1])),
        ("HEADERS on stream 0", RawFrame.frame(1, flags: 4, stream: 0, RawFrame.request())),
        ("HEADERS on a stream of the server", RawFrame.frame(1, flags: 4, stream: 2, RawFrame.request())),
        (
            "HEADERS on an older stream",
            RawFrame.frame(1, flags: 5, stream: 5, RawFrame.request())
                + RawFrame.frame(1, flags: 5, stream: 3, RawFrame.request())
        ),
        ("HEADERS with an unknown index", RawFrame.frame(1, flags: 4, stream: 1, [0xFF, 0x80, 0x80, 0x10])),
        ("HEADERS with half a string", RawFrame.frame(1, flags: 4, stream: 1, [0, 9, 65])),
        ("HEADERS padded beyond their end", RawFrame.frame(1, flags: 12, stream: 1, [200, 1])),
        ("PRIORITY on stream 0", RawFrame.frame(2, stream: 0, [0, 0, 0, 1, 0])),
        ("RST_STREAM of 3 bytes", open + RawFrame.frame(3, stream: 1, [0, 0, 0])),
        ("RST_STREAM on stream 0", RawFrame.frame(3, stream: 0, [0, 0, 0, 8])),
        ("RST_STREAM on an idle stream", RawFrame.frame(3, stream: 1, [0, 0, 0, 8])),
        ("SETTINGS of 5 bytes", RawFrame.frame(4, [0, 1, 0, 0, 0])),
        ("SETTINGS on stream 1", RawFrame.frame(4, stream: 1)),
        ("SETTINGS that acknowledge and set", RawFrame.frame(4, flags: 1, [0, 1, 0, 0, 0, 0])),
        ("SETTINGS with a window too large", RawFrame.frame(4, [0, 4, 0x80, 0, 0, 0])),
        ("SETTINGS with frames too small", RawFrame.frame(4, [0, 5, 0, 0, 0, 1])),
        ("SETTINGS that half enable pushes", RawFrame.frame(4, [0, 2, 0, 0, 0, 2])),
        ("PUSH_PROMISE of a client", open + RawFrame.frame(5, flags: 4, stream: 1, [0, 0, 0, 2] + RawFrame.request())),
        ("PING of 7 bytes", RawFrame.frame(6, [1, 2, 3, 4, 5, 6, 7])),
        ("PING on stream 1", RawFrame.frame(6, stream: 1, [1, 2, 3, 4, 5, 6, 7, 8])),
        ("GOAWAY of 4 bytes", RawFrame.frame(7, [0, 0, 0, 0])),
        ("GOAWAY on stream 1", RawFrame.frame(7, stream: 1, [0, 0, 0, 0, 0, 0, 0, 0])),
        ("WINDOW_UPDATE of 3 bytes", RawFrame.frame(8, [0, 0, 1])),
        ("WINDOW_UPDATE by nothing", RawFrame.frame(8, [0, 0, 0, 0])),
        ("WINDOW_UPDATE beyond 2 GiB", RawFrame.frame(8, [0x7F, 0xFF, 0xFF, 0xFF])),
        (
            "SETTINGS that make an open window larger than 2 GiB",
            open + RawFrame.frame(8, stream: 1, [0x7F, 0xFF, 0, 0]) + RawFrame.frame(4, [0, 4, 0x7F, 0xFF, 0xFF, 0xFF])
        ),
        ("SETTINGS with frames too large", RawFrame.frame(4, [0, 5, 1, 0, 0, 0])),
        ("WINDOW_UPDATE of an idle stream", RawFrame.frame(8, stream: 9, [0, 0, 0, 1])),
        ("CONTINUATION of nothing", RawFrame.frame(9, flags: 4, stream: 1, RawFrame.request())),
        (
            "CONTINUATION of another stream",
            RawFrame.frame(1, stream: 1, RawFrame.request()) + RawFrame.frame(9, flags: 4, stream: 3)
        ),
        (
            "PING among HEADERS",
            RawFrame.frame(1, stream: 1, RawFrame.request()) + RawFrame.frame(6, [1, 2, 3, 4, 5, 6, 7, 8])
        ),
        ("a frame of 16 KiB and one byte", open + RawFrame.frame(0, stream: 1, [UInt8](repeating: 0, count: 16385))),
    ]

    /// What ends one stream.
    private static let ofStream: [(String, [UInt8])] = [
        (
            "DATA after the end",
            RawFrame.frame(1, flags: 5, stream: 1, RawFrame.request("/test.Test/Wait"))
                + RawFrame.frame(0, stream: 1, [1])
        ),
        ("WINDOW_UPDATE of a stream by nothing", open + RawFrame.frame(8, stream: 1, [0, 0, 0, 0])),
        ("WINDOW_UPDATE of a stream beyond 2 GiB", open + RawFrame.frame(8, stream: 1, [0x7F, 0xFF, 0xFF, 0xFF])),
        ("PRIORITY of 4 bytes", open + RawFrame.frame(2, stream: 1, [0, 0, 0, 3])),
        ("PRIORITY on itself", open + RawFrame.frame(2, stream: 1, [0, 0, 0, 1, 7])),
        (
            "capital letters in a header",
            RawFrame.frame(1, flags: 5, stream: 1, RawFrame.request() + RawFrame.header("Big", "1"))
        ),
        (
            "a header of HTTP/1",
            RawFrame.frame(1, flags: 5, stream: 1, RawFrame.request() + RawFrame.header("connection", "close"))
        ),
        ("no :path", RawFrame.frame(1, flags: 5, stream: 1, RawFrame.header(":method", "POST"))),
        ("a pseudo-header twice", RawFrame.frame(1, flags: 5, stream: 1, RawFrame.request() + RawFrame.request())),
    ]

    private func served(_ client: Client) async throws -> Bool {
        try await client.unary("/test.Test/Echo", [1], timeout: .seconds(5)).status == 0
    }

    @Test func connectionErrors() async throws {
        let methods = [Methods.echo, Methods.waiting(began: Event(), cancelled: Event())]
        try await withServer(methods) { client, address in
            for (name, bytes) in Self.fatal {
                let connection = try await RawConnection.connect(to: address)
                let isPreface = name.hasPrefix("a preface")
                try? await connection.write(isPreface ? bytes : RawConnection.preface + bytes)
                try await connection.closed(within: .seconds(5), name)
                #expect(isPreface || connection.hasReceived(RawFrame.goAway), "\(name): no GOAWAY")
                let isServed = try await served(client)
                #expect(isServed, "\(name)")
            }
        }
    }

    /// What a later version of the protocol may send is passed over.
    @Test func framesOfUnknownTypes() async throws {
        try await withServer([Methods.echo]) { client, address in
            let connection = try await RawConnection.connect(to: address)
            // Those before are of ALTSVC and ORIGIN.
            let unknown = (13...255).flatMap { type in
                RawFrame.frame(UInt8(type), flags: 0xFF, stream: type % 2 == 0 ? 0 : 1, [1, 2, 3])
            }
            try await connection.write(RawConnection.preface + unknown + RawFrame.frame(6, [1, 2, 3, 4, 5, 6, 7, 8]))
            try await connection.receives(within: .seconds(5), "unknown types") { $0.hasReceived(RawFrame.ping) }
            #expect(connection.channel.isActive && !connection.hasReceived(RawFrame.goAway))
            let isServed = try await served(client)
            #expect(isServed)
            try await connection.close()
        }
    }

    @Test func streamErrors() async throws {
        let methods = [Methods.echo, Methods.waiting(began: Event(), cancelled: Event())]
        try await withServer(methods) { client, address in
            for (name, bytes) in Self.ofStream {
                let connection = try await RawConnection.connect(to: address)
                // The answer to the ping comes after what the frames before it have caused.
                try await connection.write(
                    RawConnection.preface + bytes + RawFrame.frame(6, [1, 2, 3, 4, 5, 6, 7, 8]))
                try await connection.receives(within: .seconds(5), name) {
                    $0.hasReceived(RawFrame.reset) || $0.hasReceived(RawFrame.goAway)
                }
                let isServed = try await served(client)
                #expect(isServed, "\(name)")
                try? await connection.close()
            }
        }
    }
}
