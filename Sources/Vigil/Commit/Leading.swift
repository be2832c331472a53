/// A writer whose own thread may wait for a flush, and so may come to lead a commit.
package struct Leading<Result: Sendable>: Sendable {
    /// Has `lead` called soon, once, on that thread.
    package typealias Schedule = @Sendable (_ lead: @escaping @Sendable () -> Void) -> Void

    let schedule: Schedule
    let prepare: (@Sendable (Result) -> Conclusion?)?

    /// `prepare` is called by the lead with what the write does, while the disk writes it: there is time to make an answer
    /// of it. Neither the answer nor anything else that it leads to may reach anybody before the ``Conclusion`` that it
    /// returns, nil if it has prepared nothing. It may not be called at all; the writer is told in any case.
    package init(schedule: @escaping Schedule, prepare: (@Sendable (Result) -> Conclusion?)?) {
        self.schedule = schedule
        self.prepare = prepare
    }
}

/// What becomes of an answer that was prepared. It is called once, by the same lead: the answer may leave if the write `stands`,
/// and is void if nobody knows.
package typealias Conclusion = (_ stands: Bool) -> Void

extension Leading {
    /// The same for a request: `result` finds in its outcome what the writer is told.
    func map(_ result: @escaping @Sendable (CommitGroup.Outcome) -> Result?) -> Leading<CommitGroup.Outcome> {
        guard let prepare else { return Leading<CommitGroup.Outcome>(schedule: schedule, prepare: nil) }
        return Leading<CommitGroup.Outcome>(schedule: schedule) { result($0).flatMap(prepare) }
    }
}
