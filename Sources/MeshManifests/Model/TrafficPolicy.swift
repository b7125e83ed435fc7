// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import MeshResilience
import MeshRouting

/// How a client treats the endpoints of a host; what is `nil` is left to the level above.
struct TrafficPolicy: Hashable, Sendable {
    var loadBalancer: LoadBalancer?
    /// By what requests find the same endpoint again (`consistentHash`). It stands on routes.
    var hash: HashPolicy?
    var outlierDetection: OutlierDetection?
    /// Below which percentage of usable endpoints all are used (`outlierDetection.minHealthPercent`).
    var minimumHealthPercent: UInt32?
    var connectionPool: ConnectionPool?
    var security: Security?
    /// How many retries may be under way. Istio knows none for single ports: they share that of the whole.
    var retryBudget: ConcurrencyRetryBudgetConfiguration?
    /// What replaces all of this for a port.
    var ports: [UInt16: TrafficPolicy] = [:]

    /// How endpoints are chosen. It takes the place of the level above as a whole, as in Istio.
    struct LoadBalancer: Hashable, Sendable {
        /// `nil` for Istio's default, which depends on the client.
        var balancing: Balancing?
        /// How new endpoints get their part (`warmup`).
        var slowStart: SlowStart?
        /// Which places are preferred (`localityLbSetting`, `zoneAwareLbSetting`); `nil` for the mesh-wide setting.
        var localities: LocalityPreference?
    }

    enum Balancing: Hashable, Sendable {
        case roundRobin
        case leastRequest
        case random
        /// With so many places at least; `nil` for the usual number.
        case ringHash(minimumSize: UInt64?)
        /// With a table of that size; `nil` for the usual one.
        case maglev(tableSize: UInt64?)
    }

    struct ConnectionPool: Hashable, Sendable {
        var maximumRequests: UInt32?
        var maximumPendingRequests: UInt32?
        var maximumConnections: UInt32?
        /// How many retries may be under way; a `retryBudget` takes its place.
        var maximumRetries: UInt32?
        var connectTimeout: Nanoseconds?
        var maximumAge: Nanoseconds?
        /// 0 for never.
        var idleTimeout: Nanoseconds?
        var maximumRequestsPerConnection: UInt32?
        /// Whether HTTP/2 is spoken whatever the port says (`h2UpgradePolicy: UPGRADE`).
        var upgradesToHTTP2 = false
        var maximumConcurrentStreams: UInt32?
        var keepaliveInterval: Nanoseconds?
        var keepaliveTimeout: Nanoseconds?
        /// Where the first setting stands that is about HTTP/2 only.
        var http2Position: SourcePosition?
    }

    enum Security: Hashable, Sendable {
        case plaintext
        /// Mutual TLS; the identities that are accepted in place of the service's own, and the server name indication.
        case mutualTLS(identities: [String], serverName: String?)
        /// TLS with files of the client's own machine, or with the system's roots (Istio's `SIMPLE` and `MUTUAL`).
        case tls(FileTLS)
    }

    struct FileTLS: Hashable, Sendable {
        /// The files of the certificate and its key that the client shows, with a `~` between them; `nil` for none.
        var certificate: String?
        /// The file of the roots that the server is judged by; `nil` for the system's.
        var roots: String?
        /// The names of which the server must have one; empty for the host.
        var names: [String] = []
        /// The server name indication; `nil` for the host.
        var serverName: String?
        /// Whether any server is taken.
        var skipsVerification = false

        /// The names by which the files are meant as secrets: Istio's.
        var secrets: SecretReference {
            SecretReference(
                certificate: certificate.map { "file-cert:\($0)" },
                validation: skipsVerification ? nil : roots.map { "file-root:\($0)" },
                skipsVerification: skipsVerification
            )
        }
    }

    /// The policy of a port. What is said for a port does not inherit from what is said for all (Istio's
    /// `portLevelSettings`).
    func forPort(_ port: UInt16) -> TrafficPolicy {
        var policy = ports[port] ?? self
        policy.ports = [:]
        policy.retryBudget = retryBudget
        return policy
    }

    /// This policy where it says something, and `other` where it does not.
    func over(_ other: TrafficPolicy) -> TrafficPolicy {
        TrafficPolicy(
            loadBalancer: loadBalancer ?? other.loadBalancer,
            hash: hash ?? other.hash,
            outlierDetection: outlierDetection ?? other.outlierDetection,
            minimumHealthPercent: outlierDetection == nil ? other.minimumHealthPercent : minimumHealthPercent,
            connectionPool: connectionPool ?? other.connectionPool,
            security: security ?? other.security,
            retryBudget: retryBudget ?? other.retryBudget
        )
    }
}
