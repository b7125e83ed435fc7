// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// All that a run found.
struct Results: Codable {
    /// One variant, once.
    struct Measurement: Codable {
        var variant: Variant
        var cell: Cell
        var round: Int
        var report: LoadReport
    }

    /// What valgrind counted, a request.
    struct Count: Codable {
        var variant: Variant
        var concurrency: Int
        var instructions: Double
        var allocations: Double
    }

    struct Failure: Codable {
        var variant: Variant
        var cell: Cell
        var reason: String
    }

    var machine = Machine.current()
    var settings: Runner.Settings
    var measurements: [Measurement] = []
    var counts: [Count] = []
    /// The resident memory of a path's proxies, by the name of its variant.
    var proxyKiB: [String: Int] = [:]
    var failures: [Failure] = []
    var missing: [String] = []

    init(settings: Runner.Settings) {
        self.settings = settings
    }

    func hasFailed(_ variant: Variant, _ cell: Cell) -> Bool {
        failures.contains { $0.variant == variant && $0.cell == cell }
    }

    /// The cells with figures, in the order in which they were measured.
    var cells: [Cell] {
        Cell.all(settings.concurrencies).filter { cell in measurements.contains { $0.cell == cell } }
    }

    /// The variants with figures in a cell.
    func variants(_ cell: Cell) -> [Variant] {
        Variant.allCases.filter { variant in measurements.contains { $0.cell == cell && $0.variant == variant } }
    }

    /// The median over the rounds.
    func median(_ metric: Metric, _ variant: Variant, _ cell: Cell) -> Double? {
        Self.median(values(metric, variant, cell).map(\.value))
    }

    /// The median of the ratios of both, each pair from one round.
    func ratio(_ metric: Metric, _ variant: Variant, to peer: Variant, _ cell: Cell) -> Double? {
        if metric == .instructions || metric == .allocations {
            guard let own = median(metric, variant, cell), let other = median(metric, peer, cell), other > 0 else {
                return nil
            }
            return own / other
        }
        return Self.median(pairs(metric, variant, peer, cell).map { $0 / $1 })
    }

    /// What `variant` adds to `base`, in terms of what `proxied` adds to it.
    func addedRatio(_ metric: Metric, _ variant: Variant, base: Variant, proxied: Variant, _ cell: Cell) -> Double? {
        guard
            let added = Self.median(pairs(metric, variant, base, cell).map { $0 - $1 }),
            let byProxy = Self.median(pairs(metric, proxied, base, cell).map { $0 - $1 }), byProxy > 0
        else { return nil }
        return added / byProxy
    }

    private func pairs(_ metric: Metric, _ variant: Variant, _ peer: Variant, _ cell: Cell) -> [(Double, Double)] {
        let others = Dictionary(uniqueKeysWithValues: values(metric, peer, cell).map { ($0.round, $0.value) })
        return values(metric, variant, cell).compactMap { own in
            others[own.round].flatMap { $0 > 0 ? (own.value, $0) : nil }
        }
    }

    private func values(_ metric: Metric, _ variant: Variant, _ cell: Cell) -> [(round: Int, value: Double)] {
        if metric == .instructions || metric == .allocations {
            guard cell.size == .small else { return [] }
            return counts.filter { $0.variant == variant && $0.concurrency == cell.concurrency }
                .map { (0, metric == .instructions ? $0.instructions : $0.allocations) }
        }
        return measurements.filter { $0.variant == variant && $0.cell == cell }
            .map { ($0.round, metric.value(of: $0.report)) }
    }

    private static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
