// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshCore
import MeshIdentity
import MeshSecurity
import MeshXDS

/// Has an identity certified by a control plane's authority and gives it to an Envoy beside it, as Istio's agent does.
struct SecretsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sds",
        abstract: "Serves an identity of a control plane's authority to a local Envoy, renewed at half its life."
    )

    @Option(help: "The path of the Unix socket on which secrets are served.")
    var socket: String

    @Option(help: "The control plane's address for xDS and certificates, HOST:PORT.")
    var controlPlane: String

    @Option(help: "A file with the token that the control plane knows.")
    var tokenFile: String

    @Option(help: "The identity.")
    var spiffeId: String

    @Option(help: "How many seconds a certificate should live.")
    var validity: UInt64 = 3600

    func run() async throws {
        let address = try Self.address(controlPlane)
        let issuer = FileTokenIssuer(client: CertificateServiceClient(address: address), tokenFile: tokenFile)
        let (changes, news) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let observers = ObserverSet([RotationPrinter(news: news)])
        let identity = WorkloadIdentity(spiffeID: try SPIFFEID(spiffeId), observers: observers)
        let rotation = IdentityRotation(
            identity: identity,
            issuer: issuer,
            validity: .seconds(validity),
            observers: observers
        )
        let server = SecretServer(socketPath: socket)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await rotation.run() }
            group.addTask { try await server.run() }
            group.addTask {
                for await _ in changes {
                    try server.update(identity.materialForLocalProxy(), of: identity.spiffeID.description)
                    LineOutput.write(SecretsLine(event: "served", generation: identity.generation))
                }
            }
            try await group.next()
        }
    }

    static func address(_ text: String) throws -> EndpointAddress {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw ValidationError("\(text) is not HOST:PORT")
        }
        return EndpointAddress(host: String(text[..<colon]), port: port)
    }
}

/// Takes an identity from an agent of the SPIFFE Workload API, and says what it got.
struct WorkloadAPICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workload-api",
        abstract: "Follows an agent of the SPIFFE Workload API and prints each identity that it brings."
    )

    @Option(help: "The agent's address as in SPIFFE_ENDPOINT_SOCKET.")
    var socket: String

    @Option(help: "The identity; by default the first that the agent has.")
    var spiffeId: String?

    func run() async throws {
        let client = WorkloadAPIClient(address: try WorkloadAPIAddress(socket))
        let name: String
        if let spiffeId {
            name = spiffeId
        } else {
            name = try await client.identities().first ?? ""
        }
        let (changes, news) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let observers = ObserverSet([RotationPrinter(news: news)])
        let identity = WorkloadIdentity(spiffeID: try SPIFFEID(name), observers: observers)
        let rotation = IdentityRotation(
            identity: identity,
            source: ProvidedIdentitySource { try await client.run(delivering: $0) },
            observers: observers
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await rotation.run() }
            group.addTask {
                for await _ in changes {
                    LineOutput.write(
                        SecretsLine(
                            event: "taken",
                            generation: identity.generation,
                            identity: name,
                            trustDomains: identity.trust.trustDomains.sorted(),
                            validFor: identity.validFor.seconds
                        )
                    )
                }
            }
            try await group.next()
        }
    }
}

/// The authority of a control plane, asked with a token that stands in a file.
private struct FileTokenIssuer: CertificateIssuer {
    let client: CertificateServiceClient
    let tokenFile: String

    func issue(csrPEM: String, validity: Nanoseconds) async throws -> [String] {
        try await client.create(csrPEM: csrPEM, tokenFile: tokenFile, validity: validity)
    }
}

/// What is printed for scripts.
private struct SecretsLine: Encodable {
    var event: String
    var generation: UInt64?
    var identity: String?
    var trustDomains: [String]?
    var validFor: Double?
    var error: String?
}

/// Prints what went wrong, and tells of renewals.
private struct RotationPrinter: Observer {
    let news: AsyncStream<Void>.Continuation

    func noticed(_ event: MeshEvent) {
        switch event {
        case .identityRenewed: news.yield()
        case .identityRenewalFailed(let error): LineOutput.write(SecretsLine(event: "failed", error: "\(error)"))
        case .identityExpiring(_, let left): LineOutput.write(SecretsLine(event: "expiring", validFor: left.seconds))
        default: break
        }
    }
}
