import ChildProcess
import Foundation
import GRPCClient
import Logging
import TestSupport
import Testing
import Threads

@testable import VigilCommand

/// What a server logs, and what it never does.
@Suite(.timeLimit(.minutes(1))) struct ServeLogTests {
    @Test func everyCallIsLoggedAndNothingThatClientsSend() async throws {
        try await withCommand { vigil in
            let served = try await Served(vigil, "--log-level", "trace", "--slow-call", "0s")
            #expect(try await served.put("confidential-key", "confidential-value") == 0)
            #expect(try await served.put("confidential-" + String(repeating: "k", count: 100), "") == 0)
            _ = try await served.client.unary("/etcdserverpb.KV/Range", Array("confidential-nonsense".utf8))
            served.process.interrupt()
            #expect(await served.process.status() == 0)
            let errors = try String(contentsOfFile: vigil.backgroundErrors, encoding: .utf8)
            #expect(!errors.contains("confidential"))
            let lines = errors.split(separator: "\n").map { Command.object(String($0)) }
            #expect(lines.allSatisfy { $0?["time"] is String && $0?["level"] is String })
            let calls = lines.filter { $0?["message"] as? String == "a call ended" }
            #expect(calls.count == 3 && calls.allSatisfy { $0?["level"] as? String == "debug" })
            #expect(
                calls.first??["method"] as? String == "/etcdserverpb.KV/Put"
                    && calls.first??["status"] as? String == "ok")
            #expect(lines.filter { $0?["message"] as? String == "a call was slow" }.count == 3)
        }
    }

    @Test func quietUnlessAsked() async throws {
        try await withCommand { vigil in
            let served = try await Served(vigil, "--log-level", "error")
            #expect(try await served.put("a", "1") == 0)
            served.process.interrupt()
            #expect(await served.process.status() == 0)
            #expect(try String(contentsOfFile: vigil.backgroundErrors, encoding: .utf8) == "")
        }
    }

    @Test func oneLineForEachEvent() {
        let lines = Lock<[String]>([])
        func log(asJSON: Bool) -> String {
            let logger = Logger(label: "test") { _ in
                LineLogHandler(level: .info, asJSON: asJSON) { line in lines.withLock { $0.append(line) } }
            }
            logger.warning("two\nlines", metadata: ["b": "with space", "a": "plain", "c": "line\nend", "level": "own"])
            logger.debug("not this one")
            return lines.withLock { $0.removeLast() }
        }
        #expect(
            log(asJSON: false).hasSuffix(#"Z warning: two lines a=plain b="with space" c="line\nend" level=own"#))
        let object = Command.object(log(asJSON: true))
        #expect(object?["message"] as? String == "two\nlines" && object?["level"] as? String == "warning")
        #expect(object?["level_"] as? String == "own" && object?["c"] as? String == "line\nend")
        #expect(lines.withLock { $0.isEmpty })
    }
}
