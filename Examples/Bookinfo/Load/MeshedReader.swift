// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshObservability
import MeshResilience
import MeshRouting
import MeshXDS
import ServiceMesh

/// A reader whose own program is in the mesh: the control plane says where the page is, the program says which policies
/// stand before it.
struct MeshedReader: Sendable {
    /// What a reader's program puts before the page.
    struct Protection: Sendable {
        var policies = TrafficPolicies.none
        var rateLimit: RateLimitConfiguration?
        /// Who counts, where the control plane says that somebody does.
        var rateLimitServices = RateLimitServices.none
    }

    /// How one look at the page ended.
    struct Look: Sendable {
        var status: Int?
        var headers: [String: String] = [:]
        var error: MeshError.Code?
        var latency: Duration

        var isServed: Bool { status == 200 }
    }

    static let page = "productpage:9080"

    let mesh: Mesh
    let decisions: DecisionCounts
    private let client: MeshHTTPClient

    /// Runs a reader's mesh, which follows Bookinfo's control plane, as long as `body` takes.
    static func run<Value: Sendable>(
        _ cluster: Cluster,
        _ protection: Protection = Protection(),
        _ body: @Sendable (MeshedReader) async throws -> Value
    ) async throws -> Value {
        try await run(following: cluster.xds, protection, body)
    }

    /// Runs a reader's mesh as long as `body` takes.
    /// - Parameter controlPlane: Who says where the page is.
    static func run<Value: Sendable>(
        following controlPlane: EndpointAddress,
        _ protection: Protection = Protection(),
        _ body: @Sendable (MeshedReader) async throws -> Value
    ) async throws -> Value {
        let decisions = DecisionCounts()
        let configuration = MeshConfiguration(
            // Hedges are to be seen, and not to run out.
            retryBudget: nil,
            amend: { resources in protection.put(into: &resources) },
            rateLimitServices: protection.rateLimitServices,
            observers: [MetricsObserver(.init(factory: decisions))]
        )
        let bootstrap = Bootstrap(
            server: controlPlane,
            node: .init(id: "reader.default", cluster: "reader", metadata: ["NAMESPACE": "default"])
        )
        let mesh = try Mesh(configuration, sources: [XDSConfigSource(bootstrap: bootstrap)])
        let transport = HTTPTransport()
        let reader = MeshedReader(
            mesh: mesh,
            decisions: decisions,
            client: MeshHTTPClient(mesh: mesh, transport: transport)
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await mesh.run() } catch is CancellationError {}
            }
            defer { group.cancelAll() }
            do {
                try await reader.waitUntilServed()
                let value = try await body(reader)
                await transport.shutdown()
                return value
            } catch {
                await transport.shutdown()
                throw error
            }
        }
    }

    /// Looks at the page once.
    func look(_ headers: HTTPFields = [:]) async -> Look {
        let start = ContinuousClock().now
        var look = Look(latency: .zero)
        do {
            let response = try await client.execute(Self.request(headers), timeout: .seconds(5)).response
            look.status = response.status.code
            look.headers = response.headerFields.told
        } catch {
            look.error = (error as? MeshError)?.code
        }
        look.latency = ContinuousClock().now - start
        return look
    }

    /// Looks at the page so many times at once.
    func look(_ headers: HTTPFields = [:], atOnce count: Int) async -> [Look] {
        await withTaskGroup(of: Look.self) { group in
            for _ in 0..<count { group.addTask { await look(headers) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Looks at the page so many times, a few at once.
    func look(_ headers: HTTPFields = [:], times count: Int, atOnce width: Int = 1) async -> [Look] {
        var looks: [Look] = []
        while looks.count < count { looks += await look(headers, atOnce: min(width, count - looks.count)) }
        return looks
    }

    /// The policies that stand before the page, with the source of every value.
    var stack: StackDescription? {
        mesh.describe(OutboundRequest(Self.request())).first?.stack
    }

    /// Where a look at the page would go, and by which rules.
    func explainLook(_ headers: HTTPFields = [:]) -> Explanation {
        mesh.explain(OutboundRequest(Self.request(headers)))
    }

    /// Where a call to reviews would go that a user caused, and by which rules.
    func explainReviews(_ headers: HTTPFields = [:]) -> Explanation {
        let call = HTTPRequest(
            method: .get,
            scheme: "http",
            authority: BookinfoHost.reviews,
            path: "/reviews/0",
            headerFields: headers
        )
        return mesh.explain(OutboundRequest(call))
    }

    private static func request(_ headers: HTTPFields = [:]) -> HTTPRequest {
        HTTPRequest(method: .get, scheme: "http", authority: page, path: "/productpage", headerFields: headers)
    }

    /// The first answer of the control plane says where the page is.
    private func waitUntilServed() async throws {
        try await mesh.ready(timeout: .seconds(30))
        let deadline = Date().addingTimeInterval(30)
        while stack == nil {
            guard Date() < deadline else { throw BookinfoError("the reader was not told where the page is") }
            try await Pause.milliseconds(20)
        }
    }
}

extension MeshedReader.Protection {
    /// Puts the policies on the page's routes and clusters, whatever the control plane says of them.
    fileprivate func put(into resources: inout MeshResources) {
        for (name, table) in resources.routeConfigurations {
            var table = table
            for host in table.virtualHosts.indices {
                guard table.virtualHosts[host].domains.contains(.exact(MeshedReader.page)) else { continue }
                for route in table.virtualHosts[host].routes.indices {
                    table.virtualHosts[host].routes[route].rateLimit = rateLimit
                    table.virtualHosts[host].routes[route].policies = policies
                }
            }
            resources.routeConfigurations[name] = table
        }
    }
}
