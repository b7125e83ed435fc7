// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Who answered calls.
struct Tally: CustomStringConvertible {
    private(set) var servers: [String: Int] = [:]
    private(set) var versions: [String: Int] = [:]
    var failures = 0

    mutating func count(_ reply: Greeter_V1_HelloReply) {
        servers[reply.server, default: 0] += 1
        versions[reply.version, default: 0] += 1
    }

    /// Whether a version answered a share of the calls.
    func share(of version: String, isWithin range: ClosedRange<Double>) -> Bool {
        let all = versions.values.reduce(failures, +)
        return all > 0 && range.contains(Double(versions[version] ?? 0) / Double(all))
    }

    var description: String {
        let texts = servers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return (texts + (failures > 0 ? ["failed: \(failures)"] : [])).joined(separator: ", ")
    }
}
