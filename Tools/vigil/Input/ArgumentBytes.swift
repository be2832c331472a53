import Foundation
import Vigil

/// The command line's arguments as they were given. Swift repairs those that are not UTF-8, and the repaired text would
/// be a different key.
enum ArgumentBytes {
    /// The arguments by the UTF-8 of the texts that Swift makes of them. Strings would not do as keys: they are equal
    /// also where their bytes are not.
    private static let originals: [[UInt8]: Set<[UInt8]>] = {
        var originals: [[UInt8]: Set<[UInt8]>] = [:]
        for index in 0..<Int(CommandLine.argc) {
            guard let argument = CommandLine.unsafeArgv[index] else { continue }
            // Sound: the arguments lie in memory, unchanged, for as long as the process runs.
            let bytes = Array(UnsafeRawBufferPointer(start: argument, count: strlen(argument)))
            originals[Array(String(decoding: bytes, as: UTF8.self).utf8), default: []].insert(bytes)
        }
        return originals
    }()

    /// Refuses what cannot be told apart afterwards: two arguments that are repaired to the same text, and an option
    /// with its value behind an equals sign, of which the parser makes two texts.
    static func check() throws {
        for (repaired, bytes) in originals where bytes != [repaired] {
            let text = String(decoding: repaired, as: UTF8.self)
            if bytes.count > 1 { throw InputError("arguments that are not UTF-8 cannot be told apart: \(text)") }
            if text.hasPrefix("--"), text.contains("=") {
                throw InputError("\(text) is not UTF-8; give the option and its value as two arguments")
            }
        }
    }

    static func original(_ text: String) -> [UInt8]? { originals[Array(text.utf8)]?.first }
}

extension Bytes {
    /// What was given on the command line, byte for byte, also if it is not UTF-8.
    init(argument: String) {
        self.init(ArgumentBytes.original(argument) ?? Array(argument.utf8))
    }
}
