// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension ReferenceChecker {
    /// Settings of HTTP/2 for services to which HTTP/1.1 is spoken.
    mutating func checkConnectionPools() {
        for policy in model.hostPolicies {
            guard let service = directory.service(policy.host.value) else { continue }
            for (port, pool) in policy.connectionPools {
                guard let position = pool.http2Position, !pool.upgradesToHTTP2 else { continue }
                let ports = port.map { [$0] } ?? service.ports
                guard !ports.contains(where: { service.speaksHTTP2(at: $0) }) else { continue }
                report(
                    .warning,
                    .noEffect,
                    at: position,
                    "HTTP/1.1 is spoken to \(service.host), so that settings of HTTP/2 have no effect; name a port "
                        + "http2 or grpc, or set h2UpgradePolicy: UPGRADE"
                )
            }
        }
    }
}

extension HostPolicy {
    /// The connection pools of the whole and of the subsets, each with the port that it is for; `nil` for all.
    fileprivate var connectionPools: [(port: UInt16?, pool: TrafficPolicy.ConnectionPool)] {
        ([policy] + subsets.map(\.policy)).flatMap { policy -> [(UInt16?, TrafficPolicy.ConnectionPool)] in
            let ports = policy.ports.sorted { $0.key < $1.key }.map { (Optional($0.key), $0.value.connectionPool) }
            return ([(nil, policy.connectionPool)] + ports).compactMap { port, pool in pool.map { (port, $0) } }
        }
    }
}
