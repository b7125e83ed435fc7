// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Measures what the policies are to cost in terms of Tower's, of one thread and of the idiom, and prints a verdict.
///
/// Every ratio is one of CPU times, net of the leaf of each side, of samples that lie next to each other; scaling, which
/// is one of times that went by, excepted.
struct GoalReport: Sendable {
    let sampler: Sampler
    private let towerPath: String?

    init(_ sampler: Sampler, towerPath: String?) {
        self.sampler = sampler
        self.towerPath = towerPath
    }

    func run() async {
        // First: later the allocator has pages that others have given back, and the system sees nothing.
        printEndpoints()
        if let towerPath {
            guard let tower = TowerPeer(path: towerPath) else {
                print("\(towerPath) is not the program of Benchmarks/Peers/Tower")
                exit(1)
            }
            for comparison in await compare(with: tower) { print(comparison.lines) }
            print(
                "    allocations of one call, Tower: one owner \(tower.allocations("one-owner").text(1)), "
                    + "shareable \(tower.allocations("shareable").text(1)), "
                    + "clonable \(tower.allocations("clonable").text(1))"
            )
        } else {
            print("P1, P2, P5 and a part of L1 need the peer: --tower PATH")
        }
        for comparison in await scaling() + timeouts() + picks() { print(comparison.lines) }
        await printMemory()
        print("\nPublished, each on its author's machine:")
        for figure in PublishedFigure.all { print(figure.line) }
        fflush(nil)
    }

    // MARK: - Tower

    private static let ours = [
        "leaf/transport", "stack/policies", "stack/policies-small", "leaf/suspending", "stack/policies-suspending",
        "pick/least-request-10", "pick/least-request-1000",
    ]
    private static let towers = [
        "leaf", "one-owner", "shareable", "clonable", "suspending/leaf", "suspending/one-owner", "suspending/shareable",
        "balance",
    ]

    private func compare(with tower: TowerPeer) async -> [Comparison] {
        let own = OwnSamples(sampler, Self.ours)
        await own.prepare()
        var ratios: [String: [Double]] = [:]
        for _ in 0..<sampler.pairs {
            var (mine, theirs): ([String: Double], [String: Double]) = ([:], [:])
            for name in Self.ours { mine[name] = await own.sample(name).cpu }
            for name in Self.towers { theirs[name] = tower.sample(name, lasting: sampler.nanosecondsPerSample) }
            func net(_ figures: [String: Double], _ name: String, _ leaf: String) -> Double {
                figures[name, default: 0] - figures[leaf, default: 0]
            }
            let full = net(mine, "stack/policies", "leaf/transport")
            let small = net(mine, "stack/policies-small", "leaf/transport")
            let suspending = net(mine, "stack/policies-suspending", "leaf/suspending")
            ratios["P1a", default: []].append(full / net(theirs, "one-owner", "leaf"))
            ratios["P1b", default: []].append(full / net(theirs, "shareable", "leaf"))
            ratios["P2", default: []].append(small / net(theirs, "clonable", "leaf"))
            ratios["P5a", default: []].append(suspending / net(theirs, "suspending/one-owner", "suspending/leaf"))
            ratios["P5b", default: []].append(suspending / net(theirs, "suspending/shareable", "suspending/leaf"))
            let balance = net(theirs, "balance", "leaf")
            ratios["L1a", default: []].append(mine["pick/least-request-10", default: 0] / balance)
            ratios["L1b", default: []].append(mine["pick/least-request-1000", default: 0] / balance)
        }
        let goals = [
            ("P1a", "full stack / Tower's, one owner", 0.30), ("P1b", "full stack / Tower's, shareable", 0.12),
            ("P2", "retry, timeout, concurrency limit / Tower's", 0.60),
            ("P5a", "full stack, leaf suspends / Tower's, one owner", 0.50),
            ("P5b", "full stack, leaf suspends / Tower's, shareable", 0.50),
            ("L1a", "two choices of 10 endpoints / Tower's balance of 16", 0.05),
            ("L1b", "two choices of 1000 endpoints / Tower's balance of 16", 0.05),
        ]
        return goals.map { Comparison(goal: $0.0, subject: $0.1, bound: $0.2, pairs: ratios[$0.0] ?? []) }
    }

    // MARK: - Threads, timeouts, memory

    private func scaling() async -> [Comparison] {
        let names = ["stack/policies", "stack/policies/2-threads"]
        let own = OwnSamples(sampler, names)
        await own.prepare()
        var pairs: [Double] = []
        for _ in 0..<sampler.pairs {
            let alone = await own.sample(names[0]).wall
            pairs.append(await own.sample(names[1]).wall / alone)
        }
        return [
            Comparison(goal: "P6", subject: "time of a call of the full stack, 2 threads / 1", bound: 0.6, pairs: pairs)
        ]
    }

    private func timeouts() async -> [Comparison] {
        let names = ["leaf/transport", "policy/total-timeout", "leaf/operation", "policy/timeout-run", Self.idiom]
        let own = OwnSamples(sampler, names)
        await own.prepare()
        var (values, drivers): ([Double], [Double]) = ([], [])
        for _ in 0..<sampler.pairs {
            var cpu: [Double] = []
            for name in names { cpu.append(await own.sample(name).cpu) }
            values.append((cpu[1] - cpu[0]) / (cpu[4] - cpu[2]))
            drivers.append((cpu[3] - cpu[2]) / (cpu[4] - cpu[2]))
        }
        return [
            Comparison(goal: "P7", subject: "timeout as a deadline / task-group idiom", bound: 0.01, pairs: values),
            Comparison(goal: "P7", subject: "Timeout.run, which cancels / task-group idiom", bound: 1, pairs: drivers),
        ]
    }

    private static let idiom = "idiom/task-group-timeout"

    private func printMemory() async {
        let calls = sampler.pairs > 3 ? 1_000_000 : 100_000
        for name in ["policy/total-timeout", "policy/timeout-run"] {
            guard let body = Benchmark.named[name]?.prepare(),
                let growth = await ResidentMemory.growth(over: calls, body)
            else { continue }
            print("P7  resident memory after \(calls) calls under 30 s (\(name)): \(growth) KiB more")
        }
    }
}
