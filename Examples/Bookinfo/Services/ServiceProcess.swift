// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Hummingbird
import Logging
import MeshCore
import MeshHTTP
import MeshHummingbird
import MeshIdentity
import MeshLifecycle
import MeshObservability
import MeshSecurity
import MeshXDS
import ServiceLifecycle
import ServiceMesh
import UnixSignals

/// All that one process of a service runs: its identity, its mesh, its server and its registration.
struct ServiceProcess: Sendable {
    let kind: BookinfoService
    let version: String
    let instance: String
    let serviceAccount: String
    let address: EndpointAddress
    let xds: EndpointAddress
    let registry: EndpointAddress
    let token: String
    let spans: String
    let slowness: Slowness
    let isPlaintext: Bool

    /// How long the server serves on while the news of its end spreads: several times what a push takes here.
    static let propagationDelay = Nanoseconds.seconds(2)

    func run() async throws {
        var logger = Logger(label: instance)
        logger.logLevel = .notice
        let observability = try Observability(
            serviceName: kind.rawValue,
            logger: logger,
            accessLogLevel: .debug,
            spanExporter: FileSpanExporter(path: spans)
        )

        // Who this process is: a certificate of the control plane's authority, renewed while it runs.
        let spiffeID = try SPIFFEID(trustDomain: "cluster.local", namespace: "default", serviceAccount: serviceAccount)
        let identity = WorkloadIdentity(spiffeID: spiffeID, observers: observability.observers)
        let rotation = IdentityRotation(
            identity: identity,
            issuer: XDSCertificateIssuer(address: xds, token: token),
            observers: observability.observers
        )

        // What the mesh does is decided by the control plane, live.
        let bootstrap = Bootstrap(
            server: xds,
            node: .init(
                id: "\(instance).default",
                cluster: kind.rawValue,
                metadata: [
                    "NAMESPACE": "default",
                    "SERVICE_ACCOUNT": .text(serviceAccount),
                    "LABELS": .fields(["app": .text(kind.rawValue), "version": .text(version)]),
                ]
            )
        )
        let mesh = try Mesh(
            MeshConfiguration(observers: observability.observers.observers),
            sources: [XDSConfigSource(bootstrap: bootstrap, inboundAddresses: [address])]
        )

        // One client for every call, one middleware before every route.
        let transport = HTTPTransport(
            .init(mutualTLS: ClientTLS { try identity.makeClientHandler(to: $0) })
        )
        let client = MeshHTTPClient(mesh: mesh, transport: transport)
        // What the authority took back is refused from the next look on.
        let authority = AuthorityClient(controlPlane: registry, token: token, transport: transport)
        let revocations = try RevocationRefresh(of: identity, observers: observability.observers) {
            try await authority.revocationLists()
        }
        let registration = InstanceRegistration(
            controlPlane: registry,
            token: token,
            instance: .init(
                id: instance,
                service: kind.rawValue,
                namespace: "default",
                address: address.host,
                port: address.port ?? 0,
                servicePort: 9080,
                labels: ["app": kind.rawValue, "version": version],
                version: version,
                serviceAccount: serviceAccount,
                speaksMutualTLS: !isPlaintext
            ),
            transport: transport,
            observers: observability.observers
        )

        // Each stands before those that need it. The group hears of SIGTERM: readiness is off and callers are told to go
        // elsewhere, the server finishes what it has, the instance leaves the registry, and then all the rest ends.
        let drain = ServerDrain()
        let isReady = { @Sendable in
            try await rotation.ready()
            try await mesh.ready(timeout: .seconds(30))
        }
        let group = ServiceGroup(
            services: [
                Background { await observability.run() },
                Background { try await rotation.run() },
                Background { try await revocations.run() },
                MeshService(mesh),
                TransportService(transport),
                Awaiting(ready: isReady) { RegistrationService(registration, drain: drain) },
                Awaiting(ready: isReady) { [logger] in
                    let router = Router(context: BasicMeshRequestContext.self)
                    router.add(
                        middleware: MeshMiddleware(
                            mesh: mesh,
                            address: address,
                            configuration: InboundConfiguration(readinessPath: "/health"),
                            drain: drain,
                            identity: identity
                        )
                    )
                    kind.routes(router, version: version, instance: instance, slowness: slowness, client: client)
                    return Application(
                        router: router,
                        server: isPlaintext ? .http1() : .inMesh(mesh, address: address, identity: identity),
                        configuration: .init(address: .hostname(address.host, port: Int(address.port ?? 0))),
                        logger: logger
                    )
                },
                DrainService(drain, propagationDelay: Self.propagationDelay),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        try await group.run()
    }
}

/// The control plane's authority, as this process asks it for certificates.
struct XDSCertificateIssuer: CertificateIssuer {
    let address: EndpointAddress
    let token: String

    func issue(csrPEM: String, validity: Nanoseconds) async throws -> [String] {
        try await CertificateServiceClient(address: address)
            .create(csrPEM: csrPEM, token: token, validity: validity)
    }
}
