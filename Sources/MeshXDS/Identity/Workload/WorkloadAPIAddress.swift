// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Where the agent of the SPIFFE Workload API listens (SPIFFE Workload Endpoint, §4).
public struct WorkloadAPIAddress: Hashable, Sendable, CustomStringConvertible {
    /// The environment variable that says where, `SPIFFE_ENDPOINT_SOCKET`.
    public static let environmentVariable = "SPIFFE_ENDPOINT_SOCKET"

    /// The address.
    public let endpoint: EndpointAddress

    /// Reads an address: `unix:///path/to/agent.sock`, `unix:/path`, or `tcp://127.0.0.1:8000`.
    /// - Throws: `ConfigurationError` if it is none: another scheme, a path that does not begin at the root, a name in the
    ///   place of an IP address, no port, or a query, a fragment or a user.
    public init(_ text: String) throws(ConfigurationError) {
        func problem(_ message: String) -> ConfigurationError {
            ConfigurationError(path: Self.environmentVariable, message)
        }
        guard text.utf8.count <= 1024, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw problem("is no URI")
        }
        guard !text.utf8.contains(UInt8(ascii: "?")), !text.utf8.contains(UInt8(ascii: "#")) else {
            throw problem("has a query or a fragment")
        }
        if text.hasPrefix("unix:") {
            var path = text.dropFirst("unix:".count)
            if path.hasPrefix("//") { path = path.dropFirst(2) }
            guard path.hasPrefix("/"), path.count > 1 else { throw problem("needs a path from the root") }
            self.endpoint = EndpointAddress(unixSocketPath: String(path))
        } else if text.hasPrefix("tcp://") {
            let rest = text.dropFirst("tcp://".count)
            guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]), port > 0
            else {
                throw problem("needs a port")
            }
            var host = rest[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
            guard IPAddress(String(host)) != nil else { throw problem("needs an IP address") }
            self.endpoint = EndpointAddress(host: String(host), port: port)
        } else {
            throw problem("must begin with unix: or tcp:")
        }
    }

    /// The address that the environment says; `nil` if it says none.
    /// - Throws: `ConfigurationError` if it says something else.
    public static func fromEnvironment(
        _ environment: [String: String]
    ) throws(ConfigurationError) -> WorkloadAPIAddress? {
        guard let text = environment[environmentVariable], !text.isEmpty else { return nil }
        return try WorkloadAPIAddress(text)
    }

    /// The address for people.
    public var description: String { "\(endpoint)" }
}
