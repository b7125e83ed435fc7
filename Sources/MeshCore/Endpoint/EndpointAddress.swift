// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Where an endpoint listens.
public struct EndpointAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IP address or a host name; the path of a Unix domain socket when `port` is `nil`.
    public var host: String
    /// The TCP port, 1 to 65535; `nil` for a Unix domain socket.
    public var port: UInt16?

    /// Creates the address of a TCP endpoint.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Creates the address of a Unix domain socket.
    public init(unixSocketPath: String) {
        self.host = unixSocketPath
        self.port = nil
    }

    /// Parses `host:port`, with an IPv6 address in brackets; without a port, `defaultPort` is taken.
    /// - Returns: `nil` if the host is empty or the port no number from 1 to 65535.
    public init?(authority: String, defaultPort: UInt16? = nil) {
        var host = authority[...]
        var port = defaultPort
        if host.utf8.first == UInt8(ascii: "[") {
            guard let close = host.utf8.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let rest = host[host.index(after: close)...]
            host = host[host.index(after: host.startIndex)..<close]
            if !rest.isEmpty {
                guard rest.utf8.first == UInt8(ascii: ":"), let number = Self.port(rest.dropFirst()) else { return nil }
                port = number
            }
        } else if let colon = host.utf8.lastIndex(of: UInt8(ascii: ":")) {
            guard let number = Self.port(host[host.index(after: colon)...]) else { return nil }
            port = number
            host = host[..<colon]
            guard !host.utf8.contains(UInt8(ascii: ":")) else { return nil }
        }
        guard !host.isEmpty, let port, port > 0 else { return nil }
        self.init(host: String(host), port: port)
    }

    /// Digits only: `UInt16` itself would take a sign.
    private static func port(_ text: Substring) -> UInt16? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt16(text) : nil
    }

    /// `host:port`, IPv6 addresses in brackets; a Unix socket as `unix:PATH`.
    public var description: String {
        guard let port else { return "unix:\(host)" }
        return host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
