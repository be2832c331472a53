import Vigil

/// What one step of a transaction must have done; as `TransactionResult.Output`, but comparable.
enum ModelOutput: Equatable {
    case put(KeyValue?)
    case delete(Int, [KeyValue])
    case range([KeyValue])
    case transaction(Bool, [ModelOutput])

    init(_ output: TransactionResult.Output) {
        switch output {
        case .put(let previous): self = .put(previous)
        case .delete(let count, let previous): self = .delete(count, previous)
        case .range(let keyValues): self = .range(keyValues)
        case .transaction(let succeeded, let outputs): self = .transaction(succeeded, outputs.map(ModelOutput.init))
        }
    }
}

/// A transaction carried out on the model's newest state, which it leaves alone: what it must give and change.
struct ModelTransaction {
    let succeeded: Bool
    /// Why it must be refused: it rewrites a key that is not there, reads a revision that is not there, or, only then,
    /// changes a key twice.
    private(set) var refusal: StoreError.Code?
    private(set) var changes: [(Bytes, Bytes?)] = []
    private(set) var outputs: [ModelOutput] = []

    private let model: ModelStore
    private let revision: Revision
    private var state: [Bytes: KeyValue]
    private var deleted: [KeyRange] = []

    init(_ transaction: Transaction, on model: ModelStore) {
        succeeded = transaction.comparisons.allSatisfy { model.holds($0) }
        self.model = model
        revision = model.head + 1
        state = model.current
        let operations = succeeded ? transaction.success : transaction.failure
        let steps = steps(operations)
        for case .rewrite(let key, _) in steps where model.current[key] == nil { refusal = .keyNotFound }
        for case .range(_, _, let asked?) in steps where refusal == nil && !(model.compacted...model.head ~= asked) {
            refusal = asked > model.head ? .futureRevision : .compacted
        }
        run(operations)
    }

    /// Those that will run.
    private func steps(_ operations: [Transaction.Operation]) -> [Transaction.Operation] {
        operations.flatMap { operation -> [Transaction.Operation] in
            guard case .transaction(let nested) = operation else { return [operation] }
            return steps(nested.comparisons.allSatisfy { model.holds($0) } ? nested.success : nested.failure)
        }
    }

    private mutating func run(_ operations: [Transaction.Operation]) {
        for operation in operations where refusal == nil { run(operation) }
    }

    private mutating func run(_ operation: Transaction.Operation) {
        switch operation {
        case .rewrite(let key, _): put(key, state[key]?.value)
        case .transaction(let nested):
            let succeeded = nested.comparisons.allSatisfy { model.holds($0) }
            let before = outputs
            outputs = []
            run(succeeded ? nested.success : nested.failure)
            outputs = before + [.transaction(succeeded, outputs)]
        case .put(let key, let value, _): put(key, value)
        case .delete(let key): delete(.key(key), returnsPrevious: true)
        case .deleteRange(let keys, let returnsPrevious): delete(keys, returnsPrevious: returnsPrevious)
        case .get(let key): outputs.append(.range(state[key].map { [$0] } ?? []))
        case .range(let keys, let limit, let revision):
            let found = revision.map { model.range(keys, at: $0) } ?? present(keys)
            outputs.append(.range(Array(found.prefix(limit ?? .max))))
        }
    }

    private mutating func put(_ key: Bytes, _ value: Bytes?) {
        if changes.contains(where: { $0.0 == key }) || deleted.contains(where: { $0.contains(key) }) {
            refusal = .duplicateKey
            return
        }
        guard let value else { preconditionFailure("the key to be rewritten was looked for before") }
        let before = state[key]
        changes.append((key, value))
        outputs.append(.put(before))
        state[key] = KeyValue(
            key: key, value: value, createRevision: before?.createRevision ?? revision, modRevision: revision,
            version: (before?.version ?? 0) + 1)
    }

    private mutating func delete(_ keys: KeyRange, returnsPrevious: Bool) {
        if changes.contains(where: { $0.1 != nil && keys.contains($0.0) }) {
            refusal = .duplicateKey
            return
        }
        let gone = present(keys)
        deleted.append(keys)
        outputs.append(.delete(gone.count, returnsPrevious ? gone : []))
        for keyValue in gone {
            changes.append((keyValue.key, nil))
            state[keyValue.key] = nil
        }
    }

    private func present(_ keys: KeyRange) -> [KeyValue] {
        state.values.filter { keys.contains($0.key) }.sorted { $0.key < $1.key }
    }
}
