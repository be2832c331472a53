package import ChildProcess
import Foundation

extension ChildProcess {
    /// Starts a program that was built beside the tests.
    package convenience init(
        built name: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil,
        errors: String? = "/dev/null"
    ) throws {
        try self.init(
            Self.path(of: name), arguments, environment: environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 },
            input: input.map { Array($0.utf8) }, errors: errors)
    }

    /// Where such a program is: in the folder of the test bundle, or above it.
    package static func path(of name: String) -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? own
        var folder = URL(fileURLWithPath: own.hasSuffix(".xctest") ? own : bundle).deletingLastPathComponent()
        while folder.path != "/", !FileManager.default.isExecutableFile(atPath: folder.path + "/" + name) {
            folder.deleteLastPathComponent()
        }
        return folder.path + "/" + name
    }
}
