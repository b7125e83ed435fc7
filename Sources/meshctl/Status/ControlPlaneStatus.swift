// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a control plane answers at `/v1/status`.
struct ControlPlaneStatus: Codable, Equatable {
    /// A client of its xDS server.
    struct Client: Codable, Equatable {
        var stream: UInt64
        var node: String
        var userAgent: String
        var userAgentVersion: String?
        var isIncremental: Bool
        /// The version that it is served, and the one that it has taken all of.
        var served: String?
        var applied: String?
        var types: [ResourceType]
        /// What it is told otherwise than the manifests say, or not at all.
        var translations: [String]
        /// The fields that have no effect in it, as it says itself.
        var ignoredFields: [String]
    }

    /// How far a client is with one type of resource.
    struct ResourceType: Codable, Equatable {
        var type: String
        var resources: Int
        var acknowledged: String?
        var rejected: String?
        var reason: String?
    }

    var version: String?
    var instances: Int
    var isWarming: Bool
    var clients: [Client]

    /// Whether every client has taken all that it is served.
    var isApplied: Bool { clients.allSatisfy(\.isUpToDate) }

    /// The status for people.
    var lines: [String] {
        let warming = isWarming ? ", warming up" : ""
        let served = version.map { "version \($0.printable)" } ?? "no version yet"
        let counts = "\(Self.count(instances, "instance")), \(Self.count(clients.count, "client"))"
        return ["\(served)\(warming), \(counts)"] + clients.flatMap(\.lines)
    }

    private static func count(_ number: Int, _ what: String) -> String {
        number == 1 ? "1 \(what)" : "\(number) \(what)s"
    }
}

extension ControlPlaneStatus.Client {
    /// Whether it has taken all that it is served.
    var isUpToDate: Bool { served != nil && applied == served && types.allSatisfy { $0.rejected == nil } }

    fileprivate var lines: [String] {
        let agent = ([userAgent] + (userAgentVersion.map { [$0] } ?? [])).joined(separator: " ")
        let form = isIncremental ? "incremental" : "state of the world"
        let has = applied.map { "has \($0)" } ?? "has nothing whole yet"
        let behind = applied == served ? "" : ", is served \(served ?? "nothing")"
        return ["\(node) (\(agent), \(form)): \(has)\(behind)".printable]
            + types.map { "  \($0.line)" }
            + translations.map { "  degraded  \($0.printable)" }
            + ignoredFields.map { "  ignored   \($0.printable)" }
    }
}

extension ControlPlaneStatus.ResourceType {
    fileprivate var line: String {
        let name = type.split(separator: ".").last.map(String.init) ?? type
        let taken = acknowledged.map { "acknowledged \($0)" } ?? "nothing acknowledged"
        let refusal = rejected.map { ", refused \($0): \(reason ?? "without a reason")" } ?? ""
        return "\(name): \(resources) sent, \(taken)\(refusal)".printable
    }
}
