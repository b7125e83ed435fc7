// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import HTTPTypes
public import MeshCore

extension HTTPRequest {
    /// Creates a request to an absolute URL, without Foundation.
    ///
    /// The fragment is left out, as RFC 9110 §4.2.5 has it; user information is refused, as a secret that would end in
    /// logs.
    /// - Parameter url: `http://` or `https://`, an authority, and perhaps a path and a query.
    /// - Throws: `MeshError` with code `invalidRequest` if it is anything else.
    public init(
        _ method: Method,
        absolute url: String,
        headerFields: HTTPFields = [:]
    ) throws(MeshError) {
        let scheme: String
        var rest: Substring
        if let after = url.afterPrefix("http://") {
            (scheme, rest) = ("http", after)
        } else if let after = url.afterPrefix("https://") {
            (scheme, rest) = ("https", after)
        } else {
            throw MeshError(.invalidRequest, origin: .downstream, message: "\"\(url)\" is no http or https URL")
        }
        if let fragment = rest.utf8.firstIndex(of: UInt8(ascii: "#")) { rest = rest[..<fragment] }
        let end = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = String(rest[..<end])
        // RFC 9112 §3.2.1: an empty path is sent as "/".
        let path =
            end == rest.endIndex || rest.utf8[end] == UInt8(ascii: "?") ? "/\(rest[end...])" : String(rest[end...])
        guard
            RequestTarget.isValid(authority: authority),
            RequestTarget.isValid(path: path, allowsAsterisk: false)
        else {
            throw MeshError(.invalidRequest, origin: .downstream, message: "\"\(url)\" is no valid URL")
        }
        self.init(method: method, scheme: scheme, authority: authority, path: path, headerFields: headerFields)
    }
}

extension String {
    /// What follows a prefix, whose ASCII letters may be of any case.
    fileprivate func afterPrefix(_ prefix: String) -> Substring? {
        guard utf8.count >= prefix.utf8.count else { return nil }
        let end = utf8.index(startIndex, offsetBy: prefix.utf8.count)
        return self[..<end].lowercased() == prefix ? self[end...] : nil
    }
}
