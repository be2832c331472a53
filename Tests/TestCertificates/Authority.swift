import Crypto
import Foundation
import SwiftASN1
import X509

/// An authority that issues certificates for tests, made anew each time.
public struct Authority: Sendable {
    private let key: Certificate.PrivateKey
    private let certificate: Certificate

    /// A certificate and its key, in PEM.
    public struct Issued: Sendable {
        public var certificate: String
        public var key: String
    }

    public init(_ name: String = "authority") throws {
        key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName { CommonName(name) }
        certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey,
            notValidBefore: Date() - .days(30), notValidAfter: Date() + .days(30), issuer: subject, subject: subject,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            },
            issuerPrivateKey: key)
    }

    /// The authority's own certificate, in PEM.
    public var pem: String {
        get throws { try certificate.serializeAsPEM().pemString }
    }

    /// A certificate of a server or a client that names `names`, and is for `hosts`; valid for days from now.
    public func issue(
        _ names: String..., hosts: [String] = ["localhost"], addresses: [[UInt8]] = [], from: Double = -1,
        through: Double = 1
    ) throws -> Issued {
        let own = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName { for name in names { CommonName(name) } }
        let alternatives = SubjectAlternativeNames(
            hosts.map { .dnsName($0) } + addresses.map { .ipAddress(ASN1OctetString(contentBytes: $0[...])) })
        let issued = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: own.publicKey,
            notValidBefore: Date() + .days(from), notValidAfter: Date() + .days(through), issuer: certificate.subject,
            subject: subject,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                alternatives
            },
            issuerPrivateKey: key)
        return Issued(
            certificate: try issued.serializeAsPEM().pemString + "\n",
            key: try own.serializeAsPEM().pemString + "\n")
    }
}

extension TimeInterval {
    fileprivate static func days(_ count: Double) -> TimeInterval { count * 86_400 }
}
