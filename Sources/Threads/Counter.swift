import Synchronization

/// A number that many threads add to and somebody looks at now and then. Its order to anything else is not defined.
package final class Counter: Sendable {
    private let number = Atomic<Int>(0)

    package init() {}

    package var value: Int { number.load(ordering: .relaxed) }

    package func add(_ count: Int = 1) { number.add(count, ordering: .relaxed) }
    package func set(_ value: Int) { number.store(value, ordering: .relaxed) }
}
