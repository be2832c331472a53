import Changes

/// Walks several runs together in key order, up or down; for a key in more than one run only the newest counts.
struct OverlayCursor {
    /// Oldest first.
    private let runs: [OverlayRun]
    /// For each run the next position to read.
    private var positions: [Int]
    private let descending: Bool

    /// Begins at the first key not less than `lower`, or, descending, at the last key less than `upper`.
    init(_ runs: [OverlayRun], lower: Bytes, upper: Bytes?, descending: Bool) {
        self.runs = runs
        self.descending = descending
        positions = runs.map { run in
            guard descending else { return lower.withUnsafeBytes { run.lowerBound($0) } }
            return (upper?.withUnsafeBytes { run.lowerBound($0) } ?? run.entries.count) - 1
        }
    }

    /// The key under the cursor, or nil at the end. The bounds are the caller's to check.
    func peek() -> Bytes? {
        newestAtFront().map { runs[$0].key(positions[$0]) }
    }

    /// The version under the cursor; there must be one.
    func version() -> KeyVersion {
        let run = newestAtFront()!
        return runs[run].version(positions[run])
    }

    /// Moves past the key under the cursor, in every run.
    mutating func advance() {
        guard let key = peek() else { return }
        for run in runs.indices where isInside(run) && runs[run].key(positions[run]) == key {
            positions[run] += descending ? -1 : 1
        }
    }

    private func isInside(_ run: Int) -> Bool {
        runs[run].entries.indices.contains(positions[run])
    }

    /// The run with the next key; of several with the same key the newest.
    private func newestAtFront() -> Int? {
        var best: (run: Int, key: Bytes)?
        for run in runs.indices.reversed() where isInside(run) {
            let key = runs[run].key(positions[run])
            guard let (_, leading) = best else {
                best = (run, key)
                continue
            }
            if descending ? key > leading : key < leading { best = (run, key) }
        }
        return best?.run
    }
}
