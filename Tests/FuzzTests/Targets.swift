/// What is fuzzed: each takes any bytes, must neither crash nor hang, and where it accepts them what it made of them must
/// survive being written and read again.
///
/// Formats on disk: the first eight bytes are what the format keeps elsewhere, a revision or the length of a key. Checksums
/// are made right before the bytes are read, or nothing would get past them.
enum FuzzTarget: String, CaseIterable {
    case block, frame, records, keyVersion, longRow, dictionary, meta, cursor, backup
    /// What users give: a line to import, a file of them, the arguments of the command line with a space between them.
    case json, `import`, arguments
    /// What clients of a server send within HTTP/2's frames.
    case messages, headers

    func callAsFunction(_ input: [UInt8]) {
        switch self {
        case .json: Self.json(input)
        case .import: Self.importFile(input)
        case .arguments: Self.arguments(input)
        case .messages: Self.messages(input)
        case .headers: Self.headers(input)
        default:
            guard input.count >= 8 else { return }
            onDisk(Array(input[8...]), number: input.withUnsafeBytes { $0.loadUnaligned(as: Int64.self).littleEndian })
        }
    }

    private func onDisk(_ bytes: [UInt8], number: Int64) {
        switch self {
        case .block: Self.block(bytes, first: number)
        case .frame: Self.frame(bytes)
        case .records: Self.records(bytes, first: number)
        case .keyVersion: Self.keyVersion(bytes, keyLength: Int(UInt8(truncatingIfNeeded: number)))
        case .longRow: Self.longRow(bytes, rowLength: Int(UInt16(truncatingIfNeeded: number)))
        case .dictionary: Self.dictionary(bytes, number: UInt32(truncatingIfNeeded: number))
        case .meta: Self.meta(bytes)
        case .cursor: Self.cursor(bytes, nameLength: Int(UInt8(truncatingIfNeeded: number)))
        case .backup: Self.backup(bytes)
        case .json, .import, .arguments, .messages, .headers: preconditionFailure("is no format on disk")
        }
    }
}
