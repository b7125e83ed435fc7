// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How far a listener believes `x-forwarded-for` about the address of the client
/// (`envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.use_remote_address`,
/// `xff_num_trusted_hops`).
public struct ForwardedFor: Hashable, Sendable {
    /// Whether whoever connects is a client or the last of the trusted proxies, who appends its caller's address; `false`
    /// for a proxy of ours that has appended it already.
    public var usesConnection: Bool
    /// How many proxies between the client and this process are trusted; the connection's other end counts as one of
    /// them where `usesConnection` is `false` or the number is not 0.
    public var trustedHops: UInt32

    /// The header counts for nothing: the client is who connects. What gRPC does (gRFC A41), and the default here.
    public static let connection = ForwardedFor(usesConnection: true, trustedHops: 0)
    /// The last address of the header is the client's. What Envoy does by default.
    public static let lastAddress = ForwardedFor(usesConnection: false, trustedHops: 0)

    /// Creates a rule.
    public init(usesConnection: Bool, trustedHops: UInt32) {
        self.usesConnection = usesConnection
        self.trustedHops = trustedHops
    }

    /// The client's address; the connection's other end where the header says none.
    public func client(of request: some RequestHead, connection: IPAddress?) -> IPAddress? {
        if usesConnection, trustedHops == 0 { return connection }
        guard let value = request.value(of: "x-forwarded-for") else { return connection }
        var skipped = usesConnection ? trustedHops - 1 : trustedHops
        var rest = value.utf8[...]
        while skipped > 0 {
            // A header that is shorter was not written by all of the trusted proxies.
            guard let comma = rest.lastIndex(of: UInt8(ascii: ",")) else { return connection }
            rest = rest[..<comma]
            skipped -= 1
        }
        if let comma = rest.lastIndex(of: UInt8(ascii: ",")) { rest = rest[rest.index(after: comma)...] }
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        while let first = rest.first, isBlank(first) { rest = rest.dropFirst() }
        while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
        return String(rest).flatMap { IPAddress($0) } ?? connection
    }
}
