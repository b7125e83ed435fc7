// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Hummingbird
import InMemoryLogging
import Logging
import MeshConfig
import MeshCore
import MeshHTTP
import MeshHummingbird
import MeshObservability
import MeshRouting
import MetricsTestKit
import NIOCore
import ServiceMesh
import Synchronization

/// A service in the mesh, with telemetry of its own to look at.
struct ObservedService: Sendable {
    let name: String
    let metrics = TestMetrics()
    let log = InMemoryLogHandler()
    let spans = CollectedSpans()
    let observability: Observability
    let mesh: Mesh
    let client: MeshHTTPClient

    /// - Parameter target: The service that it calls, and where that is.
    init(_ name: String, calling target: (host: String, address: EndpointAddress)? = nil, transport: HTTPTransport)
        throws
    {
        self.name = name
        let log = log
        observability = Observability(
            serviceName: name,
            logger: Logger(label: name) { _ in log },
            metrics: .init(factory: metrics, workload: name, service: name),
            spanExporter: spans
        )
        mesh = try Mesh(MeshConfiguration(observers: observability.observers.observers))
        if let target { try mesh.apply(.forwarding(target.host, to: target.address)) }
        client = MeshHTTPClient(mesh: mesh, transport: transport)
    }

    /// Serves routes behind the mesh's middleware, on a port of the system's choice, beside a body.
    func serving(
        _ routes: (Router<BasicMeshRequestContext>) -> Void,
        while body: (EndpointAddress) async throws -> Void
    ) async throws {
        let router = Router(context: BasicMeshRequestContext.self)
        router.add(middleware: MeshMiddleware(mesh: mesh, address: EndpointAddress(host: "127.0.0.1", port: 9080)))
        routes(router)
        let (ports, bound) = AsyncStream.makeStream(of: UInt16.self)
        let application = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in bound.yield(UInt16(channel.localAddress?.port ?? 0)) },
            logger: Logger(label: name) { _ in SwiftLogNoOpLogHandler() }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            for await port in ports {
                try await body(EndpointAddress(host: "127.0.0.1", port: port))
                break
            }
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    /// The requests that were counted with these labels.
    func requests(_ labels: [String: String]) -> Int64 {
        metrics.counters.filter { counter in
            counter.label == "istio_requests_total"
                && labels.allSatisfy { label in counter.dimensions.contains { $0 == label } }
        }
        .reduce(0) { $0 + $1.totalValue }
    }
}

extension MeshResources {
    /// One host, one route, one cluster, one endpoint.
    static func forwarding(_ host: String, to address: EndpointAddress) -> MeshResources {
        MeshResources(
            listeners: [
                Listener(
                    name: "\(host):9080",
                    routes: .inline(
                        RouteConfiguration(
                            name: host,
                            virtualHosts: [
                                VirtualHost(
                                    name: host,
                                    domains: [.exact("\(host):9080")],
                                    routes: [Route(action: .forward(.init(clusters: WeightedClusters(single: host))))]
                                )
                            ]
                        )
                    )
                )
            ],
            clusters: [Cluster(name: host, discovery: .fixed(EndpointAssignment(name: host, addresses: [address])))]
        )
    }
}

/// A span as it was exported.
struct ExportedSpan: Decodable, Sendable {
    var traceId: String
    var spanId: String
    var parentSpanId: String?
    var name: String
    var kind: Int

    /// The values of OTLP's `SpanKind`.
    static let internalKind = 1
    static let serverKind = 2
    static let clientKind = 3
}

/// Keeps exported spans.
final class CollectedSpans: SpanExporter {
    private struct Document: Decodable {
        struct Resource: Decodable { var scopeSpans: [Scope] }
        struct Scope: Decodable { var spans: [ExportedSpan] }
        var resourceSpans: [Resource]
    }

    private let spans = Mutex<[ExportedSpan]>([])

    var all: [ExportedSpan] { spans.withLock { $0 } }

    func export(_ request: [UInt8]) async throws {
        let document = try JSONDecoder().decode(Document.self, from: Data(request))
        let new = document.resourceSpans.flatMap(\.scopeSpans).flatMap(\.spans)
        spans.withLock { $0 += new }
    }
}
