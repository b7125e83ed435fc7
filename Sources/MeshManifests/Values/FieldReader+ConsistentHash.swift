// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import MeshRouting

/// A `ConsistentHashLB` of a DestinationRule: what is hashed, and who picks by it.
struct ConsistentHash {
    /// `nil` where nothing is hashed.
    var policy: HashPolicy?
    var balancing: TrafficPolicy.Balancing
}

extension FieldReader {
    /// A `ConsistentHashLB`; a ring by default.
    mutating func consistentHash() -> ConsistentHash? {
        let policy = hashPolicy()
        return ConsistentHash(policy: policy, balancing: hashAlgorithm())
    }

    private mutating func hashPolicy() -> HashPolicy? {
        let header = requiredTextIfPresent("httpHeaderName")
        let cookie = mapping("httpCookie") { $0.cookieSource() }
        let usesAddress = boolean("useSourceIp")
        let parameter = requiredTextIfPresent("httpQueryParameterName")
        switch oneOf(["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"], of: "a hash") {
        case "httpHeaderName":
            guard let header else { return nil }
            let name = HeaderName(header.value)
            guard name.isValid else {
                context.error(.invalidValue, at: header.position, "\(header.value) is no name of a header")
                return nil
            }
            return HashPolicy(.header(name, rewrite: nil))
        case "httpCookie": return cookie.map { HashPolicy(.cookie($0)) }
        case "useSourceIp":
            if usesAddress == false {
                context.warning(
                    .noEffect,
                    at: keyPosition("useSourceIp"),
                    "nothing is hashed where useSourceIp is false"
                )
            }
            return usesAddress == true ? HashPolicy(.sourceAddress) : nil
        case "httpQueryParameterName": return parameter.map { HashPolicy(.queryParameter($0.value)) }
        default:
            let fields = "httpHeaderName, httpCookie, useSourceIp or httpQueryParameterName"
            context.error(.missingField, at: position, "a hash needs \(fields)")
            return nil
        }
    }

    private mutating func requiredTextIfPresent(_ name: String) -> Located<String>? {
        value(name) == nil ? nil : requiredText(name)
    }

    private mutating func cookieSource() -> HashPolicy.CookieSource? {
        let name = requiredText("name")
        let path = text("path")
        let lifetime = duration("ttl", atMost: .seconds(31_536_000), allowsZero: true)
        let attributes = mappings("attributes") { fields -> HashPolicy.CookieSource.Attribute? in
            let name = fields.requiredText("name")
            let value = fields.text("value")
            return name.map { HashPolicy.CookieSource.Attribute($0.value, value?.value ?? "") }
        }
        if Set(attributes.map(\.name)).count < attributes.count {
            context.error(.conflictingFields, at: keyPosition("attributes"), "a cookie has each attribute once")
        }
        guard let name else { return nil }
        return HashPolicy.CookieSource(
            name.value,
            lifetime: lifetime?.value,
            path: path?.value ?? "",
            attributes: attributes
        )
    }

    private mutating func hashAlgorithm() -> TrafficPolicy.Balancing {
        // 0 stands for the usual number.
        let sizes = 0...Int(RingHash.greatestSize)
        let older = integer("minimumRingSize", in: sizes)
        if older != nil {
            context.report(
                .deprecation,
                .deprecatedField,
                at: keyPosition("minimumRingSize"),
                "minimumRingSize is deprecated; its successor is ringHash.minimumRingSize"
            )
        }
        let size = mapping("ringHash") { $0.integer("minimumRingSize", in: sizes)?.value }
        let table = mapping("maglev") { $0.maglevTableSize() }
        switch oneOf(["minimumRingSize", "ringHash", "maglev"], of: "a hash") {
        case "maglev": return .maglev(tableSize: table.map { UInt64($0) })
        default:
            let size = size ?? older?.value ?? 0
            return .ringHash(minimumSize: size == 0 ? nil : UInt64(size))
        }
    }

    private mutating func maglevTableSize() -> Int? {
        if !has("tableSize") { reportMissing("tableSize") }
        guard let size = integer("tableSize", in: 2...Int(Maglev.greatestSize)) else { return nil }
        guard size.value.isPrime else {
            context.error(.invalidValue, at: size.position, "tableSize must be a prime number")
            return nil
        }
        return size.value
    }
}

extension Int {
    /// Whether it is a prime number, for numbers up to a few million.
    fileprivate var isPrime: Bool {
        guard self > 3 else { return self > 1 }
        return sequence(first: 2) { $0 + 1 }.prefix { $0 * $0 <= self }.allSatisfy { self % $0 != 0 }
    }
}
