// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a port speaks, as far as the mesh has to know.
enum ProtocolName {
    /// Whether requests of a protocol can be routed one by one; letters have no case.
    static func servesHTTP(_ name: String) -> Bool {
        switch name.lowercased() {
        case "http", "http1", "kubernetes.io/ws": true
        default: speaksHTTP2(name)
        }
    }

    /// Whether a protocol is one of HTTP/2, as Istio sees it; letters have no case.
    static func speaksHTTP2(_ name: String) -> Bool {
        switch name.lowercased() {
        case "http2", "h2c", "kubernetes.io/h2c", "grpc", "grpc-web": true
        default: false
        }
    }
}

extension String {
    /// The protocol in Kubernetes' names of ports: `http` of `http-web`; `nil` if it names none that is known.
    var portNamePrefix: String? {
        let prefix = split(separator: "-", maxSplits: 1).first.map(String.init) ?? self
        let known: Set = ["http", "http2", "grpc", "https", "tls", "tcp", "udp", "mongo", "redis", "mysql"]
        return known.contains(prefix.lowercased()) ? prefix : nil
    }
}
