// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import MeshConfig
import MeshCore
import MeshHTTP
import MeshResilience
import MeshRouting
import MeshXDS
import ServiceMesh
import Synchronization

/// An xDS client that says what it is configured to do: for looking at any control plane from outside.
struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Follows a control plane and prints each configuration that is applied as a line of JSON."
    )

    @Option(help: "A gRPC xDS bootstrap file; by default what the environment names.")
    var bootstrap: String?

    @Option(help: "A URL that is asked for ten times a second, so that there are requests to report.")
    var request: String?

    @Option(help: "The port on 127.0.0.1 at which operators may ask for its status (CSDS); without it, they cannot.")
    var statusPort: UInt16?

    @Option(help: "A service whose listener is asked for by name, as xds:///HOST or xds://AUTHORITY/HOST; any number.")
    var target: [String] = []

    func run() async throws {
        let targets = try target.map { try XDSTarget(uri: $0) }
        let bootstrap = try self.bootstrap.map { try Bootstrap(path: $0) } ?? Bootstrap.fromEnvironment()
        let printer = ProbeObserver()
        let source = XDSConfigSource(bootstrap: bootstrap, targets: targets)
        let mesh = try Mesh(MeshConfiguration(observers: [printer]), sources: [source])
        printer.watch(mesh)
        let (request, statusPort) = (request, statusPort)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await mesh.run() }
            if let request { group.addTask { try await Self.ask(request, of: mesh) } }
            if let statusPort { group.addTask { try await StatusPort(source).serve(at: statusPort) } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Asks again and again, whatever the answers are.
    private static func ask(_ url: String, of mesh: Mesh) async throws {
        let client = MeshHTTPClient(mesh: mesh, transport: HTTPTransport())
        while true {
            _ = try? await client.get(url, timeout: .seconds(1))
            try await mesh.clock.sleep(until: mesh.clock.now.advanced(by: .milliseconds(100)))
        }
    }
}

/// Prints what happens to a mesh.
final class ProbeObserver: Observer {
    private let mesh = Mutex<Mesh?>(nil)

    func watch(_ mesh: Mesh) {
        self.mesh.withLock { $0 = mesh }
    }

    func noticed(_ event: MeshEvent) {
        switch event {
        case .configurationApplied(let generation, _):
            guard let resources = mesh.withLock({ $0 })?.snapshot?.resources else { return }
            var routes: [[String: Any]] = []
            for configuration in resources.routeConfigurations.values.sorted(by: { $0.name < $1.name }) {
                for host in configuration.virtualHosts {
                    for route in host.routes {
                        guard case .forward(let forward) = route.action else { continue }
                        let weights = Dictionary(
                            forward.shares.map { ($0.cluster, Int($0.weight)) },
                            uniquingKeysWith: +
                        )
                        routes.append(["configuration": configuration.name, "host": host.name, "weights": weights])
                    }
                }
            }
            let endpoints = resources.endpointAssignments.mapValues { assignment in
                assignment.localities.flatMap(\.endpoints).map(\.address.description).sorted()
            }
            emit([
                "event": "applied", "generation": Int(generation), "routes": routes, "endpoints": endpoints,
                "policies": resources.policyDescriptions,
            ])
        case .configurationRejected(_, let error):
            emit(["event": "rejected", "error": "\(error)"])
        case .sourceConnection(_, let isConnected, let reason):
            emit(["event": isConnected ? "connected" : "disconnected", "reason": reason ?? ""])
        default:
            break
        }
    }

    private func emit(_ line: [String: Any]) {
        guard let data = try? JSONSerialization.data(withJSONObject: line, options: [.sortedKeys]) else { return }
        FileHandle.standardOutput.write(data + Data("\n".utf8))
    }
}

extension MeshResources {
    /// The policies of listeners and routes with all of their values, by where they stand.
    fileprivate var policyDescriptions: [String: [String]] {
        var descriptions: [String: [String]] = [:]
        for listener in listeners.values {
            for filter in listener.filters {
                switch filter {
                case .fault(let fault): descriptions[listener.name, default: []].append(fault.described(.fault))
                case .rateLimit(let limit): descriptions[listener.name, default: []].append(limit.described(.rateLimit))
                case .policies(let policies): descriptions[listener.name, default: []] += policies.descriptions
                case .localRateLimit(let filter):
                    descriptions[listener.name, default: []].append("\(filter.limit)")
                case .globalRateLimit(let filter):
                    descriptions[listener.name, default: []].append("\(filter.limit)")
                case .authorization, .jwt, .externalAuthorization, .headerMutation, .buffer, .statefulSession: break
                }
            }
            guard let table = routes(of: listener) else { continue }
            for host in table.virtualHosts {
                for route in host.routes {
                    descriptions["\(listener.name) \(host.name) \(route.name)", default: []] += route.descriptions
                }
            }
        }
        return descriptions
    }
}

extension Route {
    fileprivate var descriptions: [String] {
        var all = policies.descriptions
        if let fault { all.append(fault.described(.fault)) }
        if let rateLimit { all.append(rateLimit.described(.rateLimit)) }
        if case .forward(let forward) = action, let retry = forward.retry { all.append(retry.described(.retry)) }
        return all
    }
}

extension TrafficPolicies {
    /// Those that come from a control plane.
    fileprivate var descriptions: [String] {
        [
            admissionControl?.described(.admissionControl), adaptiveLimit?.described(.adaptiveLimit),
            hedging?.described(.hedge),
        ].compactMap { $0 }
    }
}

extension PolicyConfiguration {
    fileprivate func described(_ slot: PolicySlot) -> String { PolicyDescription(self, in: slot).description }
}
