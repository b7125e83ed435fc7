// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import ServiceMesh

/// The request of `meshctl explain`: `GET http://host/path` and header fields as `name: value`.
struct ExplainRequest: Equatable {
    /// The head.
    var head: PreviewedRequest

    /// Reads the request line and header fields.
    /// - Throws: What is wrong with them.
    init(_ line: String, headers: [String]) throws(InputError) {
        let words = line.split(separator: " ")
        let (method, target) = words.count == 1 ? ("GET", words[0]) : (String(words.first ?? ""), words.last ?? "")
        guard (1...2).contains(words.count), HeaderName(method).isValid else {
            throw InputError("the request must be a method and a URL, such as \"GET http://host/path\", is \"\(line)\"")
        }
        let separator = target.firstRange(of: "://")
        let scheme = separator.map { target[..<$0.lowerBound].lowercased() } ?? "http"
        guard scheme == "http" || scheme == "https" else {
            throw InputError("the scheme must be http or https, is \(scheme)")
        }
        let rest = separator.map { target[$0.upperBound...] } ?? target
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        guard end != rest.startIndex else { throw InputError("the request names no host: \"\(line)\"") }
        let path = rest[end...]
        var head = PreviewedRequest(
            method: method,
            scheme: scheme,
            authority: String(rest[..<end]),
            path: path.hasPrefix("/") ? String(path) : "/" + path
        )
        for header in headers {
            let parts = header.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, HeaderName(String(parts[0])).isValid else {
                throw InputError("a header field must be \"name: value\", is \"\(header)\"")
            }
            let name = HeaderName(String(parts[0]))
            let value = String(parts[1].drop { $0 == " " || $0 == "\t" })
            if name == "host" { head.authority = value } else { head.appendValue(value, for: name) }
        }
        self.head = head
    }
}
