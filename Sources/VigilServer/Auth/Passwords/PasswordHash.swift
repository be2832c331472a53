import Crypto
import CryptoExtras

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A password, as scrypt makes it (RFC 7914): slow on purpose, and never to be computed on a task's thread or an event
/// loop. See ``PasswordHasher``.
struct PasswordHash: Sendable, Equatable {
    /// They are stored with each hash, so that those of later versions can be others.
    struct Parameters: Sendable, Equatable {
        /// N of the algorithm, a power of two.
        var rounds: Int
        var blockSize: Int
        var parallelism: Int

        /// 16 MiB of memory, and about as slow as etcd's bcrypt, 60 ms: a client has to log in within its time-out of two
        /// seconds also when many do at once.
        static let current = Parameters(rounds: 1 << 14, blockSize: 8, parallelism: 1)

        /// Bytes of memory that it takes.
        var memory: Int { 128 * rounds * blockSize }

        /// Whether it can be computed within the limits.
        var isSane: Bool {
            (2...Limits.hashMemoryBytes).contains(rounds) && rounds & (rounds - 1) == 0
                && (1...Limits.hashFactor).contains(blockSize) && (1...Limits.hashFactor).contains(parallelism)
                && memory <= Limits.hashMemoryBytes
        }
    }

    let parameters: Parameters
    let salt: [UInt8]
    let digest: [UInt8]

    init(parameters: Parameters, salt: [UInt8], digest: [UInt8]) {
        self.parameters = parameters
        self.salt = salt
        self.digest = digest
    }

    /// With a salt of its own.
    init(of password: String, parameters: Parameters) {
        var random = SystemRandomNumberGenerator()
        salt = (0..<Limits.saltBytes).map { _ in .random(in: .min ... .max, using: &random) }
        self.parameters = parameters
        digest = Self.derive(password, salt, parameters).withUnsafeBytes { Array($0) }
    }

    /// Whether it is the hash of `password`. Takes as long whether it is or not.
    func matches(_ password: String) -> Bool {
        // Keys are compared in constant time.
        Self.derive(password, salt, parameters) == SymmetricKey(data: digest)
    }

    private static func derive(_ password: String, _ salt: [UInt8], _ parameters: Parameters) -> SymmetricKey {
        do {
            return try KDF.Scrypt.deriveKey(
                from: Array(password.utf8), salt: salt, outputByteCount: Limits.digestBytes,
                rounds: parameters.rounds, blockSize: parameters.blockSize, parallelism: parameters.parallelism)
        } catch {
            preconditionFailure("scrypt fails for no parameters that are sane: \(error)")
        }
    }
}
