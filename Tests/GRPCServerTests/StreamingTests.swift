import GRPCClient
import NIOCore
import Testing

@testable import GRPCServer

/// Calls with many messages, and what holds them back.
@Suite(.timeLimit(.minutes(1))) struct StreamingTests {
    @Test func messagesGoBothWaysInOrder() async throws {
        try await withServer([Methods.echoes]) { client, _ in
            let call = try await client.call("/test.Test/Echoes")
            for number in 0..<1000 {
                let message = Array("message \(number)".utf8)
                try await call.send(message, isLast: number == 999)
                if number % 3 == 0 || number > 990 { continue }
                #expect(try await call.next() != nil)
            }
            let rest = try await call.answer()
            #expect(rest.messages.last == Array("message 999".utf8))
            #expect(rest.status == 0)
        }
    }

    @Test func aClientThatDoesNotReadStopsTheHandlerAndNobodyElse() async throws {
        let sent = Counter()
        let flood = GRPCServer.Method.serverStreaming("/test.Test/Flood") { _, call in
            for number in 0..<2000 {
                try await call.send([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 8 << 10))
                sent.increment()
            }
        }
        try await withServer([flood, Methods.echo]) { client, _ in
            let call = try await client.call("/test.Test/Flood")
            try await call.send([], isLast: true)
            // Each round trip lets the flood go on as far as it can.
            for _ in 0..<200 { #expect(try await client.unary("/test.Test/Echo", [1]).status == 0) }
            // The client's window and what may be unsent, of 16 MB.
            let bound = (65_535 + Limits.unsentBytes) / (8 << 10) + 2
            #expect(sent.count <= bound)
            let answer = try await call.answer()
            #expect(answer.messages.count == 2000 && answer.status == 0)
            #expect(
                answer.messages.enumerated().allSatisfy { $0.element.first == UInt8(truncatingIfNeeded: $0.offset) })
        }
    }

    @Test func aHandlerThatDoesNotReadStopsItsClientAndNobodyElse() async throws {
        let mayRead = Event()
        let slow = GRPCServer.Method("/test.Test/Slow") { call in
            await mayRead.wait()
            var count = 0
            while let message = try await call.next() { count += message.readableBytes }
            try await call.send(Array("\(count)".utf8))
        }
        try await withServer([slow, Methods.echo]) { client, _ in
            let call = try await client.call("/test.Test/Slow")
            let left = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 1...1000 {
                        try await call.send([UInt8](repeating: 1, count: 8 << 10), isLast: number == 1000)
                        left.increment()
                    }
                }
                for _ in 0..<200 { #expect(try await client.unary("/test.Test/Echo", [1]).status == 0) }
                let bound = (Limits.streamWindowBytes + Limits.unreadBytes) / (8 << 10) + 2
                #expect(left.count <= bound)
                mayRead.happen()
                let answer = try await call.answer()
                #expect(answer.messages == [Array("\(1000 * (8 << 10))".utf8)])
                try await group.waitForAll()
            }
        }
    }

    @Test func manyTasksThatSendTakeTurns() async throws {
        let made = Counter()
        let many = GRPCServer.Method.serverStreaming("/test.Test/Many") { _, call in
            try await withThrowingDiscardingTaskGroup { group in
                for number in 0..<1000 {
                    group.addTask {
                        try await call.send {
                            made.increment()
                            return [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 4 << 10)
                        }
                    }
                }
            }
        }
        try await withServer([many, Methods.echo]) { client, _ in
            let call = try await client.call("/test.Test/Many")
            try await call.send([], isLast: true)
            for _ in 0..<200 { #expect(try await client.unary("/test.Test/Echo", [1]).status == 0) }
            // Those that wait for room have made nothing.
            #expect(made.count <= (65_535 + Limits.unsentBytes) / (4 << 10) + 2)
            let answer = try await call.answer()
            #expect(answer.messages.count == 1000 && answer.status == 0)
            #expect(answer.messages.allSatisfy { Set($0).count == 1 && $0.count == 4 << 10 })
        }
    }

    /// A message that is never in memory as a whole, and others that wait until it is out.
    @Test func aLargeMessageGoesInParts() async throws {
        let made = Counter()
        let (parts, part) = (1000, 16 << 10)
        let large = GRPCServer.Method.serverStreaming("/test.Test/Large") { _, call in
            try await withThrowingDiscardingTaskGroup { group in
                for number in UInt8(0)..<2 {
                    group.addTask {
                        var rest = parts
                        try await call.sendInParts { messages in
                            if rest == parts { messages.begin(length: UInt32(parts * part)) }
                            messages.append(part: [UInt8](repeating: number, count: part))
                            made.increment()
                            rest -= 1
                            return rest > 0
                        }
                    }
                    group.addTask { try await call.send([number]) }
                }
            }
        }
        try await withServer([large, Methods.echo]) { client, _ in
            let call = try await client.call("/test.Test/Large")
            try await call.send([], isLast: true)
            for _ in 0..<200 { #expect(try await client.unary("/test.Test/Echo", [1]).status == 0) }
            // The client's window and what may be unsent, of 16 MB each.
            #expect(made.count <= (65_535 + Limits.unsentBytes) / part + 2)
            let answer = try await call.answer()
            #expect(answer.status == 0 && answer.messages.map(\.count).sorted() == [1, 1, parts * part, parts * part])
            #expect(answer.messages.allSatisfy { Set($0).count == 1 })
        }
    }

    /// In the middle of a message, by its own error, and by a client that does not read.
    @Test func aLargeMessageCanBreakOff() async throws {
        let ended = Event()
        let large = GRPCServer.Method.serverStreaming("/test.Test/Large") { message, call in
            defer { ended.happen() }
            let fails = message.readableBytes > 0
            var isBegun = false
            try await call.sendInParts { messages in
                if !isBegun { messages.begin(length: 60 << 20) }
                if isBegun, fails { throw Status(.dataLoss, "gone") }
                isBegun = true
                messages.append(part: [UInt8](repeating: 1, count: 16 << 10))
                return true
            }
        }
        try await withServer([large, Methods.echo]) { client, _ in
            let failing = try await client.call("/test.Test/Large")
            try await failing.send([1], isLast: true)
            #expect(try await failing.answer().status == Status(.dataLoss, "").code.rawValue)
            let call = try await client.call("/test.Test/Large")
            try await call.send([], isLast: true)
            for _ in 0..<100 { #expect(try await client.unary("/test.Test/Echo", [1]).status == 0) }
            try await call.cancel()
            await ended.wait()
            await ended.wait()
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func anAnswerBeforeTheClientHasFinished() async throws {
        let early = GRPCServer.Method("/test.Test/Early") { call in
            _ = try await call.next()
            try await call.send([42])
        }
        try await withServer([early]) { client, _ in
            let call = try await client.call("/test.Test/Early")
            try await call.send([1])
            let answer = try await call.answer()
            #expect(answer.messages == [[42]] && answer.status == 0)
        }
    }
}
