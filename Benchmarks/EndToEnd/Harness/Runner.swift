// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// Measures every variant in every cell, in rounds.
///
/// In a round all variants of a cell follow each other, so that what disturbs one disturbs its peers; each round begins
/// with another variant, and every other one goes backwards, so that none is always first after a sidecar.
struct Runner {
    struct Settings: Codable {
        var variants: [Variant]
        var concurrencies = [1, 16, 64]
        var rounds = 5
        var warmUp = 0.3
        var seconds = 1.0
        var countsInstructions = true
    }

    let settings: Settings

    func run() throws -> Results {
        let bed = try TestBed(for: settings.variants)
        defer { bed.stop() }
        var results = Results(settings: settings)
        for variant in settings.variants {
            if let reason = bed.missing[variant] { results.missing.append("\(variant.rawValue): \(reason)") }
        }
        let variants = settings.variants.filter { bed.missing[$0] == nil }
        for round in 0..<settings.rounds {
            for cell in Cell.all(settings.concurrencies) {
                for variant in Self.order(variants.filter(cell.contains), round) where !results.hasFailed(variant, cell)
                {
                    do {
                        let report = try measure(variant, cell, bed.target(variant))
                        results.measurements.append(.init(variant: variant, cell: cell, round: round, report: report))
                    } catch {
                        results.failures.append(.init(variant: variant, cell: cell, reason: "\(error)"))
                    }
                }
            }
            print("round \(round + 1) of \(settings.rounds) is over")
            fflush(nil)
        }
        if settings.countsInstructions { count(variants, bed, &results) }
        for variant in variants where variant.path != .direct {
            results.proxyKiB[variant.rawValue] = bed.target(variant).proxies.reduce(0) {
                $0 + ProcessFigures.residentKiB(of: $1)
            }
        }
        return results
    }

    private func measure(_ variant: Variant, _ cell: Cell, _ target: TestBed.Target) throws -> LoadReport {
        let watched = ([target.server] + target.proxies).map { "\($0)" }
        let child = try ChildProcess.own(
            LoadCommand.arguments(variant, cell, target)
                + ["--warm-up", "\(settings.warmUp)", "--seconds", "\(settings.seconds)", "--watch"] + watched
        )
        let output = try child.readToEnd(limit: settings.warmUp + settings.seconds + 30)
        return try LoadReport(json: output.split(separator: "\n").last.map { String($0) } ?? "")
    }

    private func count(_ variants: [Variant], _ bed: TestBed, _ results: inout Results) {
        guard let counter = InstructionCounter() else {
            results.missing.append("instructions: no valgrind that works here")
            return
        }
        defer { counter.removeCopy() }
        for concurrency in settings.concurrencies {
            for variant in variants where variant.isCounted {
                let cell = Cell(size: .small, concurrency: concurrency)
                guard !results.hasFailed(variant, cell) else { continue }
                let arguments = LoadCommand.arguments(variant, cell, bed.target(variant))
                if let count = counter.count(arguments) {
                    results.counts.append(
                        .init(
                            variant: variant,
                            concurrency: concurrency,
                            instructions: count.instructions,
                            allocations: count.allocations
                        )
                    )
                }
            }
        }
    }

    private static func order(_ variants: [Variant], _ round: Int) -> [Variant] {
        guard !variants.isEmpty else { return [] }
        let shift = round * 3 % variants.count
        let rotated = Array(variants[shift...] + variants[..<shift])
        return round % 2 == 0 ? rotated : rotated.reversed()
    }
}
