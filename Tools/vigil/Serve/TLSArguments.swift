import ArgumentParser
import GRPCServer

/// The options of `serve` that say how it encrypts.
struct TLSArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Encrypt, with this certificate and its chain, in PEM.", valueName: "file"))
    var tlsCert: String?
    @Option(help: ArgumentHelp("The key of that certificate, in PEM.", valueName: "file"))
    var tlsKey: String?
    @Option(
        help: ArgumentHelp(
            "Ask clients for certificates of these authorities, in PEM, and refuse others.", valueName: "file"))
    var tlsClientCa: String?
    @Flag(help: "Let clients without a certificate in, too.") var tlsClientOptional = false

    /// Nil for plain text.
    func options() throws -> TLSOptions? {
        guard let tlsCert, let tlsKey else {
            guard tlsCert == nil, tlsKey == nil else {
                throw InputError("--tls-cert and --tls-key belong together: give both")
            }
            guard tlsClientCa == nil else { throw InputError("--tls-client-ca needs --tls-cert and --tls-key") }
            return nil
        }
        if tlsClientOptional, tlsClientCa == nil { throw InputError("--tls-client-optional needs --tls-client-ca") }
        var options = TLSOptions(certificateFile: tlsCert, keyFile: tlsKey, clientCAFile: tlsClientCa)
        options.requiresClientCertificate = !tlsClientOptional
        return options
    }
}
