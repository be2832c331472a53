import Vigil
import WireMessages

@testable import VigilServer

/// The same stream of watches on both servers, and what has to come on it.
struct StreamPair {
    private struct Expected {
        let keys: KeyRange
        let start: Int64
        let filters: [EtcdWatchCreateRequest.FilterType]
        /// Whether its beginning was gone when it began.
        let isGone: Bool
        /// Entries that have to come.
        var count: Int
        /// How much of all that happened was looked at.
        var scanned = 0
        /// Whether it may still be at the past, where nothing is for it.
        var mayReadHistory: Bool
    }

    let ours: StreamLog
    let theirs: StreamLog
    private var watches: [Int64: Expected] = [:]
    private var answers = 0
    private var progress = 0
    /// What etcd answered last.
    private var lastAnswer: EtcdWatchResponse?

    init(ours: StreamLog, theirs: StreamLog) {
        self.ours = ours
        self.theirs = theirs
    }

    var numbers: [Int64] { watches.keys.sorted() }
    var hasRunning: Bool { watches.values.contains { !$0.isGone } }
    var mayReadHistory: Bool { watches.values.contains { $0.mayReadHistory } }
    /// The latest revision at which one begins.
    var latestStart: Int64 { watches.values.map(\.start).max() ?? 0 }

    func close() async throws {
        try await ours.close()
        try await theirs.close()
    }

    // MARK: What has to come

    mutating func expectAnswer(to request: EtcdWatchRequest) {
        switch request.requestUnion {
        case .createRequest: answers += 1
        case .cancelRequest(let cancellation): if watches[cancellation.watchID] != nil { answers += 1 }
        case .progressRequest: if hasRunning { progress += 1 }
        case nil: break
        }
    }

    /// The watch whose creation was answered last has begun.
    mutating func begin(_ request: EtcdWatchCreateRequest, _ view: StepGenerator.View) {
        guard let answer = lastAnswer, answer.created, !answer.canceled else { return }
        let start = request.startRevision == 0 ? view.head + 1 : request.startRevision
        let isGone = start < view.compacted
        watches[answer.watchID] = Expected(
            keys: request.keys, start: start, filters: request.filters, isGone: isGone, count: isGone ? 1 : 0,
            mayReadHistory: !isGone && start <= view.head)
    }

    mutating func end(_ number: Int64) {
        watches[number] = nil
    }

    mutating func hasReadHistory() {
        for number in watches.keys { watches[number]!.mayReadHistory = false }
    }

    /// Counts what is for each watch of all that happened.
    mutating func expect(_ events: [EtcdEvent]) {
        for number in watches.keys {
            guard let watch = watches[number], !watch.isGone, watch.scanned < events.count else { continue }
            let mine = events[watch.scanned...].filter { event in
                event.kv.modRevision >= watch.start && watch.keys.contains(Bytes(event.kv.key))
                    && !watch.filters.contains(event.type == .put ? .noput : .nodelete)
            }
            watches[number]!.count += mine.count
            watches[number]!.scanned = events.count
            // It came to the present with an event of the present.
            if mine.last?.kv.modRevision == events.last?.kv.modRevision { watches[number]!.mayReadHistory = false }
        }
    }

    // MARK: What came

    var hasAnswers: Bool {
        [ours, theirs].allSatisfy { log in
            log.read { $0.isOver || $0.answers.count >= answers && $0.progress.count >= progress }
        }
    }

    var hasEvents: Bool {
        [ours, theirs].allSatisfy { log in
            log.read { state in watches.allSatisfy { state.watches[$0.key]?.count ?? 0 >= $0.value.count } }
        }
    }

    mutating func compareAnswers(complete: Bool) throws {
        let (left, right) = (ours.takeAnswers(), theirs.takeAnswers())
        for (answer, wanted) in zip(left.answers, right.answers) where answer != wanted {
            throw Difference(what: "an answer on a stream", ours: answer.shortText, theirs: wanted.shortText)
        }
        if left.progress != right.progress {
            throw Difference(what: "progress", ours: "\(left.progress)", theirs: "\(right.progress)")
        }
        if !complete || left.isOver || right.isOver || left.answers.count != answers
            || right.answers.count != answers || left.progress.count != progress
        {
            throw Difference(
                what: "\(answers) answers and \(progress) progress on a stream", ours: left.text, theirs: right.text)
        }
        (answers, progress) = (0, 0)
        lastAnswer = right.answers.last
    }

    mutating func compareEvents(complete: Bool) throws {
        let (left, right) = (ours.take(), theirs.take())
        if let wrong = left.wrong.first ?? right.wrong.first {
            throw Difference(what: wrong, ours: left.text, theirs: right.text)
        }
        if !left.answers.isEmpty || !right.answers.isEmpty || left.progress != right.progress {
            throw Difference(what: "answers that nobody asked for", ours: left.text, theirs: right.text)
        }
        for number in Set(left.watches.keys).union(right.watches.keys).union(watches.keys).sorted() {
            let (entries, wanted) = (left.watches[number] ?? [], right.watches[number] ?? [])
            for (entry, wanted) in zip(entries, wanted) where entry != wanted {
                throw Difference(what: "an event of watch \(number)", ours: entry.text, theirs: wanted.text)
            }
            let count = watches[number]?.count ?? 0
            if entries.count != count || wanted.count != count {
                throw Difference(
                    what: "\(count) events of watch \(number)", ours: "\(entries.map(\.text))",
                    theirs: "\(wanted.map(\.text))")
            }
            watches[number]?.count = 0
        }
    }
}

extension StreamLog.State {
    var text: String {
        "\(answers.map(\.shortText)), progress \(progress)\(isOver ? ", over" : ""), \(wrong.count) wrong"
    }
}
