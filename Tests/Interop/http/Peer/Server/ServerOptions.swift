// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshCore
import MeshHTTP
import NIOPosix
import NIOSSL

/// How a server listens and what it allows: what every subcommand that serves takes.
struct ServerOptions: ParsableArguments {
    @Option(help: "The port to listen on; 0 lets the system choose.")
    var port: UInt16 = 0

    @Option(help: "How many event loops there are.")
    var loops = 2

    @Option(help: "The server's certificate; TLS is spoken if it is there.")
    var certificate: String?

    @Option(help: "The key of that certificate.")
    var key: String?

    @Option(help: "The certificate authority that callers must have a certificate of.")
    var clientCA: String?

    @Option(help: "Connections, at most.")
    var maximumConnections = 10_000

    @Option(help: "Streams on a connection of HTTP/2, at most.")
    var maximumStreams = 100

    @Option(help: "Milliseconds for a request's head.")
    var headerTimeout: UInt64 = 10_000

    @Option(help: "Milliseconds for which a connection may be without a request.")
    var idleTimeout: UInt64 = 60_000

    @Option(help: "Milliseconds for which a body may stand still.")
    var stallTimeout: UInt64 = 10_000

    /// The configuration of a server with these options.
    func configuration() throws -> MeshHTTPServer.Configuration {
        var configuration = MeshHTTPServer.Configuration(
            address: EndpointAddress(host: "127.0.0.1", port: port),
            security: try tlsConfiguration().map {
                ServerTransportSecurity(context: try NIOSSLContext(configuration: $0))
            },
            eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: loops)
        )
        configuration.maximumConnections = maximumConnections
        configuration.headerTimeout = .milliseconds(headerTimeout)
        configuration.idleTimeout = .milliseconds(idleTimeout)
        configuration.stallTimeout = .milliseconds(stallTimeout)
        configuration.http2.maximumConcurrentStreams = maximumStreams
        return configuration
    }

    /// TLS by the files that the command line names; `nil` without a certificate.
    func tlsConfiguration() throws -> TLSConfiguration? {
        guard let certificate, let key else { return nil }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        )
        configuration.applicationProtocols = ["h2", "http/1.1"]
        if let clientCA {
            configuration.trustRoots = .file(clientCA)
            configuration.certificateVerification = .noHostnameVerification
        }
        return configuration
    }
}
