// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What came of many requests that are all alike.
struct JobSummary: Encodable, Sendable {
    var id: String?
    var count = 0
    /// How many ended with each status, or each error's code.
    var outcomes: [String: Int] = [:]
    /// How many bodies there were of each length and checksum, as `LENGTH/CRC`.
    var bodies: [String: Int] = [:]
    /// The first few failures.
    var failures: [JobResult] = []
    var p50: Double = 0
    var p99: Double = 0
    var longest: Double = 0
    var milliseconds: Double = 0
    private var durations: [Double] = []

    private enum CodingKeys: String, CodingKey {
        case id, count, outcomes, bodies, failures, p50, p99, longest, milliseconds
    }

    init(id: String?) {
        self.id = id
    }

    mutating func add(_ result: JobResult) {
        count += 1
        outcomes[result.error ?? result.status.map(String.init) ?? "nothing", default: 0] += 1
        if result.error == nil, let length = result.length, let checksum = result.checksum {
            bodies["\(length)/\(checksum)", default: 0] += 1
        }
        if result.error != nil || (result.status ?? 0) >= 400, failures.count < 5 { failures.append(result) }
        durations.append(result.milliseconds)
    }

    mutating func close(after milliseconds: Double) {
        self.milliseconds = milliseconds
        durations.sort()
        guard let last = durations.last else { return }
        p50 = durations[durations.count / 2]
        p99 = durations[min(durations.count - 1, durations.count * 99 / 100)]
        longest = last
    }
}
