// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The part of a route table that knows neither the request's type nor what a route does: hosts and conditions.
///
/// It is compiled once; only the look at headers, which asks the request, is specialised in an adapter's module.
@usableFromInline
struct RouteIndex: Sendable {
    private let domains: DomainIndex
    private let matches: [[RouteMatch]]

    init(domains: DomainIndex, matches: [[RouteMatch]]) {
        self.domains = domains
        self.matches = matches
    }

    /// The virtual host of an authority.
    @usableFromInline
    func host(of authority: String) -> Int? {
        domains.host(of: authority)
    }

    /// The first route of a host, from a position on, whose path matches.
    @usableFromInline
    func firstRoute(of host: Int, from start: Int, path: String) -> Int? {
        var path = path
        return path.withUTF8 { bytes in
            let end = bytes.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? bytes.count
            let bare = UnsafeBufferPointer(rebasing: bytes[..<end])
            // Through a pointer the matches are borrowed; a loop over the array would retain each one's parts.
            return matches[host].withUnsafeBufferPointer { routes in
                var number = start
                while number < routes.count {
                    if routes[number].path.matches(bytes: bare) { return number }
                    number += 1
                }
                return nil
            }
        }
    }

    /// The conditions on headers of a route.
    @usableFromInline
    func headers(of host: Int, _ route: Int) -> [HeaderMatcher] {
        matches[host][route].headers
    }
}
