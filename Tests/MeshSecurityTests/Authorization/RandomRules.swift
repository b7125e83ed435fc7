// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import MeshTesting

/// Seeded rules, peers and requests that often meet each other.
struct RandomRules {
    private var random: MeshRandom

    init(seed: UInt64) {
        random = MeshRandom(seed: seed)
    }

    mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    private static let paths = ["/", "/a", "/a/b", "/reviews/7", "/é"]
    private static let names = [
        "", "spiffe://td/ns/a/sa/x", "spiffe://td/ns/a/sa/y", "x.test", "y.test", "CN=x", "e\u{301}", "\u{e9}",
    ]
    private static let addresses = ["10.0.0.1", "10.1.0.1", "::1"].compactMap { IPAddress($0) }

    private mutating func text(_ values: [String]) -> StringMatcher {
        let value = pick(values)
        return switch below(6) {
        case 0: StringMatcher(.prefix(String(value.prefix(2))))
        case 1: StringMatcher(.suffix(String(value.suffix(2))))
        case 2: StringMatcher(.exact(value), ignoresCase: true)
        default: StringMatcher(.exact(value))
        }
    }

    private mutating func range() -> AddressRange {
        let address = pick(Self.addresses)
        return AddressRange(address, length: pick([0, 8, 16, address.bitCount]))
    }

    mutating func permission(depth: Int = 0) -> Permission {
        switch below(depth < 3 ? 9 : 6) {
        case 0: .any
        case 1, 2: .path(text(Self.paths))
        case 3: .header(HeaderMatcher("x", .value(text(["1", "2"]))))
        case 4: .destinationPort(UInt16(80 + below(2)))
        case 5: .serverName(text(["", "x.test"]))
        case 6: .all((0..<below(3)).map { _ in permission(depth: depth + 1) })
        case 7: .anyOf((0..<below(3)).map { _ in permission(depth: depth + 1) })
        default: .not(permission(depth: depth + 1))
        }
    }

    mutating func principal(depth: Int = 0) -> Principal {
        switch below(depth < 3 ? 10 : 7) {
        case 0: .any
        case 1, 2: .authenticated(chance(10) ? nil : text(Self.names))
        case 3: .identity(text(Self.names))
        case 4: .certificate(chance(20) ? nil : CertificateNameMatcher(pick([.uri, .dns]), text(Self.names)))
        case 5: .directRemote(range())
        case 6: .path(text(Self.paths))
        case 7: .all((0..<below(3)).map { _ in principal(depth: depth + 1) })
        case 8: .anyOf((0..<below(3)).map { _ in principal(depth: depth + 1) })
        default: .not(principal(depth: depth + 1))
        }
    }

    mutating func rules() -> AuthorizationRules {
        AuthorizationRules(
            action: pick(AuthorizationRules.Action.allCases),
            policies: (0..<below(20)).map { number in
                AuthorizationPolicy(
                    name: "\(below(100)) \(number)",
                    permissions: (0..<below(3)).map { _ in permission() },
                    principals: (0..<below(3)).map { _ in principal() },
                    denialMessage: chance(20) ? "no \(number)" : nil
                )
            }
        )
    }

    mutating func peer() -> AuthorizationPeer {
        let certificate = PeerCertificate(
            uriNames: (0..<below(3)).map { _ in pick(Self.names) },
            dnsNames: (0..<below(2)).map { _ in pick(Self.names) },
            subject: pick(Self.names),
            isValidated: chance(80)
        )
        return AuthorizationPeer(
            certificate: chance(70) ? certificate : nil,
            isSecured: chance(80),
            source: chance(90) ? pick(Self.addresses) : nil,
            destinationPort: UInt16(80 + below(2)),
            serverName: chance(50) ? "x.test" : nil
        )
    }

    mutating func request() -> InMemoryRequest {
        InMemoryRequest(
            path: pick(Self.paths) + (chance(30) ? "?q" : ""),
            headers: chance(50) ? [("x", pick(["1", "2"]))] : []
        )
    }
}
