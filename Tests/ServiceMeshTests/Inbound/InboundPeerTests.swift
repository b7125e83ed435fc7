// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity
import MeshTesting
import ServiceMesh
import Testing

@Suite struct InboundPeerTests {
    private let address = EndpointAddress(host: "0.0.0.0", port: 9080)
    private let observer = RecordingObserver()

    private func stack(
        _ security: Listener.InboundSecurity,
        names: [PeerNameMatcher] = [],
        _ configuration: InboundConfiguration = InboundConfiguration()
    ) throws -> (Mesh, InboundStack) {
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: security),
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: [])),
            peerNames: names
        )
        let mesh = try Mesh(MeshConfiguration(observers: [observer], isDisabled: false), clock: ManualClock())
        try mesh.apply(MeshResources(listeners: [listener]))
        return (mesh, InboundStack(mesh: mesh, address: address, configuration: configuration))
    }

    private func admit(
        _ stack: InboundStack,
        _ certificate: PeerCertificate?,
        _ request: InMemoryRequest = InMemoryRequest()
    ) async -> (request: InMemoryRequest, error: MeshError?) {
        var request = request
        var context = stack.begin(request)
        do {
            try await stack.admit(&request, peer: AuthorizationPeer(certificate: certificate), context: &context)
            return (request, nil)
        } catch {
            return (request, error as? MeshError)
        }
    }

    private var refusals: [PeerRefusal.Reason] {
        observer.events.compactMap { if case .peerRefused(let refusal) = $0 { refusal.reason } else { nil } }
    }

    @Test func `a strict listener wants a certificate, a permissive one takes both`() async throws {
        let named = PeerCertificate(dnsNames: ["a.example"])
        let (_, strict) = try stack(.mutualTLS)
        #expect(await admit(strict, nil).error?.localReply?.status == 403)
        #expect(refusals == [.noCertificate])
        #expect(await admit(strict, named).error == nil)
        let (_, permissive) = try stack(.permissive)
        #expect(await admit(permissive, nil).error == nil)
        #expect(await admit(permissive, named).error == nil)
    }

    @Test func `a listener that wants names wants them of those who have any`() async throws {
        let names = [PeerNameMatcher(.uri, StringMatcher(.prefix("spiffe://cluster.local/")))]
        let (_, stack) = try stack(.permissive, names: names)
        #expect(await admit(stack, PeerCertificate(uriNames: ["spiffe://cluster.local/a"])).error == nil)
        #expect(await admit(stack, PeerCertificate(uriNames: ["spiffe://other/a"])).error?.localReply?.status == 403)
        #expect(await admit(stack, PeerCertificate(dnsNames: ["spiffe://cluster.local/a"])).error != nil)
        #expect(await admit(stack, nil).error == nil)
        #expect(refusals == [.notAccepted, .notAccepted])
    }

    @Test func `what callers say of certificates is not passed on, unless somebody believes it`() async throws {
        let name: HeaderName = "x-forwarded-client-cert"
        let forged = InMemoryRequest(headers: [(name, "URI=spiffe://a/b")])
        let (_, standard) = try stack(.plaintext)
        #expect(await admit(standard, nil, forged).request.value(of: name) == nil)
        let (_, believing) = try stack(.plaintext, InboundConfiguration(keepsForwardedCertificates: true))
        #expect(await admit(believing, nil, forged).request.value(of: name) == "URI=spiffe://a/b")
    }

    @Test func `explanations say how connections are protected`() async throws {
        let names = [PeerNameMatcher(.uri, StringMatcher(.prefix("spiffe://a/")))]
        let (mesh, _) = try stack(.permissive, names: names)
        let text = mesh.explain(inbound: InMemoryRequest(), at: address).description
        #expect(text.contains("mutual TLS, or plaintext") && text.contains("uri begins with spiffe://a/"), "\(text)")
    }
}
