import GRPCServer
import Testing
import Threads

@testable import VigilServer

/// Hashes of passwords, and the queue before them.
@Suite(.timeLimit(.minutes(1))) struct PasswordTests {
    /// So cheap that a test can make thousands.
    static let cheap = PasswordHash.Parameters(rounds: 2, blockSize: 1, parallelism: 1)

    @Test func matchesItselfOnly() {
        let hash = PasswordHash(of: "secret", parameters: Self.cheap)
        #expect(hash.matches("secret"))
        for wrong in ["", "Secret", "secret ", "secre"] { #expect(!hash.matches(wrong)) }
        #expect(PasswordHash(of: "secret", parameters: Self.cheap) != hash)
        let long = PasswordHash(of: String(repeating: "x", count: 100), parameters: Self.cheap)
        #expect(!long.matches(String(repeating: "x", count: 99)))
    }

    /// The second vector of RFC 7914.
    @Test func isScrypt() {
        let digest: [UInt8] = [
            0xfd, 0xba, 0xbe, 0x1c, 0x9d, 0x34, 0x72, 0x00, 0x78, 0x56, 0xe7, 0x19, 0x0d, 0x01, 0xe9, 0xfe,
            0x7c, 0x6a, 0xd7, 0xcb, 0xc8, 0x23, 0x78, 0x30, 0xe7, 0x73, 0x76, 0x63, 0x4b, 0x37, 0x31, 0x62,
        ]
        let hash = PasswordHash(
            parameters: .init(rounds: 1024, blockSize: 8, parallelism: 16), salt: Array("NaCl".utf8), digest: digest)
        #expect(hash.matches("password"))
    }

    @Test func saneParameters() {
        #expect(PasswordHash.Parameters.current.isSane && PasswordHash.Parameters.current.memory == 16 << 20)
        for (rounds, size, parallelism) in [
            (0, 8, 1), (3, 8, 1), (1 << 40, 8, 1), (1 << 20, 8, 1), (1 << 14, 0, 1), (1 << 14, 8, 0), (16, 65, 1),
            (16, 8, 65),
            (.max, .max, .max), (.min, 8, 1),
        ] {
            #expect(!PasswordHash.Parameters(rounds: rounds, blockSize: size, parallelism: parallelism).isSane)
        }
    }

    @Test func originsTakeTurns() {
        var queue = FairQueue<String>(maximum: 8, maximumOfOrigin: 5)
        for number in 0..<6 { #expect(queue.append("a\(number)", from: "a") == (number < 5)) }
        for name in ["b", "c"] { #expect(queue.append(name + "0", from: name) == true) }
        #expect(queue.append("b1", from: "b") == true)
        #expect(queue.append("d0", from: "d") == false)
        var order: [String] = []
        while let next = queue.popFirst() { order.append(next) }
        #expect(order == ["a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4"])
        #expect(queue.count == 0)
        #expect(queue.append("d0", from: "d") == true)
    }

    /// A flood takes no more threads than it may, is turned away beyond its bound, and holds up nobody else.
    @Test func aFlood() async throws {
        let hasher = PasswordHasher()
        let gate = Gate()
        let running = Lock((now: 0, most: 0))
        let order = Lock<[String]>([])
        @Sendable func work(_ name: String) {
            running.withLock { running in
                running.now += 1
                running.most = max(running.most, running.now)
            }
            gate.wait()
            order.withLock { $0.append(name) }
            running.withLock { $0.now -= 1 }
        }
        let busy = (0..<Limits.hashingThreads).map { _ in
            Task { try await hasher.run(from: "flood") { work("flood") } }
        }
        while running.withLock({ $0.now }) < Limits.hashingThreads { await Task.yield() }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<(2 * Limits.waitingHashesOfOrigin) {
                group.addTask {
                    do {
                        try await hasher.run(from: "flood") { work("flood") }
                        return true
                    } catch let status as Status {
                        #expect(status == .tooManyRequests)
                        return false
                    }
                }
            }
            for _ in 0..<Limits.waitingHashesOfOrigin { #expect(try await group.next() == false) }
            async let other: Void = hasher.run(from: "other") { work("other") }
            while !hasher.isWaiting("other") { await Task.yield() }
            gate.open()
            try await other
            // After those that ran, and one that waited.
            #expect(order.withLock { $0.firstIndex(of: "other")! } <= 2 * Limits.hashingThreads)
            for _ in 0..<Limits.waitingHashesOfOrigin { #expect(try await group.next() == true) }
        }
        for task in busy { try await task.value }
        #expect(running.withLock { $0.most } == Limits.hashingThreads)
    }

    @Test func whoIsCancelledIsPassedOver() async throws {
        let hasher = PasswordHasher()
        let gate = Gate()
        let began = AsyncStream<Void>.makeStream()
        let first = (0..<Limits.hashingThreads).map { number in
            Task {
                try await hasher.run(from: "\(number)") {
                    began.continuation.yield()
                    gate.wait()
                }
            }
        }
        var starts = began.stream.makeAsyncIterator()
        for _ in first { await starts.next() }
        let hasRun = Lock(false)
        let second = Task { try await hasher.run(from: "second") { hasRun.withLock { $0 = true } } }
        while !hasher.isWaiting("second") { await Task.yield() }
        second.cancel()
        gate.open()
        for task in first { try await task.value }
        await #expect(throws: CancellationError.self) { try await second.value }
        #expect(!hasRun.withLock { $0 })
    }
}

/// Blocks threads until it is opened.
private final class Gate: Sendable {
    private let isOpen = Monitor(false)

    func wait() { isOpen.wait { $0 ? true : nil } }

    func open() { isOpen.notify { $0 = true } }
}
