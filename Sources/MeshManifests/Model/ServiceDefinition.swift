// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

/// A service that a manifest defines.
struct ServiceDefinition: Sendable {
    var metadata: ManifestMetadata
    var hosts: [Located<HostPattern>]
    var ports: [Port]
    var visibility: Visibility
    var endpoints: Endpoints
    /// Whether it is part of the mesh, so that its endpoints are called over mutual TLS where they speak it.
    var isInMesh: Bool
    /// The identities that its endpoints may prove beside those of their service accounts.
    var identities: [Located<String>] = []
    /// What becomes of its endpoints' names; `nil` leaves them to whoever connects.
    var lookup: DNSDiscovery.Kind?

    struct Port: Hashable, Sendable {
        var number: UInt16
        /// The port that listed endpoints listen on, where they do not say so themselves; `nil` for the same.
        var target: UInt16?
        var name: String?
        var servesHTTP: Bool
        /// Whether it serves HTTP/2, whose clients must know that beforehand where there is no TLS.
        var speaksHTTP2: Bool
    }

    enum Endpoints: Sendable {
        /// The registered workloads with these labels, in the manifest's namespace.
        case workloads(labels: [String: String])
        /// The host itself, by its name.
        case host
        /// Those that the manifest lists.
        case listed([Listed])
        /// Only the workloads that are registered for the service.
        case registered

        /// Whether they come and go with registrations, and do not stand in the manifest.
        var areRegistered: Bool {
            switch self {
            case .workloads, .registered: true
            case .host, .listed: false
            }
        }
    }

    /// An endpoint that a manifest lists.
    struct Listed: Sendable {
        var host: String
        /// `nil` for a Unix domain socket.
        var isUnixSocket: Bool
        /// Ports by the names of the service's ports.
        var ports: [String: UInt16]
        var labels: [String: String]
        var weight: UInt32
        var locality: Locality
        var serviceAccount: String?
        var speaksMutualTLS: Bool
        /// Where it is listed.
        var position: SourcePosition

        /// Where it listens for a port of its service.
        func address(of port: UInt16, in servicePorts: [Port]) -> EndpointAddress {
            if isUnixSocket { return EndpointAddress(unixSocketPath: host) }
            let servicePort = servicePorts.first { $0.number == port }
            let own = servicePort?.name.flatMap { ports[$0] }
            return EndpointAddress(host: host, port: own ?? servicePort?.target ?? port)
        }
    }
}
