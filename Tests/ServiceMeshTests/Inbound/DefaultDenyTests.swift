// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity
import MeshTesting
import ServiceMesh
import Testing

/// A server that allows nobody unless a policy does: every way in, by enumeration.
@Suite struct DefaultDenyTests {
    private let address = EndpointAddress(host: "0.0.0.0", port: 9080)
    private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "x"]
    private static let suffixes = ["", "/", "?q", "#f", "/..", "/./", "//", "%2F", ";a=b", "\u{e9}", "/x/y"]
    private static let headers: [[(HeaderName, String)]] = [
        [], [("x-forwarded-client-cert", "URI=spiffe://cluster.local/ns/default/sa/admin")],
        [("x-forwarded-for", "127.0.0.1")], [("authorization", "Bearer a.b.c")], [("x-envoy-internal", "true")],
        [("content-type", "application/grpc")], [("upgrade", "websocket"), ("connection", "upgrade")],
        [("x-original-url", "/"), ("x-http-method-override", "GET")],
    ]

    private func routes() throws -> [Route] {
        let paths: [(String, PathMatcher)] = [
            ("/exact", PathMatcher(.exact("/exact"))), ("/prefix", PathMatcher(.prefix("/prefix"))),
            ("/separated", PathMatcher(.separatedPrefix("/separated"))),
            ("/template/a", PathMatcher(.template(try PathTemplate("/template/{x}")))),
            ("/regex", PathMatcher(.regularExpression(try RegularExpression("/regex.*")))),
        ]
        let actions: [RouteAction] = [
            .nonForwarding, .directResponse(LocalReply(status: 200, body: "answered by the route")),
        ]
        return paths.flatMap { path, matcher in
            actions.enumerated().map { number, action in
                let header = HeaderMatcher("x-action", .value(StringMatcher(.exact("\(number)"))))
                let match = RouteMatch(path: matcher, headers: [header])
                return Route(name: "\(path) \(number)", match: match, action: action)
            }
        }
    }

    private func stack() throws -> InboundStack {
        let owner = StringMatcher(.exact("spiffe://cluster.local/ns/default/sa/admin"))
        let policy = AuthorizationPolicy(name: "admin", permissions: [.any], principals: [.authenticated(owner)])
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            filters: [.authorization(AuthorizationRules(action: .allow, policies: [policy]))],
            routes: .inline(
                RouteConfiguration(
                    name: "r",
                    virtualHosts: [
                        VirtualHost(name: "named", domains: [.exact("named.test")], routes: try routes()),
                        VirtualHost(name: "all", domains: [.any], routes: try routes()),
                    ]
                )
            )
        )
        return InboundStack(mesh: try MeshFixture(MeshResources(listeners: [listener])).mesh, address: address)
    }

    private func isRefused(_ stack: InboundStack, _ request: InMemoryRequest, _ peer: AuthorizationPeer) async -> Bool {
        var context = stack.begin(request)
        do {
            try await stack.admit(request, peer: peer, context: &context)
            return false
        } catch {
            return (error as? MeshError)?.code == .unauthorized
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a caller without an identity is refused on every route, and where there is none`() async throws {
        let stack = try stack()
        let strangers = [
            AuthorizationPeer(identity: nil), AuthorizationPeer(certificate: nil, isSecured: true),
            AuthorizationPeer(identity: "spiffe://cluster.local/ns/default/sa/admin2"),
            AuthorizationPeer(identity: "spiffe://evil.test/ns/default/sa/admin"),
            AuthorizationPeer(certificate: PeerCertificate(uriNames: ["spiffe://cluster.local/ns/default/sa/ADMIN"])),
        ]
        let paths = ["/exact", "/prefix", "/separated", "/template/a", "/regex", "/nowhere", "", "*"]
        var asked = 0
        for authority in ["named.test", "other.test", ""] {
            for path in paths {
                for suffix in Self.suffixes {
                    for (number, method) in Self.methods.enumerated() {
                        let fields = Self.headers[(asked + number) % Self.headers.count]
                        let request = InMemoryRequest(
                            method: method,
                            authority: authority,
                            path: path + suffix,
                            headers: fields + [("x-action", "\(asked % 2)")]
                        )
                        for peer in strangers {
                            #expect(await isRefused(stack, request, peer), "\(method) \(authority) \(path)\(suffix)")
                        }
                        asked += 1
                    }
                }
            }
        }
        let admin = AuthorizationPeer(identity: "spiffe://cluster.local/ns/default/sa/admin")
        #expect(await !isRefused(stack, InMemoryRequest(path: "/prefix", headers: [("x-action", "0")]), admin))
        #expect(asked == 3 * paths.count * Self.suffixes.count * Self.methods.count)
    }
}
