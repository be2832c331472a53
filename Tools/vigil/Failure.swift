import ArgumentParser
import Foundation
import Vigil
import VigilClient

/// The exit codes of `vigil`.
enum ExitStatus {
    static let notThere: Int32 = 1
    static let usage: Int32 = 2
    static let store: Int32 = 3
    static let server: Int32 = 4
    /// Ended by Ctrl-C half way, as shells number it.
    static let interrupted: Int32 = 130
}

/// Wrong input, as against a store that failed.
struct InputError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The key asked for is not there. Nothing is printed.
struct NotThere: Error {}

enum Failure {
    /// Tells the user what went wrong, on standard error (help goes to standard output), and returns the exit code.
    static func report(_ error: any Error, asJSON: Bool) -> Int32 {
        switch error {
        case is NotThere:
            return ExitStatus.notThere
        case let code as ExitCode:
            return code.rawValue
        case let error as StoreError:
            tell(error.code.description, error.message, asJSON, earliest: error.earliest)
            if error.code == .cursorNotFound || error.code == .leaseNotFound { return ExitStatus.notThere }
            return isWrongInput(error.code) ? ExitStatus.usage : ExitStatus.store
        case let error as ClientError:
            tell(error.code.rawValue, error.description, asJSON)
            return ExitStatus.server
        case let error as InputError:
            tell("invalid_input", error.description, asJSON)
            return ExitStatus.usage
        default:
            return reportUsage(error, asJSON)
        }
    }

    /// What no store would take, as against what this one does not have.
    private static func isWrongInput(_ code: StoreError.Code) -> Bool {
        [.invalidKey, .tooLarge, .duplicateKey, .invalidArgument].contains(code)
    }

    private static func reportUsage(_ error: any Error, _ asJSON: Bool) -> Int32 {
        if VigilCommand.exitCode(for: error).isSuccess {
            print(VigilCommand.fullMessage(for: error))
            return 0
        }
        if asJSON {
            tell("usage", VigilCommand.message(for: error), true)
        } else {
            Output.error(VigilCommand.fullMessage(for: error))
        }
        return ExitStatus.usage
    }

    private static func tell(_ code: String, _ message: String, _ asJSON: Bool, earliest: Revision? = nil) {
        guard asJSON else {
            Output.error("vigil: \(message)")
            return
        }
        var json = JSONObject()
        json.add("error", code)
        json.add("message", message)
        if let earliest { json.add("earliest", earliest) }
        Output.error(json.text)
    }
}
