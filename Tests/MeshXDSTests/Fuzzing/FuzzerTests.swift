// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Decoders of what comes from outside")
struct FuzzerTests {
    @Test("whatever they are fed, they take it or refuse it")
    func mutations() async {
        let fuzzer = Fuzzer(targets: FuzzTarget.all, seed: 1)
        let (figures, findings) = await fuzzer.run { $0 == 20 }
        for finding in findings { Issue.record("\(finding)") }
        #expect(figures.count == FuzzTarget.all.count)
    }

    @Test("what they are fed is worth it: good inputs are taken", arguments: FuzzTarget.all)
    func samples(target: FuzzTarget) async {
        #expect(!target.samples.isEmpty)
        var accepted = 0
        for sample in target.samples {
            let outcome = await target.read(sample)
            if case .violated(let message) = outcome { Issue.record("\(target.name): \(message)") }
            if outcome == .accepted { accepted += 1 }
        }
        // Some are of other makes' dialects, or refer to what is not there.
        #expect(accepted * 2 >= target.samples.count, "\(target.name): \(accepted) of \(target.samples.count)")
    }

    @Test("a seed gives the same inputs each time")
    func seeds() throws {
        let samples = try #require(FuzzTarget.resources.first).samples
        let inputs = (0..<2).map { _ in
            let mutator = FuzzMutator(samples: samples, random: MeshRandom(seed: 5))
            return samples.prefix(50).map { mutator.message(from: $0) }
        }
        #expect(inputs[0] == inputs[1])
        #expect(zip(inputs[0], samples).count { $0 == $1 } < 25)
    }

    @Test("messages are taken apart and put together as they were", arguments: FuzzTarget.resources)
    func wire(target: FuzzTarget) {
        for sample in target.samples { #expect(WireNode.fields(of: sample[...]).map(WireNode.bytes) == sample) }
    }

    /// Inputs that did what must not be, each with what it did.
    @Test("what once was too much is no more", arguments: FuzzRegressions.all)
    func regressions(regression: FuzzRegression) async throws {
        let target = try #require(FuzzTarget.all.first { $0.name == regression.target })
        let outcome = await target.read(regression.input)
        if case .violated(let message) = outcome { Issue.record("\(regression.symptom): \(message)") }
    }

    // MARK: - As a program: Tests/Interop/fuzz/fuzz.py runs it, and sees to it that it ends.

    private static let settings = FuzzSettings(ProcessInfo.processInfo.environment)

    @Test("for as long as the environment says, one round if it says nothing")
    func program() async throws {
        let settings = Self.settings
        let names = Set(settings.only)
        #expect(names.subtracting(FuzzTarget.all.map(\.name)).isEmpty, "there is no such target")
        let targets = FuzzTarget.all.filter { names.isEmpty || names.contains($0.name) }
        let clock = SystemClock()
        let end = clock.now.advanced(by: .seconds(settings.seconds))
        var fuzzer = Fuzzer(targets: targets, seed: settings.seed)
        fuzzer.journal = settings.journal.flatMap { FuzzJournal(path: $0) }
        if let replay = settings.replay {
            let target = try #require(targets.first { $0.name == replay.target })
            let (outcome, time) = await fuzzer.feed(replay.input, to: target)
            print("replayed \(target.name): \(outcome), \(time.seconds) s of processor time")
            if case .violated(let message) = outcome { Issue.record("\(message)") }
            return
        }
        let (figures, findings) = await fuzzer.run { _ in clock.now >= end }
        for (name, figures) in figures.sorted(by: { $0.key < $1.key }) {
            let (total, slowest) = (figures.total.rawValue / 1_000_000, figures.slowest.rawValue / 1_000_000)
            print(
                "fuzz \(name): \(figures.inputs) inputs, \(figures.accepted) accepted, \(total) ms, slowest \(slowest) ms"
            )
        }
        for finding in findings { print("fuzz FINDING \(finding)") }
        #expect(findings.isEmpty)
    }
}
