// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP
import NIOPosix
import ServiceMesh

/// Our client as applications have it: a mesh, a transport, and counts of what happens in them.
struct PeerClient: Sendable {
    let mesh: Mesh
    let transport: HTTPTransport
    let client: MeshHTTPClient
    let counter: ConnectionCounter
    private let isOnLoop: Bool

    /// Makes the client that the command line describes.
    init(_ options: ClientOptions) throws {
        self.counter = ConnectionCounter()
        // Without a budget: what scripts provoke is more than any budget allows, and budgets are tested elsewhere.
        self.mesh = try Mesh(
            MeshConfiguration(outboundTrafficPolicy: .registryOnly, retryBudget: nil, observers: [counter])
        )
        try mesh.apply(try options.resources(try options.parsedClusters()))
        var configuration = HTTPTransport.Configuration(
            eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: options.loops)
        )
        configuration.maximumHeaderBytes = options.maximumHeaderBytes
        configuration.idleTimeout = .milliseconds(options.idleTimeout)
        configuration.observers = mesh.observers
        configuration.mutualTLS = try options.clientTLS()
        self.transport = HTTPTransport(configuration)
        self.client = MeshHTTPClient(mesh: mesh, transport: transport)
        self.isOnLoop = options.onLoop
    }

    /// Runs `body` where the command line wants requests to be made.
    func placed<Result: Sendable>(_ body: sending @escaping () async -> Result) async -> Result {
        isOnLoop
            ? await withTaskExecutorPreference(transport.executors.next(), operation: body) : await body()
    }

    /// What is there at the moment.
    var figures: ClientFigures {
        ClientFigures(transport.statistics, counter.snapshot)
    }
}
