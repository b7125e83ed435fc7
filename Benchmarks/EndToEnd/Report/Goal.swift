// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Something that the mesh promises, in terms of a peer in the same run.
struct Goal {
    enum Comparison {
        /// The variant's figure divided by the peer's.
        case ratio(Metric, Variant, to: Variant)
        /// What the variant adds to a base, divided by what proxies add to it.
        case added(Metric, Variant, base: Variant, proxied: Variant)
    }

    enum Bound {
        case atMost(Double)
        case atLeast(Double)

        func isMet(by value: Double) -> Bool {
            switch self {
            case .atMost(let limit): value <= limit
            case .atLeast(let limit): value >= limit
            }
        }

        var limit: Double {
            switch self {
            case .atMost(let limit), .atLeast(let limit): limit
            }
        }

        var text: String {
            switch self {
            case .atMost(let limit): "≤ \(limit)"
            case .atLeast(let limit): "≥ \(limit)"
            }
        }
    }

    /// What was found; `nil` where nothing was.
    struct Verdict {
        var measured: Double?
        /// The ratio of instructions, where the measured one is too close to the bound to decide.
        var instructions: Double?
        var isMet: Bool?

        var text: String { isMet.map { $0 ? "met" : "**missed**" } ?? "not measured" }
    }

    var name: String
    var comparison: Comparison
    var concurrency: Int
    var bound: Bound

    func verdict(_ results: Results) -> Verdict {
        let cell = Cell(size: .small, concurrency: concurrency)
        switch comparison {
        case .added(let metric, let variant, let base, let proxied):
            let value = results.addedRatio(metric, variant, base: base, proxied: proxied, cell)
            return Verdict(measured: value, isMet: value.map(bound.isMet))
        case .ratio(let metric, let variant, let peer):
            guard let value = results.ratio(metric, variant, to: peer, cell) else { return Verdict() }
            // Times on a shared machine are not exact enough to decide what is within 5%.
            if abs(value / bound.limit - 1) <= 0.05,
                let exact = instructions(in: metric, results.ratio(.instructions, variant, to: peer, cell))
            {
                return Verdict(measured: value, instructions: exact, isMet: bound.isMet(by: exact))
            }
            return Verdict(measured: value, isMet: bound.isMet(by: value))
        }
    }

    /// The ratio of instructions in the sense of a metric; `nil` for those that do not follow from it.
    private func instructions(in metric: Metric, _ ratio: Double?) -> Double? {
        switch metric {
        case .clientCPU: ratio
        case .throughput: ratio.map { 1 / $0 }
        default: nil
        }
    }

    /// What is compared, in words.
    var subject: String {
        switch comparison {
        case .ratio(let metric, let variant, let peer): "\(metric.rawValue): `\(variant.rawValue)` / `\(peer.rawValue)`"
        case .added(let metric, let variant, let base, let proxied):
            "\(metric.rawValue) added to `\(base.rawValue)`: by `\(variant.rawValue)` / by `\(proxied.rawValue)`"
        }
    }
}
