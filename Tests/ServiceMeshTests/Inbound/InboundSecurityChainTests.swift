// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity
import MeshTesting
import ServiceMesh
import Testing

@Suite struct InboundSecurityChainTests {
    private let address = EndpointAddress(host: "0.0.0.0", port: 9080)

    private func stack(_ filters: [HTTPFilter], _ hosts: [VirtualHost]) throws -> InboundStack {
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            filters: filters,
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: hosts))
        )
        return InboundStack(mesh: try MeshFixture(MeshResources(listeners: [listener])).mesh, address: address)
    }

    private func status(
        _ stack: InboundStack,
        _ request: InMemoryRequest,
        _ peer: AuthorizationPeer = AuthorizationPeer(identity: nil)
    ) async -> Int {
        var context = stack.begin(request)
        do {
            try await stack.admit(request, peer: peer, context: &context)
            return 200
        } catch {
            return (error as? MeshError)?.localReply?.status ?? 500
        }
    }

    private static let nobody = AuthorizationRules(action: .allow, policies: [])

    private func route(_ path: String, _ filters: FilterOverrides = .none) -> Route {
        Route(name: path, match: RouteMatch(path: PathMatcher(.prefix(path))), action: .nonForwarding, filters: filters)
    }

    private func host(_ routes: [Route], _ filters: FilterOverrides = .none) -> VirtualHost {
        VirtualHost(name: "h", domains: [.any], routes: routes, filters: filters)
    }

    @Test func `nobody passes a listener that allows nothing, whether there is a route or not`() async throws {
        let stack = try stack([.authorization(Self.nobody)], [host([route("/known")])])
        #expect(await status(stack, InMemoryRequest(path: "/known")) == 403)
        #expect(await status(stack, InMemoryRequest(path: "/unknown")) == 403)
    }

    @Test func `whoever may pass is told that there is no route`() async throws {
        let stack = try stack([], [host([route("/known")])])
        #expect(await status(stack, InMemoryRequest(path: "/unknown")) == 404)
    }

    @Test func `the most specific place says who may pass`() async throws {
        let open = FilterOverrides(authorization: ["": .disabled])
        let shut = FilterOverrides(authorization: ["": .settings(AuthorizationFilter(rules: Self.nobody))])
        let stack = try stack(
            [.authorization(AuthorizationRules(action: .deny, policies: []))],
            [host([route("/open", open), route("/same")], shut)]
        )
        #expect(await status(stack, InMemoryRequest(path: "/open")) == 200)
        #expect(await status(stack, InMemoryRequest(path: "/same")) == 403)
        #expect(await status(stack, InMemoryRequest(path: "/none")) == 404, "the listener itself denies nobody")
    }

    @Test func `an override means the filter of its name`() async throws {
        let second = FilterOverrides(authorization: [AuthorizationFilter.standardName + ".2": .disabled])
        let named = FilterOverrides(authorization: ["mine": .disabled])
        let filters: [HTTPFilter] = [
            .authorization(AuthorizationRules(action: .deny, policies: [])), .authorization(Self.nobody),
        ]
        let unnamed = try stack(filters, [host([route("/a", second), route("/b", named)])])
        #expect(await status(unnamed, InMemoryRequest(path: "/a")) == 200)
        #expect(await status(unnamed, InMemoryRequest(path: "/b")) == 403)
        let mine = try stack(
            [.authorization(AuthorizationFilter(name: "mine", rules: Self.nobody))],
            [host([route("/a", FilterOverrides(authorization: ["": .disabled])), route("/b", named)])]
        )
        #expect(await status(mine, InMemoryRequest(path: "/a")) == 403)
        #expect(await status(mine, InMemoryRequest(path: "/b")) == 200)
    }

    @Test func `what all shares of a route say counts, and shares may not differ in who may pass`() async throws {
        let shut = FilterOverrides(authorization: ["": .settings(AuthorizationFilter(rules: Self.nobody))])
        func forwarding(_ filters: [String: FilterOverrides]) throws -> Route {
            let shares = try WeightedClusters([WeightedCluster("a", weight: 1), WeightedCluster("b", weight: 1)])
            var forward = RouteAction.Forward(clusters: shares)
            forward.clusterFilters = filters
            return Route(name: "r", action: .forward(forward))
        }
        let open: [HTTPFilter] = [.authorization(AuthorizationRules(action: .deny, policies: []))]
        let same = try stack(open, [host([try forwarding(["a": shut, "b": shut])])])
        #expect(await status(same, InMemoryRequest()) == 403)
        for filters in [["a": shut], ["a": shut, "b": FilterOverrides(authorization: ["": .disabled])]] {
            #expect(throws: ConfigurationError.self) { try stack(open, [host([try forwarding(filters)])]) }
        }
    }

    @Test func `the port is the connection's, or else the listener's`() async throws {
        let rules = AuthorizationRules(
            action: .allow,
            policies: [AuthorizationPolicy(name: "p", permissions: [.destinationPort(9080)], principals: [.any])]
        )
        let stack = try stack([.authorization(rules)], [])
        #expect(await status(stack, InMemoryRequest()) == 200)
        #expect(await status(stack, InMemoryRequest(), AuthorizationPeer(identity: nil, destinationPort: 1)) == 403)
    }

    @Test func `callers that speak gRPC are refused with a status of their own`() async throws {
        let stack = try stack([.authorization(Self.nobody)], [])
        let request = InMemoryRequest(headers: [("content-type", "application/grpc")])
        var context = stack.begin(request)
        let error = await #expect(throws: MeshError.self) {
            try await stack.admit(request, peerIdentity: nil, context: &context)
        }
        #expect(error?.localReply?.status == 200)
        #expect(error?.localReply?.value(of: "grpc-status") == "7")
        #expect(error?.localReply?.value(of: "grpc-message") == "RBAC: access denied")
    }
}
