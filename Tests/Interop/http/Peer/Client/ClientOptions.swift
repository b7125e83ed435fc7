// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshCore

/// How the client's mesh is configured: what every subcommand that sends requests takes.
struct ClientOptions: ParsableArguments {
    @Option(
        name: .customLong("cluster"),
        help: "NAME=ADDRESS[,ADDRESS…]; an address is HOST:PORT or unix:PATH. Requests go to `peer` by default."
    )
    var clusters: [String]

    @Option(help: "The version of HTTP: 1, 2 or auto.")
    var http: Version = .http1

    @Option(help: "How many event loops there are.")
    var loops = 2

    @Flag(help: "Requests are made on the event loops, as a server's handlers make them.")
    var onLoop = false

    @Option(help: "How often a request is tried, at most.")
    var attempts = 1

    @Option(help: "What is tried again, by Envoy's names.")
    var retryOn = "connect-failure,refused-stream,reset-before-request,reset,gateway-error"

    @Option(help: "The proxy, HOST:PORT, through which endpoints are reached.")
    var proxy: String?

    @Option(help: "The certificate authority that servers are verified by; TLS is spoken if it is there.")
    var ca: String?

    @Option(help: "The certificate to show to servers.")
    var certificate: String?

    @Option(help: "The key of that certificate.")
    var key: String?

    @Option(help: "The server name that is asked for and verified.")
    var serverName = "localhost"

    @Option(help: "Milliseconds for making a connection.")
    var connectTimeout: UInt64 = 5000

    @Option(help: "Milliseconds for which a connection may be idle.")
    var idleTimeout: UInt64 = 60_000

    @Option(help: "Connections to an endpoint, at most.")
    var maximumConnections: UInt32 = 1024

    @Option(help: "Requests on a connection, at most; 0 for any number.")
    var maximumRequests: UInt32 = 0

    @Option(help: "Streams on a connection, at most.")
    var maximumStreams: UInt32 = 1024

    @Option(help: "Milliseconds of silence before a ping; 0 for never.")
    var keepalive: UInt64 = 0

    @Option(help: "Bytes of header fields in a response, at most.")
    var maximumHeaderBytes = 60 * 1024

    /// A version of HTTP, or the way to find one.
    enum Version: String, ExpressibleByArgument {
        case http1 = "1"
        case http2 = "2"
        case automatic = "auto"

        var option: ConnectionOptions.HTTPVersion {
            switch self {
            case .http1: .http1
            case .http2: .http2
            case .automatic: .automatic
            }
        }
    }
}
