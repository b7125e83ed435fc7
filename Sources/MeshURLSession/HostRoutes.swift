// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Which hosts are whose: names, and suffixes behind `*.`.
struct HostRoutes<Destination: Sendable>: Sendable {
    private var names: [String: Destination] = [:]
    private var suffixes: [String: Destination] = [:]

    mutating func add(_ destination: Destination, for hosts: [String]) {
        for host in hosts { set(destination, for: host) }
    }

    mutating func remove(_ hosts: [String]) {
        for host in hosts { set(nil, for: host) }
    }

    private mutating func set(_ destination: Destination?, for host: String) {
        let host = host.lowercased()
        if host.hasPrefix("*.") {
            suffixes[String(host.dropFirst())] = destination
        } else {
            names[host] = destination
        }
    }

    /// Where requests to a host go; a name comes before a suffix, a longer suffix before a shorter one.
    subscript(host: String) -> Destination? {
        let host = host.lowercased()
        if let destination = names[host] { return destination }
        guard !suffixes.isEmpty else { return nil }
        var rest = host[...]
        while let dot = rest.dropFirst().firstIndex(of: ".") {
            rest = rest[dot...]
            if let destination = suffixes[String(rest)] { return destination }
        }
        return nil
    }
}
