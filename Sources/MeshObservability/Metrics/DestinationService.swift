// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The service that a cluster belongs to, in the terms of Istio's metrics.
struct DestinationService: Equatable {
    static let unknown = DestinationService(service: "unknown", name: "unknown", namespace: "unknown")

    /// The host (`reviews.default.svc.cluster.local`).
    var service: String
    /// Its first label (`reviews`).
    var name: String
    /// Its namespace, for a name of the form `service.namespace.svc…`.
    var namespace: String

    private init(service: String, name: String, namespace: String) {
        self.service = service
        self.name = name
        self.namespace = namespace
    }

    /// The service of a host name; an IP address is its own name.
    init(host: String) {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let isName = labels.count > 1 && !labels.allSatisfy { $0.utf8.allSatisfy(Self.isDigit) } && !host.contains(":")
        self.service = host
        self.name = isName ? String(labels[0]) : host
        self.namespace = isName && labels.count > 2 && labels[2] == "svc" ? String(labels[1]) : "unknown"
    }

    /// The service of a cluster: Istio names clusters `direction|port|subset|host`; other names stand for themselves.
    init(cluster: String?) {
        guard let cluster else {
            self = .unknown
            return
        }
        let parts = cluster.split(separator: "|", omittingEmptySubsequences: false)
        self.init(host: parts.count == 4 && !parts[3].isEmpty ? String(parts[3]) : cluster)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
