// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshConfig
import MeshCore
import MeshHTTP
import MeshXDS
import NIOCore

/// Measures.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Measures cold starts, flips of a route, changes of an endpoint, and memory.",
        discussion: """
            The goals, as parts of what gRPC's client takes in the same run: a flip of a route 0.5 (X1); a cold start with \
            1, 100 and 1000 clusters 0.5, 0.3 and 0.05 (X2); CPU time for a change of one endpoint 0.3 in the state of the \
            world, 0.01 incrementally (X4). 10 000 clusters of ten endpoints are to be in force within 2 s, with 8 KiB \
            each (X3).
            """
    )

    @Option(help: ArgumentHelp("A Python with grpcio; without one only ours is measured.", valueName: "program"))
    var python: String?
    @Option(help: "gRPC's side of it.")
    var peer = "Benchmarks/Peers/grpcio_xds.py"
    @Option(help: ArgumentHelp("An Envoy, which then follows the largest configuration, too.", valueName: "program"))
    var envoy: String?
    @Option(help: "What asks Envoy.")
    var envoyPeer = "Benchmarks/Peers/envoy_xds.py"
    @Option(help: "How many clusters gRPC's client follows, and ours beside it.")
    var clusters = 1000
    @Option(help: "How many clusters of ten endpoints ours follows alone; 0 for none of that.")
    var largeClusters = 10_000
    @Option(help: "How many changes are pushed of each sort.")
    var rounds = 30

    func validate() throws {
        guard (1...10_000).contains(clusters) else { throw ValidationError("--clusters must be from 1 to 10000") }
        guard envoy == nil || python != nil else { throw ValidationError("--envoy needs --python, which asks it") }
        guard (0...20_000).contains(largeClusters) else {
            throw ValidationError("--large-clusters must be from 0 to 20000")
        }
        guard (1...10_000).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 10000") }
    }

    func run() async throws {
        #if DEBUG
        print("a debug build: nothing here says how fast anything is")
        #endif
        // One control plane for all; each client is a group of its own, because their backends are different ones.
        let cache = SnapshotCache { $0.cluster }
        let server = XDSServer(address: EndpointAddress(host: "127.0.0.1", port: 0), provider: cache)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let (ports, sink) = AsyncStream.makeStream(of: (String, UInt16).self)
            for answer in ["a", "b"] { group.addTask { try await Self.serve(answer) { sink.yield((answer, $0)) } } }
            var backends: [String: UInt16] = [:]
            for await (answer, port) in ports {
                backends[answer] = port
                if backends.count == 2 { break }
            }
            let stage = Stage(cache: cache, port: try await server.listeningAddress.port ?? 0, rounds: rounds)
            try await measure(stage, (backends["a"] ?? 0, backends["b"] ?? 0))
            group.cancelAll()
            while let ended = await group.nextResult() { _ = ended }
        }
    }

    private func measure(_ stage: Stage, _ ours: (UInt16, UInt16)) async throws {
        var grpc: [Int: Stage.Figures] = [:]
        if let python {
            let backends = try Peer(python, [peer, "backends"])
            defer { backends.end() }
            guard let ports = try await backends.next().ports, ports.count == 2 else {
                throw BenchmarkError("gRPC's backends do not say where they listen")
            }
            for count in Set([1, min(100, clusters), clusters]).sorted() {
                let world = World(clusters: count, backends: (ports[0], ports[1]))
                let name = "grpc-\(count)"
                grpc[count] = try await stage.measure(world, name) {
                    try Peer.grpc(python, peer, port: stage.port, group: name)
                }
                print("grpcio, \(count) clusters: \(grpc[count].map { "\($0)" } ?? "")")
            }
        }
        for count in Set([1, min(100, clusters), clusters]).sorted() {
            for isIncremental in [false, true] {
                let form = isIncremental ? "incremental" : "state of the world"
                let name = "ours-\(count)-\(isIncremental)"
                let figures = try await stage.measure(World(clusters: count, backends: ours), name) {
                    try Peer.own(port: stage.port, group: name, isIncremental: isIncremental)
                }
                print("ours (\(form)), \(count) clusters: \(figures)")
                if let other = grpc[count] { print("  of grpcio's: \(figures.ratios(to: other))") }
            }
        }
        if largeClusters > 0 { try await measureLarge(stage, ours) }
    }

    /// The largest configuration, which gRPC's client is not asked to take: its cost grows faster than the clusters.
    private func measureLarge(_ stage: Stage, _ ours: (UInt16, UInt16)) async throws {
        let small = World(clusters: 1, backends: ours, endpoints: 10)
        let large = World(clusters: largeClusters, backends: ours, endpoints: 10)
        let what = "\(largeClusters) clusters of 10 endpoints"
        func memory(_ figures: Stage.Figures, over base: Stage.Figures) -> Double {
            (Double(figures.residentKiB - base.residentKiB) / Double(largeClusters) * 100).rounded() / 100
        }
        let base = try await stage.measure(small, "base") {
            try Peer.own(port: stage.port, group: "base", isIncremental: true)
        }
        let figures = try await stage.measure(large, "large") {
            try Peer.own(port: stage.port, group: "large", isIncremental: true)
        }
        print("ours (incremental), 1 cluster of 10 endpoints: \(base)")
        print("ours (incremental), \(what): \(figures)")
        print("  memory a cluster: \(memory(figures, over: base)) KiB (X3: at most 8)")
        let isFast = figures.coldStart <= .seconds(2)
        print("  decoded, validated and applied within 2 s: \(isFast ? "met" : "missed")")
        guard let python, let envoy else { return }
        let envoyBase = try await stage.measure(small, "envoy-base") {
            try Peer.envoy(python, envoyPeer, envoy, port: stage.port, group: "envoy-base")
        }
        let envoyFigures = try await stage.measure(large, "envoy-large") {
            try Peer.envoy(python, envoyPeer, envoy, port: stage.port, group: "envoy-large")
        }
        print("Envoy (incremental), 1 cluster of 10 endpoints: \(envoyBase)")
        print("Envoy (incremental), \(what): \(envoyFigures)")
        print("  memory a cluster: \(memory(envoyFigures, over: envoyBase)) KiB")
        print("  ours of Envoy's: \(figures.ratios(to: envoyFigures))")
    }

    private static func serve(_ answer: String, onListening: @escaping @Sendable (UInt16) -> Void) async throws {
        var configuration = MeshHTTPServer.Configuration()
        configuration.address = EndpointAddress(host: "127.0.0.1", port: 0)
        let server = MeshHTTPServer(configuration) { _ in InboundResponse(body: .text(answer)) }
        try await server.run { onListening($0.port ?? 0) }
    }
}
