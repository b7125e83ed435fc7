// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOHTTP1

/// The head of a request that a server got, as the inbound stack reads it.
struct ReceivedHead: RequestHead, FieldListing {
    var head: HTTPRequest
    /// Whether it came by HTTP/2.
    let isHTTP2: Bool

    /// - Returns: `nil` for a request that RFC 9112 §3.2 wants refused with a 400: without a target of a known form, or
    ///   with no host or several.
    init?(_ received: HTTPRequestHead, isSecure: Bool) {
        guard let method = HTTPRequest.Method(received.method.rawValue), method != .connect else { return nil }
        let hosts = received.headers["host"]
        guard hosts.count == 1 || (hosts.isEmpty && received.version != .http1_1) else { return nil }
        var authority = hosts.first
        var path = received.uri
        if path.utf8.first != UInt8(ascii: "/"), path != "*" {
            // The absolute form, which every server has to take (RFC 9112 §3.2.2); its authority replaces the host's.
            guard let start = path.range(ofScheme: ["http://", "https://"]) else { return nil }
            let end = path.utf8[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
            authority = String(path[start..<(end ?? path.endIndex)])
            let rest = path[(end ?? path.endIndex)...]
            path = rest.utf8.first == UInt8(ascii: "/") ? String(rest) : "/\(rest)"
        }
        var fields = HTTPFields()
        fields.reserveCapacity(received.headers.count)
        for (name, value) in received.headers {
            guard let name = HTTPField.Name(name) else { continue }
            switch name.canonicalName {
            case "host", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade": break
            default: fields.append(HTTPField(name: name, value: value))
            }
        }
        self.isHTTP2 = received.version.major > 1
        self.head = HTTPRequest(
            method: method,
            scheme: isSecure ? "https" : "http",
            authority: authority,
            path: path,
            headerFields: fields
        )
    }

    var method: String { head.method.rawValue }
    /// Whether it came by TLS.
    var isSecure: Bool { head.scheme == "https" }
    var scheme: String? { head.scheme }
    var authority: String? {
        get { head.authority }
        set { head.authority = newValue }
    }
    var path: String {
        get { head.path ?? "/" }
        set { head.path = newValue }
    }
    var listedFields: [(name: String, value: String)] {
        head.headerFields.map { ($0.name.canonicalName, $0.value) }
    }
    /// Nobody sends a request again that was served.
    var isReplayable: Bool { false }

    func value(of name: HeaderName) -> String? {
        var found: String?
        for field in head.headerFields where field.name.canonicalName == name.lowercased {
            found = found.map { "\($0),\(field.value)" } ?? field.value
        }
        return found
    }

    func values(of name: HeaderName) -> [String] {
        head.headerFields.values(of: name.lowercased)
    }

    func hasValue(of name: HeaderName, where condition: (String) -> Bool) -> Bool {
        head.headerFields.contains { $0.name.canonicalName == name.lowercased && condition($0.value) }
    }

    mutating func setValue(_ value: String, for name: HeaderName) {
        guard let name = HTTPField.Name(name.lowercased) else { return }
        head.headerFields[name] = value
    }

    mutating func appendValue(_ value: String, for name: HeaderName) {
        guard let name = HTTPField.Name(name.lowercased) else { return }
        head.headerFields.append(HTTPField(name: name, value: value))
    }

    mutating func removeValues(of name: HeaderName) {
        guard let name = HTTPField.Name(name.lowercased) else { return }
        head.headerFields[name] = nil
    }
}

extension String {
    /// Where the authority begins, if the string begins with one of these.
    fileprivate func range(ofScheme prefixes: [String]) -> String.Index? {
        for prefix in prefixes where self.prefix(prefix.count).lowercased() == prefix {
            return index(startIndex, offsetBy: prefix.count)
        }
        return nil
    }
}

extension HTTPFields {
    /// The fields behind a body.
    init(trailers: HTTPHeaders) {
        self.init()
        for (name, value) in trailers {
            guard let name = HTTPField.Name(name) else { continue }
            append(HTTPField(name: name, value: value))
        }
    }
}
