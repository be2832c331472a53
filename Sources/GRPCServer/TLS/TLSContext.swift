import Foundation
import NIOSSL
import SwiftASN1
import X509

/// What connections are encrypted with: made of ``TLSFiles`` after each was checked, and replaced as a whole.
struct TLSContext: Sendable {
    let context: NIOSSLContext
    /// When the certificate ends.
    let validThrough: Date

    init(_ files: TLSFiles, _ options: TLSOptions, now: Date = Date()) throws(TLSError) {
        let chain = try Self.certificates(files.certificate, "the certificate", options.certificateFile)
        validThrough = try Self.checkValidity(of: chain[0], options.certificateFile, now)
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(bytes: files.key, format: .pem)
        } catch {
            throw TLSError("the key \(options.keyFile) is no private key in PEM, or has a passphrase: remove that")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = [Self.applicationProtocol]
        if let clientCA = files.clientCA, let file = options.clientCAFile {
            configuration.trustRoots = .certificates(try Self.certificates(clientCA, "the clients' authorities", file))
            configuration.certificateVerification =
                options.requiresClientCertificate ? .noHostnameVerification : .optionalVerification
            // So that a client with several certificates knows which to show.
            configuration.sendCANameList = true
        }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch NIOSSLError.failedToLoadPrivateKey {
            throw TLSError(
                "the key \(options.keyFile) does not belong to the certificate \(options.certificateFile)")
        } catch {
            throw TLSError("cannot use the certificate \(options.certificateFile): \(error)")
        }
    }

    /// HTTP/2 over TLS.
    static let applicationProtocol = "h2"

    private static func certificates(
        _ bytes: [UInt8], _ what: String, _ file: String
    ) throws(TLSError) -> [NIOSSLCertificate] {
        let found = (try? NIOSSLCertificate.fromPEMBytes(bytes)) ?? []
        guard !found.isEmpty else { throw TLSError("\(what) \(file) holds no certificate in PEM") }
        return found
    }

    /// Returns when it ends.
    private static func checkValidity(
        of certificate: NIOSSLCertificate, _ file: String, _ now: Date
    ) throws(TLSError) -> Date {
        let begin = Date(timeIntervalSince1970: TimeInterval(certificate.notValidBefore))
        let end = Date(timeIntervalSince1970: TimeInterval(certificate.notValidAfter))
        guard begin <= now else {
            throw TLSError(
                "the certificate \(file) is not valid before \(begin.formatted(.iso8601)): is this machine's clock right?"
            )
        }
        guard end >= now else {
            throw TLSError("the certificate \(file) has expired on \(end.formatted(.iso8601)): renew it")
        }
        return end
    }
}

extension NIOSSLCertificate {
    /// Whom it names. Nil if it names nobody, or several, of whom others might choose another.
    var commonName: String? {
        guard let certificate = try? toDERBytes(), let parsed = try? Certificate(derEncoded: certificate) else {
            return nil
        }
        let names = parsed.subject.flatMap { Array($0) }.filter { $0.type == .RDNAttributeType.commonName }
        guard names.count == 1, let name = String(names[0].value), !name.isEmpty, !name.utf8.contains(0) else {
            return nil
        }
        return name
    }
}
