import Synchronization

/// Commands from many tasks to the dispatcher, without a lock: each is pushed onto a list, and the dispatcher takes the
/// whole list at once.
///
/// Sound as `@unchecked Sendable`: a node belongs to the pusher until it is linked, then to the one who took the list.
final class CommandStack: @unchecked Sendable {
    private final class Node {
        let command: WatchRegistry.Command
        var next: Unmanaged<Node>?

        init(_ command: WatchRegistry.Command) {
            self.command = command
        }
    }

    private let top = Atomic<Unmanaged<Node>?>(nil)

    deinit {
        _ = takeAll()
    }

    var isEmpty: Bool { top.load(ordering: .sequentiallyConsistent) == nil }

    func push(_ command: WatchRegistry.Command) {
        let node = Node(command)
        let reference = Unmanaged.passRetained(node)
        var current = top.load(ordering: .relaxed)
        while true {
            node.next = current
            let (isExchanged, found) = top.weakCompareExchange(
                expected: current, desired: reference, ordering: .sequentiallyConsistent)
            if isExchanged { return }
            current = found
        }
    }

    /// All commands, in the order in which they were pushed.
    func takeAll() -> [WatchRegistry.Command] {
        guard top.load(ordering: .sequentiallyConsistent) != nil else { return [] }
        var commands: [WatchRegistry.Command] = []
        var next = top.exchange(nil, ordering: .sequentiallyConsistent)
        while let reference = next {
            let node = reference.takeRetainedValue()
            commands.append(node.command)
            next = node.next
        }
        commands.reverse()
        return commands
    }
}
