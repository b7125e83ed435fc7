// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Explanations that authorised callers find on the response.
@Suite struct ResponseExplanationTests {
    private static let secret = "0123456789abcdef"

    /// A mesh with two routes to one cluster, one answered by the mesh itself, over a network in memory.
    private struct Fixture {
        let network = InMemoryTransport(clock: ManualClock()) { _, _ in .status(200) }
        let mesh: Mesh
        let stack: OutboundStack<InMemoryTransport>

        init(
            _ access: ExplanationAccess?,
            trust: MeshConfiguration.RequestHeaderTrust = .ignored,
            routeName: String = "default"
        ) throws {
            mesh = try Mesh(
                MeshConfiguration(requestHeaderTrust: trust, explanations: access),
                clock: ManualClock(),
                random: MeshRandom(seed: 1)
            )
            try mesh.apply(
                Given.reviews(
                    [
                        Route(
                            name: "moved",
                            match: RouteMatch(path: PathMatcher(.exact("/moved"))),
                            action: .directResponse(LocalReply(status: 299, body: "moved"))
                        ),
                        Route(
                            name: routeName,
                            action: Given.forward(to: "v1", timeout: .seconds(3), retry: Given.retry())
                        ),
                    ],
                    [Given.cluster("v1", ports: [1])]
                )
            )
            stack = OutboundStack(mesh: mesh, leaf: network)
        }

        /// Sends, and reads the explanation off the response or the mesh's own answer.
        func send(_ headers: [(name: HeaderName, value: String)], path: String = "/x") async throws -> String? {
            var context = mesh.makeContext()
            do {
                return try await stack.withResponse(
                    to: InMemoryRequest(path: path, headers: headers),
                    context: &context
                ) { $0.value(of: "x-mesh-explanation") }
            } catch let error as MeshError {
                return error.localReply?.value(of: "x-mesh-explanation")
            }
        }

        /// What the upstream saw of the field.
        var sentSecrets: [String] { network.sent.compactMap { $0.request.value(of: "x-mesh-explain") } }
    }

    @Test(arguments: [MeshConfiguration.RequestHeaderTrust.ignored, .untrusted, .trusted])
    func `an authorised caller gets what the explanation says`(trust: MeshConfiguration.RequestHeaderTrust) async throws
    {
        let fixture = try Fixture(ExplanationAccess(secret: Self.secret), trust: trust)
        let header = try #require(try await fixture.send([("x-mesh-explain", Self.secret)]))
        let explanation = fixture.mesh.explain(InMemoryRequest(path: "/x"))
        let start = #"{"generation":1,"listener":"reviews:9080","virtualHost":"reviews","route":"default "#
        #expect(header.hasPrefix(start))
        for (name, fact) in [
            ("listener", "listener"), ("virtualHost", "virtual host"), ("route", "route"), ("cluster", "cluster"),
            ("timeout", "timeout"), ("retry", "retry"),
        ] {
            let value = LocalReply.percentEncoded(try #require(explanation[fact]))
            #expect(header.contains("\"\(name)\":\"\(value)\""), "\(header)")
        }
        #expect(header.contains(#""cluster":"v1, weight 1""#) && header.contains(#""endpoint":"10.0.0.1:1""#))
        #expect(header.hasSuffix("}") && header.utf8.count <= 2048)
        #expect(fixture.network.sent.count == 1 && fixture.sentSecrets.isEmpty)
    }

    @Test func `the mesh's own answers have it, too`() async throws {
        let fixture = try Fixture(ExplanationAccess(secret: Self.secret))
        let header = try await fixture.send([("x-mesh-explain", Self.secret)], path: "/moved")
        #expect(header?.contains(#""route":"moved (number 0)""#) == true)
    }

    @Test(arguments: ["", "0123456789abcdeF", "0123456789abcde", "0123456789abcdef0", "0123456789abcdef,x"])
    func `another secret is no secret, and does not leave either`(secret: String) async throws {
        let fixture = try Fixture(ExplanationAccess(secret: Self.secret))
        #expect(try await fixture.send([("x-mesh-explain", secret)]) == nil)
        #expect(try await fixture.send([("x-mesh-explain", secret)], path: "/moved") == nil)
        #expect(fixture.network.sent.count == 1 && fixture.sentSecrets.isEmpty)
    }

    @Test func `who does not ask gets none`() async throws {
        let fixture = try Fixture(ExplanationAccess(secret: Self.secret))
        #expect(try await fixture.send([]) == nil)
        #expect(fixture.network.sent.count == 1)
    }

    @Test func `two fields are none`() async throws {
        let fixture = try Fixture(ExplanationAccess(secret: Self.secret))
        #expect(
            try await fixture.send([("x-mesh-explain", Self.secret), ("x-mesh-explain", Self.secret)]) == nil
        )
        #expect(fixture.sentSecrets.isEmpty)
    }

    @Test func `without the option the field is one like any other`() async throws {
        let fixture = try Fixture(nil)
        #expect(try await fixture.send([("x-mesh-explain", Self.secret)]) == nil)
        #expect(fixture.sentSecrets == [Self.secret])
    }

    @Test func `what does not fit is left out, and the field says so`() async throws {
        let name = String(repeating: "ä\"\n", count: 100)
        let access = ExplanationAccess(secret: Self.secret, maximumLength: 256)
        let fixture = try Fixture(access, routeName: name)
        let header = try #require(try await fixture.send([("x-mesh-explain", Self.secret)]))
        #expect(header.utf8.count <= 256 && header.hasSuffix(#","truncated":true}"#))
        #expect(!header.contains("route\":") && header.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        let roomy = try Fixture(ExplanationAccess(secret: Self.secret, maximumLength: 8192), routeName: "ä\"\n%")
        let whole = try await roomy.send([("x-mesh-explain", Self.secret)])
        #expect(whole?.contains(##""route":"%C3%A4\"\u000a%25 (number 1)""##) == true, "\(whole ?? "")")
    }

    @Test func `a secret that can be guessed or cannot arrive is refused`() throws {
        for secret in ["", "short", "0123456789abcde f", "0123456789abcdef,", String(repeating: "x", count: 257)] {
            #expect(throws: ConfigurationError.self) {
                try Mesh(MeshConfiguration(explanations: ExplanationAccess(secret: secret)))
            }
        }
        let short = ExplanationAccess(secret: Self.secret, maximumLength: 8)
        #expect(throws: ConfigurationError.self) { try short.validate() }
        #expect(!"\(ExplanationAccess(secret: Self.secret))".contains(Self.secret))
    }
}
