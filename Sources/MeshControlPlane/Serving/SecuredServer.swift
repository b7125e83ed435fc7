// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshIdentity
import MeshSecurity
import MeshXDS

/// The control plane's own identity, and what its xDS server needs to speak mutual TLS with it.
struct SecuredServer: Sendable {
    private let identity: WorkloadIdentity
    private let rotation: IdentityRotation
    private let refresh: RevocationRefresh

    /// - Throws: `ConfigurationError` if the path makes no SPIFFE ID.
    init(configuration: ControlPlaneConfiguration, authority: CertificateAuthority, clock: any MeshClock) throws {
        let name = try SPIFFEID("spiffe://" + configuration.trustDomain + configuration.identityPath)
        let identity = WorkloadIdentity(spiffeID: name)
        self.identity = identity
        self.rotation = IdentityRotation(
            identity: identity,
            issuer: OwnIssuer(authority: authority),
            validity: configuration.certificateValidity,
            clock: clock
        )
        self.refresh = try RevocationRefresh(of: identity, interval: .seconds(1), clock: clock) {
            authority.revocationLists
        }
    }

    /// Keeps the identity fresh until the task is cancelled.
    /// - Throws: `CancellationError` when it is.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { [rotation] in try await rotation.run() }
            group.addTask { [refresh] in try await refresh.run() }
            try await group.next()
        }
    }

    /// Waits for the first certificate.
    func ready() async throws { try await rotation.ready() }

    /// What the server does with connections.
    var security: XDSServerSecurity {
        XDSServerSecurity { [identity] in
            try identity.makeServerHandler(applicationProtocols: ["h2"])
        } peer: { [identity] connection in
            await identity.provenCaller(of: connection).map {
                SigningCaller.Peer(identity: $0.identity.description, serialNumber: $0.serialNumber)
            }
        }
    }
}

/// The authority, asked by the process that it lives in.
private struct OwnIssuer: CertificateIssuer {
    let authority: CertificateAuthority

    func issue(csrPEM: String, validity: Nanoseconds) async throws -> [String] {
        try authority.issueToOwnProcess(csrPEM: csrPEM, validity: validity)
    }
}
