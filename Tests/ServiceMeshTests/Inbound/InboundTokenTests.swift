// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

@Suite("Tokens of inbound requests", .timeLimit(.minutes(5)))
struct InboundTokenTests {
    /// A signature is good if it is the key's name.
    private struct NamingVerifier: SignatureVerifier {
        func verifies(
            _ signature: [UInt8],
            of message: [UInt8],
            by algorithm: SignatureAlgorithm,
            _ key: JSONWebKey
        ) async -> Bool { signature == Array(key.name.utf8) }
    }

    /// A server of key sets.
    private final class Server: KeySetFetcher {
        struct Gone: Error {}
        struct State {
            var documents: [String: String] = [:]
            var asked: [String] = []
        }

        let state = Mutex(State())

        func document(
            at uri: String,
            cluster: String,
            timeout: Nanoseconds,
            maximumBytes: Int
        ) async throws -> [UInt8] {
            try state.withLock { state in
                state.asked.append(uri)
                guard let text = state.documents[uri] else { throw Gone() }
                return Array(text.utf8)
            }
        }
    }

    private static let address = EndpointAddress(host: "0.0.0.0", port: 9080)
    private static let uri = "https://issuer.test/keys"

    private static func keys(_ names: String...) -> String {
        let x = Base64URL.encoded(Array(repeating: 1, count: 32))
        let keys = names.map { #"{"kty":"EC","crv":"P-256","kid":"\#($0)","x":"\#(x)","y":"\#(x)"}"# }
        return #"{"keys":[\#(keys.joined(separator: ","))]}"#
    }

    private static func token(_ claims: String, key: String = "k") -> String {
        [#"{"alg":"ES256","kid":"\#(key)"}"#, claims, key].map { Base64URL.encoded(Array($0.utf8)) }
            .joined(separator: ".")
    }

    private let clock = ManualClock()
    private let server = Server()
    private let observer = RecordingObserver()

    private func provider(_ keys: JWTProvider.Keys) -> JWTProvider {
        JWTProvider(
            name: "p",
            issuer: "i",
            keys: keys,
            claimHeaders: [.init("x-sub", claim: "sub")],
            claimsNote: "payload"
        )
    }

    private func mesh(_ filters: [HTTPFilter], routes: [Route] = []) throws -> Mesh {
        let mesh = try Mesh(
            MeshConfiguration(
                signatureVerifier: NamingVerifier(),
                keySetFetcher: server,
                wallClock: WallClock { .seconds(1000) },
                observers: [observer]
            ),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        let hosts = routes.isEmpty ? [] : [VirtualHost(name: "h", domains: [.any], routes: routes)]
        let listener = Listener(
            name: "in",
            direction: .inbound(address: Self.address, security: .plaintext),
            filters: filters,
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: hosts))
        )
        try mesh.apply(MeshResources(listeners: [listener]))
        return mesh
    }

    private func request(_ path: String = "/", _ token: String? = nil, _ others: [(HeaderName, String)] = [])
        -> InMemoryRequest
    {
        InMemoryRequest(
            path: path,
            headers: others.map { (name: $0.0, value: $0.1) }
                + (token.map { [(name: "authorization", value: "Bearer \($0)")] } ?? [])
        )
    }

    /// - Returns: The answer, or the request as the handler gets it, with its context.
    private func admit(_ mesh: Mesh, _ request: InMemoryRequest) async -> (
        reply: LocalReply?, request: InMemoryRequest, context: CallContext
    ) {
        let stack = InboundStack(mesh: mesh, address: Self.address)
        var request = request
        var context = stack.begin(request)
        do {
            try await stack.admit(&request, peerIdentity: nil, context: &context)
            return (nil, request, context)
        } catch {
            return ((error as? MeshError)?.localReply ?? LocalReply(status: 599), request, context)
        }
    }

    @Test func `a request passes with its token, and its claims come in`() async throws {
        let mesh = try mesh([.jwt(JWTFilter(providers: [provider(.text(Self.keys("k")))], .provider("p")))])
        let made = Self.token(#"{"iss":"i","sub":"me"}"#)
        let passed = await admit(mesh, request("/", made, [("x-sub", "forged")]))
        #expect(passed.reply == nil)
        #expect(passed.request.values(of: "x-sub") == ["me"])
        #expect(passed.request.value(of: "authorization") == nil)
        #expect(passed.context.filterState?.metadata[JWTProvider.metadataNamespace]?["payload"] != nil)
        let missing = await admit(mesh, request("/a?b"))
        #expect(missing.reply?.status == 401)
        #expect(missing.reply?.body == "Jwt is missing")
        #expect(missing.reply?.value(of: "www-authenticate") == #"Bearer realm="http://reviews/a?b""#)
        let bad = await admit(mesh, request("/", Self.token(#"{"iss":"i"}"#, key: "x")))
        #expect(bad.reply?.body == "Jwks doesn't have key to match kid or alg from Jwt")
        #expect(bad.reply?.value(of: "www-authenticate")?.hasSuffix(#", error="invalid_token""#) == true)
        let verdicts = observer.events.compactMap { event -> String? in
            if case .tokensChecked("in", let refusal) = event { refusal ?? "allowed" } else { nil }
        }
        #expect(verdicts == ["allowed", "missing", "noMatchingKey"])
    }

    @Test func `callers that speak gRPC get a status of their own`() async throws {
        let mesh = try mesh([.jwt(JWTFilter(providers: [provider(.text(Self.keys("k")))], .provider("p")))])
        let answer = await admit(mesh, request("/", nil, [("content-type", "application/grpc")]))
        #expect(answer.reply?.status == 200)
        #expect(answer.reply?.value(of: "grpc-status") == "16")
        #expect(answer.reply?.value(of: "grpc-message") == "Jwt is missing")
    }

    @Test func `rules go by their order, and routes say it otherwise`() async throws {
        var filter = JWTFilter(
            providers: [provider(.text(Self.keys("k")))],
            rules: [
                .init(RouteMatch(path: PathMatcher(.prefix("/free"))), .inline(.none)),
                .init(RouteMatch(), .named("strict")),
            ]
        )
        filter.requirements = ["strict": .provider("p"), "lax": .allowMissing]
        filter.bypassesPreflight = true
        func route(_ path: String, _ jwt: FilterOverride<String>?) -> Route {
            var route = Route(
                name: path,
                match: RouteMatch(path: PathMatcher(.prefix(path))),
                action: .nonForwarding
            )
            route.filters.jwt = jwt
            return route
        }
        let mesh = try mesh(
            [.jwt(filter)],
            routes: [
                route("/off", .disabled), route("/lax", .settings("lax")), route("/wrong", .settings("no")),
                route("/", nil),
            ]
        )
        for (path, status) in [("/free", 0), ("/x", 401), ("/off", 0), ("/lax", 0), ("/wrong", 403)] {
            #expect(await admit(mesh, request(path)).reply?.status ?? 0 == status, "\(path)")
        }
        let preflight = InMemoryRequest(
            method: "OPTIONS",
            path: "/x",
            headers: [("origin", "http://a"), ("access-control-request-method", "GET")]
        )
        #expect(await admit(mesh, preflight).reply == nil)
    }

    @Test func `callers write no header of a provider, on no route and by no rule`() async throws {
        let filter = JWTFilter(
            providers: [provider(.text(Self.keys("k")))],
            rules: [.init(RouteMatch(path: PathMatcher(.prefix("/free"))), .inline(.none))],
            bypassesPreflight: true
        )
        var off = Route(name: "off", match: RouteMatch(path: PathMatcher(.prefix("/off"))), action: .nonForwarding)
        off.filters.jwt = .disabled
        let other = Route(name: "other", match: RouteMatch(path: PathMatcher(.prefix("/"))), action: .nonForwarding)
        let mesh = try mesh([.jwt(filter)], routes: [off, other])
        for path in ["/off", "/free", "/elsewhere"] {
            let passed = await admit(mesh, request(path, nil, [("x-sub", "forged"), ("X-Sub", "again"), ("x-a", "1")]))
            #expect(passed.reply == nil, "\(path)")
            #expect(passed.request.values(of: "x-sub") == [], "\(path)")
            #expect(passed.request.values(of: "x-a") == ["1"], "\(path)")
        }
        let told = mesh.explain(inbound: request("/off"), at: Self.address)
        #expect("\(told)".contains("none are asked for here; callers cannot write x-sub"))
        let preflight = InMemoryRequest(
            method: "OPTIONS",
            path: "/free",
            headers: [("origin", "http://a"), ("access-control-request-method", "GET"), ("x-sub", "forged")]
        )
        #expect(await admit(mesh, preflight).request.values(of: "x-sub") == [])
    }

    @Test func `keys are fetched once, held, and the last ones stay while their server is gone`() async throws {
        server.state.withLock { $0.documents[Self.uri] = Self.keys("k") }
        let remote = RemoteKeys(uri: Self.uri)
        let mesh = try mesh([.jwt(JWTFilter(providers: [provider(.remote(remote))], .provider("p")))])
        let made = Self.token(#"{"iss":"i","sub":"me"}"#)
        for _ in 0..<3 { #expect(await admit(mesh, request("/", made)).reply == nil) }
        #expect(server.state.withLock { $0.asked.count } == 1)
        server.state.withLock { $0.documents = [:] }
        clock.advance(by: .seconds(601))
        for _ in 0..<3 { #expect(await admit(mesh, request("/", made)).reply == nil, "the last keys hold") }
        #expect(server.state.withLock { $0.asked.count } == 2, "nobody asks again before a second has passed")
        clock.advance(by: .seconds(2))
        server.state.withLock { $0.documents[Self.uri] = Self.keys("other") }
        let gone = await admit(mesh, request("/", made))
        #expect(gone.reply?.body == "Jwks doesn't have key to match kid or alg from Jwt")
        let new = Self.token(#"{"iss":"i"}"#, key: "other")
        #expect(await admit(mesh, request("/", new)).reply == nil)
    }

    @Test func `without any keys the caller is told, and a discovery document leads to them`() async throws {
        let discovery = "https://issuer.test/.well-known/openid-configuration"
        let remote = RemoteKeys(uri: discovery)
        let mesh = try mesh([.jwt(JWTFilter(providers: [provider(.remote(remote))], .provider("p")))])
        let made = Self.token(#"{"iss":"i"}"#)
        let failed = await admit(mesh, request("/", made))
        #expect(failed.reply?.status == 401)
        #expect(failed.reply?.body == "Jwks remote fetch is failed")
        server.state.withLock {
            $0.documents = [discovery: #"{"issuer":"i","jwks_uri":"\#(Self.uri)"}"#, Self.uri: Self.keys("k")]
        }
        clock.advance(by: .seconds(2))
        #expect(await admit(mesh, request("/", made)).reply == nil)
        let told = mesh.explain(inbound: request("/"), at: Self.address)
        #expect("\(told)".contains("1 keys, fetched 0 s ago"))
    }

    @Test func `a push that leaves a provider alone leaves its keys, too`() async throws {
        server.state.withLock { $0.documents[Self.uri] = Self.keys("k") }
        let filter = HTTPFilter.jwt(
            JWTFilter(providers: [provider(.remote(RemoteKeys(uri: Self.uri)))], .provider("p"))
        )
        let mesh = try mesh([filter])
        let made = Self.token(#"{"iss":"i"}"#)
        #expect(await admit(mesh, request("/", made)).reply == nil)
        let listener = try #require(mesh.snapshot?.resources.listeners["in"])
        var changed = listener
        changed.filters.append(.buffer(BufferFilter(maximumRequestBytes: 10)))
        try mesh.apply(MeshResources(listeners: [changed]))
        #expect(await admit(mesh, request("/", made)).reply == nil)
        #expect(server.state.withLock { $0.asked.count } == 1)
    }
}
