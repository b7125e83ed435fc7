// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// One instance of a service, as it describes itself; valid once `validate` has passed.
struct Registration: Hashable, Sendable {
    /// Whether an instance takes new requests.
    enum State: String, Hashable, Sendable, Codable, CaseIterable {
        /// It does.
        case serving
        /// It finishes what it has, and wants no more.
        case draining
    }

    var id: String
    var service: String
    var namespace: String
    var address: String
    var port: UInt16
    var servicePort: UInt16
    var labels: [String: String]
    var serviceAccount: String
    var protocolName: String
    var speaksMutualTLS: Bool
    /// Where it runs, as `region/zone/subzone`; empty if it does not say so.
    var locality = ""
    /// Its part of the requests; at least 1.
    var weight: UInt32 = 1
    var state = State.serving

    /// The most labels of an instance.
    static let maximumLabels = 64

    /// Where it can be reached.
    var endpoint: EndpointAddress { EndpointAddress(host: address, port: port) }

    /// Checks every field.
    /// - Throws: `ConfigurationError` with every problem.
    func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        NameRules.identifier.check(id, "id", &problems)
        NameRules.label.check(service, "service", &problems)
        NameRules.label.check(namespace, "namespace", &problems)
        NameRules.subdomain.check(serviceAccount, "serviceAccount", &problems)
        NameRules.label.check(protocolName, "protocol", &problems)
        problems.require(
            (1...253).contains(address.utf8.count) && address.utf8.allSatisfy(Self.isAddressByte),
            "address",
            "must be an IP address or a host name of 1 to 253 characters"
        )
        problems.require(port > 0, "port", "must be from 1 to 65535")
        problems.require(servicePort > 0, "servicePort", "must be from 1 to 65535")
        let places = locality.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        problems.require(
            locality.isEmpty || places.count <= 3 && places.allSatisfy(NameRules.labelValue.accepts),
            "locality",
            "must be region/zone/subzone, of which the last ones may be left out, each \(NameRules.labelValue.text)"
        )
        problems.require(weight > 0, "weight", "must be from 1 to 4294967295")
        problems.require(
            labels.count <= Self.maximumLabels,
            "labels",
            "there are \(labels.count), more than \(Self.maximumLabels)"
        )
        for (key, value) in labels.sorted(by: { $0.key < $1.key }).prefix(Self.maximumLabels) {
            NameRules.labelKey.check(key, "labels.\(key.prefix(64))", &problems)
            if !value.isEmpty { NameRules.labelValue.check(value, "labels.\(key.prefix(64))", &problems) }
        }
        try problems.throwIfAny()
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "%"):
            true
        default: false
        }
    }
}
