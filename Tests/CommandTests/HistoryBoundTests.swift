import ChildProcess
import Foundation
import TestSupport
import Testing

/// What the commands take for a place in history, by number, from its end and by time; and how history is forgotten.
@Suite struct HistoryBoundTests {
    /// Twelve revisions of the key `k`.
    private func withHistory<R>(_ body: (Command) async throws -> R) async throws -> R {
        try await withCommand { vigil in
            let lines = (1...12).map { #"{"key":"k","value":"\#($0)"}"# }
            #expect(try await vigil("import", "-", "--batch", "1", input: lines.joined(separator: "\n")).status == 0)
            return try await body(vigil)
        }
    }

    private func revisions(_ outcome: Command.Outcome) -> [Int] {
        outcome.json.compactMap { $0["revision"] as? Int }
    }

    /// When `revision` was committed, as milliseconds and as ISO 8601.
    private func time(_ vigil: Command, _ revision: Int) async throws -> (milliseconds: Int64, text: String) {
        let shown = try await vigil("show", "\(revision)", "--json")
        let milliseconds = Int64(try #require(shown.json.first?["time_ms"] as? Int))
        let line = try #require(try await vigil("show", "\(revision)").lines.first)
        let text = try #require(line.components(separatedBy: "committed ").last)
        return (milliseconds, text)
    }

    @Test func theLastRevisions() async throws {
        try await withHistory { vigil in
            for arguments in [["--from", "-3"], ["--from=-3"]] {
                let log = try await vigil("log", arguments[0], arguments.count > 1 ? arguments[1] : "--json", "--json")
                #expect(revisions(log) == [10, 11, 12], "\(arguments), \(log.errors)")
            }
            let watched = try await vigil("watch", "k", "--from", "-3", "--until", "head", "--json")
            #expect(revisions(watched).prefix(3) == [10, 11, 12])
            let all = try await vigil("log", "--from", "-100", "--json")
            #expect(revisions(all) == Array(1...12))
            _ = try await vigil("compact", "8")
            #expect(try await revisions(vigil("log", "--from=-100", "--json")) == Array(8...12))
            #expect(try await revisions(vigil("watch", "k", "--from=-100", "--until", "head", "--json")).first == 8)
        }
    }

    @Test func byTime() async throws {
        try await withHistory { vigil in
            // The text of a log is taken as it is, with its blank; so are an offset and ISO's T.
            let (milliseconds, text) = try await time(vigil, 7)
            let log = try await vigil("log", "--json")
            let expected = log.json.filter { ($0["time_ms"] as? Int).map(Int64.init) ?? 0 >= milliseconds }.count
            for written in [text, text.replacingOccurrences(of: " ", with: "T")] {
                let log = try await vigil("log", "--from", "@\(written)", "--json")
                #expect(log.json.count == expected, "\(written): \(log.errors)")
                let watched = try await vigil("watch", "k", "--from", "@\(written)", "--until", "head", "--json")
                #expect(watched.json.filter { $0["type"] as? String == "put" }.count == expected)
            }
            #expect(try await vigil("log", "--from", "@-1h", "--json").json.count == 12)
            #expect(try await vigil("log", "--from=@-1h", "--to=@-1h", "--json").json.isEmpty)
            #expect(
                try await vigil("log", "--from", "@2001-01-01", "--to", "@2999-12-31T23:59:59+14:00").lines.count == 12)
            #expect(try await vigil("get", "k", "--at", "@2999-01-01").lines == ["12"])
            #expect(try await vigil("get", "k", "--at", "@-1h").status == 1)
            #expect(try await vigil("ls", "--at", "@-1h").lines.isEmpty)
            #expect(try await vigil("export", "--at", "@\(text)").lines.count == 1)
            // What comes in the future is none yet.
            #expect(try await vigil("log", "--from", "@2999-01-01").lines.isEmpty)
            _ = try await vigil("compact", "8")
            for outcome in try await [
                vigil("log", "--from", "@-1h"), vigil("get", "k", "--at", "@-1h"),
                vigil("watch", "k", "--from", "@-1h", "--until", "head"),
            ] {
                #expect(outcome.status == 3 && outcome.errors.contains("earliest available is"), "\(outcome.errors)")
            }
        }
    }

    @Test func anOffsetIsTakenOff() async throws {
        try await withHistory { vigil in
            let east = try await vigil("compact", "@1999-12-31T23:59:60Z", "--dry-run")
            #expect(east.status == 2, "there is no second 60: \(east.errors)")
            let (milliseconds, _) = try await time(vigil, 1)
            let formatter = ISO8601DateFormatter()
            formatter.timeZone = TimeZone(secondsFromGMT: -5 * 3600 - 1800)
            // A second after the last revision by another clock's reading of it, and one before the first.
            let later = formatter.string(from: Date(timeIntervalSince1970: Double(milliseconds) / 1000 + 3600))
            let sooner = formatter.string(from: Date(timeIntervalSince1970: Double(milliseconds) / 1000 - 3600))
            #expect(later.hasSuffix("-05:30"))
            #expect(try await vigil("log", "--from", "@\(later)").lines.isEmpty)
            #expect(try await vigil("log", "--from", "@\(sooner)").lines.count == 12)
        }
    }

    @Test func aRevisionThatIsNotMadeYet() async throws {
        try await withHistory { vigil in
            let next = try await vigil("log", "--from", "13")
            #expect(next.status == 0 && next.lines.isEmpty, "the place to go on from is no mistake")
            #expect(next.errors.contains("newest revision is 12"))
            let export = try await vigil("export", "--from", "13")
            #expect(export.status == 0 && export.lines.isEmpty && export.errors.contains("newest revision is 12"))
            let future = try await vigil("log", "--from", "14")
            #expect(future.status == 3 && future.errors.contains("newest is 12"))
        }
    }

    @Test func aStretchThatIsGone() async throws {
        try await withHistory { vigil in
            _ = try await vigil("compact", "8")
            for command in ["log", "export"] {
                let gone = try await vigil(command, "--to", "7")
                #expect(gone.status == 3 && gone.errors.contains("earliest available is 8"), "\(gone.errors)")
                #expect(try await vigil(command, "--to", "8").lines.count == 1)
            }
        }
    }

    @Test func aDryRunChangesNothingAndSaysWhatWouldGo() async throws {
        try await withHistory { vigil in
            let before = try await vigil("stat", "--json").json.first
            let dry = try await vigil("compact", "5", "--dry-run", "--json")
            #expect(dry.status == 0 && dry.json.first?["revisions"] as? Int == 4)
            #expect(dry.json.first?["first_kept"] as? Int == 5)
            let oldest = try #require(dry.json.first?["oldest_ms"] as? Int)
            #expect(oldest == before?["earliest_ms"] as? Int)
            let text = try await vigil("compact", "5", "--dry-run")
            #expect(text.lines.first?.contains("would forget revisions 1 to 4") == true)
            let kept = try await vigil("compact", "--keep-revisions", "3", "--dry-run")
            #expect(kept.lines.first?.contains("would forget revisions 1 to 9") == true)
            let nothing = try await vigil("compact", "--keep-age", "1h", "--dry-run")
            #expect(nothing.lines == ["would forget nothing; the earliest revision is 1"])
            #expect(try await vigil("stat", "--json").json.first?["earliest"] as? Int == 1)
            let future = try await vigil("compact", "99", "--dry-run")
            #expect(future.status == 3 && future.errors.contains("newest is 12"))
        }
    }

    @Test func aRetentionByHand() async throws {
        try await withHistory { vigil in
            #expect(
                try await vigil("compact", "--keep-revisions", "100", "--keep-age", "2w", "--keep-bytes", "1GiB")
                    .lines == ["compacted; the earliest revision is 1"])
            #expect(
                try await vigil("compact", "--keep-revisions", "7").lines == ["compacted; the earliest revision is 6"])
            // One of a later process, and so of a later time.
            _ = try await vigil("put", "k", "13")
            let (_, text) = try await time(vigil, 13)
            let byTime = try await vigil("compact", "@\(text)", "--json")
            #expect(byTime.json.first?["compacted"] as? Int == 13, "\(byTime.errors)")
            _ = try await vigil("put", "k", "14")
            #expect(try await vigil("compact", "--keep-bytes", "1", "--keep-age", "1ms").status == 0)
            #expect(try await vigil("log", "--json").json.count == 1)
            #expect(try await vigil("get", "k").lines == ["14"])
            let late = try await vigil("compact", "@2999-01-01")
            #expect(late.status == 2 && late.errors.contains("before that time"))
        }
    }

    @Test func statSaysHowFarTheLogGoesBack() async throws {
        try await withHistory { vigil in
            _ = try await vigil("compact", "4")
            let (milliseconds, text) = try await time(vigil, 4)
            let row = try await vigil("stat").lines.first { $0.hasPrefix("earliest") }
            #expect(row?.contains("revision 4, of \(text), ") == true && row?.hasSuffix(" ago") == true)
            #expect(try await vigil("stat", "--json").json.first?["earliest_ms"] as? Int == Int(milliseconds))
        }
    }

    @Test(arguments: [
        ["log", "--from", "@"], ["log", "--from", "@yesterday"], ["log", "--from", "@2026-02-30"],
        ["log", "--from", "@2026-11-23T8:00Z"], ["log", "--from", "@2026-11-23T25:00"], ["log", "--from", "@-1y"],
        ["log", "--from", "@2026-11-23T08:00:00+25:00"], ["log", "--from", "@2026-11-23T08:00:00Zulu"],
        ["log", "--from", "5", "--to", "4"], ["export", "--from", "5", "--to", "4"],
        ["log", "--from", "now"], ["log", "--from"], ["log", "--from", "--json"], ["log", "--to", "0"],
        ["watch", "k", "--from", "--json"], ["watch", "k", "--from", "0"], ["get", "k", "--at", "-1"],
        ["compact"], ["compact", "0"], ["compact", "3", "--keep-revisions", "3"], ["compact", "--keep-age", "5"],
        ["compact", "--keep-age", "99999999999999999w"], ["compact", "--keep-bytes", "9999999999TiB"],
        ["compact", "--keep-bytes", "-1"], ["compact", "--dry-run"],
    ])
    func wrongBoundsAreTwo(_ arguments: [String]) async throws {
        try await withHistory { vigil in
            let child = try ChildProcess(
                built: "vigil", arguments, environment: ["VIGIL_DATA": vigil.data], errors: vigil.directory + "/errors")
            #expect(await child.status() == 2)
        }
    }

    @Test func boundsThatNoStoreTakesAreTwo() async throws {
        try await withHistory { vigil in
            for option in ["--keep-revisions=0", "--keep-revisions=-3", "--keep-age=0s", "--keep-bytes=0"] {
                let outcome = try await vigil("compact", option)
                #expect(outcome.status == 2 && outcome.errors.contains("retention."), "\(option): \(outcome.errors)")
            }
        }
    }
}
