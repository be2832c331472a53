import GRPCClient
import NIOCore
import TestSupport
import Testing

@testable import GRPCServer

/// Floods, bombs and silence: whoever causes them loses the connection, or is held back, and others are served meanwhile.
@Suite(.timeLimit(.minutes(2))) struct FloodTests {
    private static let preface = RawConnection.preface
    /// Frames that are legal one by one, until it is enough.
    private static let floods: [(String, [UInt8], perRound: Int)] = [
        ("SETTINGS", RawFrame.frame(4, [0, 4, 0, 1, 0, 0]), 1000),
        ("PING", RawFrame.frame(6, [1, 2, 3, 4, 5, 6, 7, 8]), 1000),
        ("PRIORITY", RawFrame.frame(2, stream: 1, [0, 0, 0, 3, 7]), 1000),
        ("empty DATA", RawFrame.frame(0, stream: 1), 1000),
        ("CONTINUATION", RawFrame.frame(9, stream: 1, [0, 1, 65, 1, 65]), 1000),
        ("empty CONTINUATION", RawFrame.frame(9, stream: 1), 1000),
    ]
    /// Frames of which any number may come: nothing is kept of them, and nothing sent.
    private static let harmless: [(String, [UInt8])] = [
        ("WINDOW_UPDATE", RawFrame.frame(8, [0, 0, 0, 1])),
        ("WINDOW_UPDATE of a stream", RawFrame.frame(8, stream: 1, [0, 0, 0, 1])),
        ("an unknown type", RawFrame.frame(77, [1, 2, 3])),
        ("answers to pings that nobody sent", RawFrame.frame(6, flags: 1, [1, 2, 3, 4, 5, 6, 7, 8])),
    ]

    private func expectServed(_ client: Client, _ what: String) async throws {
        let start = ContinuousClock.now
        let status = try await client.unary("/test.Test/Echo", [1], timeout: .seconds(10)).status
        #expect(status == 0, "\(what)")
        #expect(ContinuousClock.now - start < .seconds(2), "\(what)")
    }

    @Test func floodsOfFrames() async throws {
        let waiting = Methods.waiting(began: Event(), cancelled: Event())
        try await withServer([Methods.echo, waiting]) { client, address in
            for (name, frame, perRound) in Self.floods {
                let connection = try await RawConnection.connect(to: address)
                let isOpen = !name.hasSuffix("CONTINUATION")
                try await connection.write(
                    Self.preface
                        + RawFrame.frame(1, flags: isOpen ? 4 : 0, stream: 1, RawFrame.request("/test.Test/Wait")))
                let round = (0..<perRound).flatMap { _ in frame }
                var rounds = 0
                while connection.channel.isActive, rounds < 100 {
                    try? await connection.write(round)
                    rounds += 1
                    try await expectServed(client, name)
                }
                #expect(!connection.channel.isActive, "\(name): 100000 frames were taken")
            }
        }
    }

    @Test func floodsOfHarmlessFrames() async throws {
        let waiting = Methods.waiting(began: Event(), cancelled: Event())
        try await withServer([Methods.echo, waiting]) { client, address in
            for (name, frame) in Self.harmless {
                let connection = try await RawConnection.connect(to: address)
                try await connection.write(
                    Self.preface + RawFrame.frame(1, flags: 4, stream: 1, RawFrame.request("/test.Test/Wait")))
                let round = (0..<1000).flatMap { _ in frame }
                for _ in 0..<50 {
                    guard connection.channel.isActive else { break }
                    try? await connection.write(round)
                    try await expectServed(client, name)
                }
                #expect(connection.count(of: RawFrame.ping) == 0, "\(name) was answered")
                try? await connection.close()
            }
        }
    }

    /// CVE-2023-44487: streams that are reset as soon as they are opened.
    @Test func rapidResets() async throws {
        let (running, began) = (Counter(), Event())
        let waiting = GRPCServer.Method("/test.Test/Wait") { call in
            running.increment()
            began.happen()
            try await call.cancellation()
        }
        try await withServer([Methods.echo, waiting]) { client, address in
            let connection = try await RawConnection.connect(to: address)
            try await connection.write(Self.preface)
            let request = RawFrame.request("/test.Test/Wait")
            var stream: UInt32 = 1
            while connection.channel.isActive, stream < 100_000 {
                var bytes: [UInt8] = []
                for _ in 0..<500 {
                    bytes += RawFrame.frame(1, flags: 4, stream: stream, request)
                    bytes += RawFrame.frame(3, stream: stream, [0, 0, 0, 8])
                    stream += 2
                }
                try? await connection.write(bytes)
                try await expectServed(client, "resets")
            }
            #expect(!connection.channel.isActive, "50000 resets were taken")
            #expect(running.count <= Limits.resets + 1000)
        }
    }

    /// CVE-2025-8671: frames after which the server itself resets a stream that was just opened, so that no limit of the
    /// client's own resets and open streams is reached.
    @Test func resetsThatTheServerIsMadeToSend() async throws {
        let causes: [(String, @Sendable (UInt32) -> [UInt8])] = [
            ("a window by nothing", { RawFrame.frame(8, stream: $0, [0, 0, 0, 0]) }),
            ("a window too large", { RawFrame.frame(8, stream: $0, [0x7F, 0xFF, 0xFF, 0xFF]) }),
            ("a dependence on itself", { RawFrame.frame(2, stream: $0, RawFrame.bytes($0) + [7]) }),
            ("trailers that are none", { RawFrame.frame(1, flags: 4, stream: $0, RawFrame.header("a", "1")) }),
        ]
        for (name, cause) in causes {
            let running = Counter()
            let waiting = GRPCServer.Method("/test.Test/Wait") { call in
                running.increment()
                try await call.cancellation()
            }
            try await withServer([Methods.echo, waiting]) { client, address in
                let connection = try await RawConnection.connect(to: address)
                try await connection.write(Self.preface)
                let request = RawFrame.request("/test.Test/Wait")
                var stream: UInt32 = 1
                while connection.channel.isActive, stream < 40_000 {
                    var bytes: [UInt8] = []
                    for _ in 0..<250 {
                        bytes += RawFrame.frame(1, flags: 4, stream: stream, request) + cause(stream)
                        stream += 2
                    }
                    try? await connection.write(bytes)
                    try await expectServed(client, name)
                }
                #expect(!connection.channel.isActive, "\(name): 20000 were taken")
                #expect(running.count <= Limits.streamErrors + 1000, "\(name)")
            }
        }
    }

    /// A large header in the table, and then nothing but references to it: 5000 bytes that mean 15 MB.
    @Test func aBombOfHeaders() async throws {
        try await withServer([Methods.echo]) { client, address in
            let connection = try await RawConnection.connect(to: address)
            let value = [UInt8](repeating: 0x61, count: 3000)
            // With incremental indexing; 3000 = 127 + 2873.
            let entry: [UInt8] = [0x40, 1, 0x61, 0x7F, 0xB9, 0x16] + value
            let bomb = RawFrame.request() + entry + [UInt8](repeating: 0xBE, count: 5000)
            try await connection.write(Self.preface + RawFrame.frame(1, flags: 5, stream: 1, bomb))
            try await connection.receives(within: .seconds(5), "bomb") {
                $0.hasReceived(RawFrame.goAway) || $0.hasReceived(RawFrame.reset) || !$0.channel.isActive
            }
            try await expectServed(client, "bomb")
        }
    }

    /// Half of something, and then nothing.
    @Test func slowLoris() async throws {
        var options = ServerOptions()
        options.handshakeTimeout = .milliseconds(200)
        options.keepaliveInterval = .milliseconds(200)
        options.keepaliveTimeout = .milliseconds(200)
        try await withServer([Methods.echo], options: options) { client, address in
            let halves: [(String, [UInt8])] = [
                ("nothing", []), ("half a preface", Array(Self.preface.prefix(10))),
                ("half a frame", Self.preface + [0, 0, 8, 6]),
                ("half a header block", Self.preface + RawFrame.frame(1, stream: 1, RawFrame.request())),
                (
                    "half a message",
                    Self.preface + RawFrame.frame(1, flags: 4, stream: 1, RawFrame.request())
                        + RawFrame.frame(0, stream: 1, [0, 0, 1, 0, 0, 7])
                ),
            ]
            for (name, bytes) in halves {
                let connection = try await RawConnection.connect(to: address)
                try await connection.write(bytes)
                try await connection.closed(within: .seconds(5), name)
                try await expectServed(client, name)
            }
        }
    }

    /// Who sends something all the time, a byte or so, and never all of it. The time to shake hands does not begin anew.
    @Test func slowLorisThatDrips() async throws {
        var options = ServerOptions()
        options.handshakeTimeout = .milliseconds(500)
        try await withServer([Methods.echo], options: options) { client, address in
            let connection = try await RawConnection.connect(to: address)
            let start = ContinuousClock.now
            for byte in Self.preface.prefix(20) where connection.channel.isActive {
                try? await connection.write([byte])
                // As slow as somebody is who wants to stay.
                try await Task.sleep(for: .milliseconds(100))
            }
            try await connection.closed(within: .seconds(5), "a preface that drips")
            #expect(ContinuousClock.now - start < .seconds(3))
            try await expectServed(client, "a preface that drips")
        }
    }

    /// A header block that comes in pieces is taken up to the limit of headers, and no further.
    @Test func aHeaderBlockThatDrips() async throws {
        try await withServer([Methods.echo]) { client, address in
            let connection = try await RawConnection.connect(to: address)
            try await connection.write(Self.preface + RawFrame.frame(1, stream: 1, RawFrame.request()))
            // Of literal headers, each of its own name.
            var sent = 0
            while connection.channel.isActive, sent < 1 << 20 {
                let piece = RawFrame.header("h\(sent)", String(repeating: "x", count: 100))
                try? await connection.write(RawFrame.frame(9, stream: 1, piece))
                sent += piece.count
                if sent % 50 == 0 { try await expectServed(client, "headers that drip") }
            }
            try await connection.closed(within: .seconds(5), "headers that drip")
            #expect(sent < 16 * ServerOptions().maximumHeaderBytes, "\(sent) bytes of headers were taken")
            try await expectServed(client, "headers that drip")
        }
    }

    /// A million messages of no bytes at all are held back like any others.
    @Test func emptyMessagesThatNobodyReads() async throws {
        let waiting = Methods.waiting(began: Event(), cancelled: Event())
        try await withServer([Methods.echo, waiting]) { client, _ in
            let call = try await client.call("/test.Test/Wait")
            let left = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let messages = [UInt8](repeating: 0, count: 10_000)
                    for _ in 0..<500 {
                        try await call.sendRaw(messages)
                        left.increment()
                    }
                }
                for _ in 0..<100 { try await expectServed(client, "empty messages") }
                // 5 MB in all.
                #expect(left.count * 10_000 <= Limits.streamWindowBytes * 2)
                try await call.cancel()
                group.cancelAll()
                while (try? await group.next()) != nil {}
            }
        }
    }

    /// A client that opens no window asks for much; what it is beyond is not kept for it.
    @Test func answersThatNobodyTakes() async throws {
        var options = ServerOptions()
        options.maximumUnsentBytes = 4 << 20
        let large = GRPCServer.Method.unary("/test.Test/Large") { _, _ in [UInt8](repeating: 0, count: 1 << 20) }
        try await withServer([Methods.echo, large], options: options) { client, address in
            let connection = try await RawConnection.connect(to: address)
            try await connection.write(Self.preface + RawFrame.frame(4, [0, 4, 0, 0, 0, 0]))
            for number in 0..<10 {
                let stream = UInt32(2 * number + 1)
                try await connection.write(
                    RawFrame.frame(1, flags: 4, stream: stream, RawFrame.request("/test.Test/Large"))
                        + RawFrame.frame(0, flags: 1, stream: stream, [0, 0, 0, 0, 0]))
            }
            // Each answer begins with headers, also that of those that are told of the limit.
            try await connection.receives(within: .seconds(10), "answers") { $0.count(of: RawFrame.headers) == 10 }
            #expect(connection.count(of: RawFrame.data) == 0)
            try await expectServed(client, "answers")
        }
    }

    @Test func aThousandConnections() async throws {
        DescriptorLimit.raise()
        try await withServer([Methods.echo]) { client, address in
            var clients: [Client] = []
            for number in 0..<1000 {
                clients.append(try await Client.connect(to: address))
                if number % 100 == 0 { try await expectServed(client, "\(number) connections") }
            }
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for client in clients { group.addTask { try await client.unary("/test.Test/Echo", [1]).status } }
                for try await status in group { #expect(status == 0) }
            }
            for client in clients { try await client.close() }
            try await expectServed(client, "after")
        }
    }
}
