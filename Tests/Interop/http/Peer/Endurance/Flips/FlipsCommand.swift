// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshConfig
import MeshCore
import MeshHTTP
import MeshObservability
import MeshResilience
import MeshXDS
import ServiceMesh

/// A control plane flips a route from one new cluster to the next, and takes the old one away in the same push, while
/// requests run: none may see a route whose cluster is missing, and nothing of what is gone may stay behind.
struct FlipsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flips",
        abstract: "Flips a route between clusters that come and go, over xDS and under load."
    )

    @Option(help: "How many flips there are, in each form of the protocol.")
    var flips = 1000

    @Option(help: "How many callers there are at once.")
    var callers = 8

    /// After each part it is waited until everything of it is forgotten; what one leaves behind shows in the next.
    private static let parts = 3

    func validate() throws {
        guard (30...1_000_000).contains(flips) else { throw ValidationError("--flips must be from 30 to 1000000") }
        guard (1...1000).contains(callers) else { throw ValidationError("--callers must be from 1 to 1000") }
    }

    func run() async throws {
        var verdicts = Verdicts()
        for variant in XDSVariant.allCases {
            let form = variant == .delta ? "incremental" : "state of the world"
            print("\(flips) flips, \(form)")
            try await FlipStage.running(variant, callers: callers) { stage, world in
                try await flip(stage, world, form, &verdicts)
            }
        }
        try verdicts.conclude()
    }

    private func flip(_ stage: FlipStage, _ world: FlipWorld, _ form: String, _ verdicts: inout Verdicts) async throws {
        let log = stage.log
        var effects: [Nanoseconds] = []
        var memory: [Int] = []
        var next = 1
        for part in 1...Self.parts {
            while next <= flips * part / Self.parts {
                // Every tenth time the next pushes come before anybody has seen this one.
                let last = min(next % 10 == 0 ? next + 3 : next, flips)
                for number in next..<last { try stage.publish(world.resources(number)) }
                log.pushing(FlipWorld.cluster(last))
                try stage.publish(world.resources(last))
                guard let effect = try await stage.waited(for: { log.effect }) else {
                    verdicts.check("\(form): flip \(last) has an effect within five minutes", false)
                    return
                }
                effects.append(effect)
                next = last + 1
            }
            let isForgotten = try await stage.waited(for: { stage.remains.isEmpty ? true : nil }) ?? false
            verdicts.check(
                "\(form): part \(part): what is gone is forgotten: resources, clusters, pools",
                isForgotten,
                "\(stage.remains)"
            )
            // Metrics go with the last connection, what a request counts after it with the next change of clusters: left
            // are those of this cluster and of what ended beside the change, each as a cluster and as a service.
            log.pushing(FlipWorld.cluster(flips + part))
            try stage.publish(world.resources(flips + part))
            let isCounted = try await stage.waited(for: { log.effect != nil && stage.counted.count <= 6 ? true : nil })
            verdicts.check(
                "\(form): part \(part): what was counted of it is forgotten, too",
                isCounted == true,
                "\(stage.counted.sorted().prefix(20))"
            )
            memory.append(ProcessFigures.current().residentKB ?? 0)
        }
        effects.sort()
        let (median, late) = (effects[effects.count / 2], effects[min(effects.count - 1, effects.count * 99 / 100)])
        print("from a push to its first effect: p50 \(text(median)), p99 \(text(late)), worst \(text(effects.last))")
        print("RSS after each part in KiB: \(memory)")
        let failures = log.failed.sorted { $0.key < $1.key }
        let missing = failures.filter { $0.key.contains(MeshError.Code.clusterNotFound.description) }
        verdicts.check("\(form): every flip had an effect", next == flips + 1, "\(next - 1) of \(flips)")
        verdicts.check("\(form): requests were made all the time", log.answered >= flips, "\(log.answered)")
        verdicts.check("\(form): no request met a route without its cluster", missing.isEmpty, "\(missing)")
        verdicts.check("\(form): no request failed", failures.isEmpty, "\(failures.prefix(5))")
        verdicts.check(
            "\(form): memory is flat: no more than 5 % and 4 MiB over the second part",
            Double(memory[Self.parts - 1]) <= Double(memory[1]) * 1.05 + 4096,
            "\(memory[1]) -> \(memory[Self.parts - 1]) KiB"
        )
    }

    private func text(_ time: Nanoseconds?) -> String { "\(((time ?? .zero).seconds * 100_000).rounded() / 100) ms" }
}
