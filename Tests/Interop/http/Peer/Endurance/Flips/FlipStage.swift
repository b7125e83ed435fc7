// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshObservability
import MeshResilience
import MeshXDS
import NIOCore
import NIOPosix
import ServiceMesh

/// A control plane, and a process with a mesh that follows it.
struct FlipStage: Sendable {
    private static let group = "flips"

    let log = FlipLog()
    private let cache: SnapshotCache
    private let metrics = LiveMetrics()
    private let source: XDSConfigSource
    private let mesh: Mesh
    private let transport: HTTPTransport
    private let callers: Int

    private init(_ cache: SnapshotCache, at address: EndpointAddress, _ variant: XDSVariant, callers: Int) throws {
        self.cache = cache
        self.callers = callers
        source = XDSConfigSource(
            bootstrap: Bootstrap(server: address, node: .init(id: Self.group)),
            protocol: variant
        )
        mesh = try Mesh(
            MeshConfiguration(
                outboundTrafficPolicy: .registryOnly,
                circuitBreaker: CircuitBreakerConfiguration(),
                observers: [log, MetricsObserver(MetricsObserver.Configuration(factory: metrics))]
            ),
            sources: [source]
        )
        var configuration = HTTPTransport.Configuration(eventLoopGroup: .singleton)
        configuration.observers = mesh.observers
        transport = HTTPTransport(configuration)
    }

    /// Runs `body` beside a control plane, servers, and callers.
    static func running(
        _ variant: XDSVariant,
        callers: Int,
        _ body: (FlipStage, FlipWorld) async throws -> Void
    ) async throws {
        let cache = SnapshotCache { _ in group }
        let server = XDSServer(address: EndpointAddress(host: "127.0.0.1", port: 0), provider: cache)
        let replicas = (0..<4).map { _ in Replica(Replica.Ledger()) }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            let (listening, sink) = AsyncStream.makeStream(of: EndpointAddress.self)
            for replica in replicas { tasks.addTask { try await replica.run { sink.yield($0) } } }
            tasks.addTask { try await server.run() }
            var addresses: [EndpointAddress] = []
            for await address in listening.prefix(replicas.count) { addresses.append(address) }
            let world = FlipWorld(servers: addresses)
            try cache.publish(world.resources(0), to: group)
            let stage = try FlipStage(cache, at: try await server.listeningAddress, variant, callers: callers)
            tasks.addTask { try await stage.mesh.run() }
            try await stage.mesh.ready(timeout: .seconds(60))
            try await withThrowingTaskGroup(of: Void.self) { load in
                for caller in 0..<callers {
                    let executor = caller % 2 == 0 ? stage.transport.executors.next() : nil
                    load.addTask(executorPreference: executor) { await stage.call() }
                }
                defer { stage.log.end() }
                try await body(stage, world)
            }
            await stage.transport.shutdown()
            tasks.cancelAll()
            while let ended = await tasks.nextResult() { _ = ended }
        }
    }

    private func call() async {
        let client = MeshHTTPClient(mesh: mesh, transport: transport)
        while !log.isOver, !Task.isCancelled {
            do {
                let (response, body) = try await client.get("http://\(FlipWorld.authority)/b/64")
                let isGood = response.status == .ok && body.readableBytes == 64
                if isGood { log.answer() } else { log.fail("status \(response.status.code)") }
            } catch {
                log.fail((error as? MeshError).map { "\($0.code): \($0.message)" } ?? "\(error)")
            }
        }
    }

    /// Puts another configuration in force.
    func publish(_ resources: MeshResources) throws {
        try cache.publish(resources, to: Self.group)
    }

    /// What there is of clusters that are gone; empty if nothing is.
    var remains: [String] {
        var remains: [String] = []
        func check(_ name: String, _ count: Int, atMost limit: Int) {
            if count > limit { remains.append("\(count) \(name)") }
        }
        check("resources", source.status.count, atMost: 4)
        check("clusters", mesh.snapshot?.resources.clusters.count ?? 0, atMost: 1)
        check("endpoints with connections", transport.statistics.endpoints, atMost: 1)
        // A request that waits for a connection may get another one before its own is there, which stays.
        check("connections", transport.statistics.connections, atMost: 4 * callers)
        return remains
    }

    /// The clusters and services that there are metrics of.
    var counted: Set<String> { metrics.names }

    /// Waits until there is something, five minutes at most: a slow machine forgets slowly, and that is no fault.
    func waited<Value>(for value: () -> Value?) async throws -> Value? {
        let clock = SystemClock()
        let end = clock.now.advanced(by: .seconds(300))
        while clock.now < end {
            if let value = value() { return value }
            try await Pause.milliseconds(1)
        }
        return nil
    }
}
