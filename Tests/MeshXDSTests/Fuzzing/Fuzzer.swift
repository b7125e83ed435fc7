// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore

/// Feeds decoders with bad inputs made from a seed, and says which of them did what must not be.
///
/// A crash ends the process: what it was fed stands in the journal then, so that it can be fed again.
struct Fuzzer: Sendable {
    /// Something that an input did.
    struct Finding: Hashable, Sendable, CustomStringConvertible {
        var target: String
        var message: String
        var input: [UInt8]

        var description: String { "\(target): \(message.prefix(2000))\n  replay \(target):\(input.hexadecimal)" }
    }

    /// What became of a target's inputs.
    struct Figures: Hashable, Sendable {
        var inputs = 0
        var accepted = 0
        /// The processor time of all of them.
        var total = Nanoseconds.zero
        /// The processor time of the slowest one.
        var slowest = Nanoseconds.zero

        mutating func count(_ outcome: FuzzTarget.Outcome, _ time: Nanoseconds) {
            inputs += 1
            if outcome == .accepted { accepted += 1 }
            total = Nanoseconds(rawValue: total.rawValue + time.rawValue)
            slowest = max(slowest, time)
        }
    }

    /// How much processor time an input may take, in a debug build.
    static let maximumTime = Nanoseconds.seconds(4)

    let targets: [FuzzTarget]
    let seed: UInt64
    /// Where the input stands that is being read; `nil` for nowhere.
    var journal: FuzzJournal?

    /// Feeds each target in turn.
    /// - Parameter isOver: Whether that is enough; asked after each round over all targets with the rounds so far.
    func run(until isOver: (Int) -> Bool) async -> (figures: [String: Figures], findings: [Finding]) {
        let mutators = targets.enumerated().map { position, target in
            // A stream for each, so that `only` does not change what a target gets.
            let stream = target.name.utf8.reduce(seed) { $0 &* 31 &+ UInt64($1) }
            return (FuzzMutator(samples: target.samples, random: MeshRandom(seed: stream)), MeshRandom(seed: ~stream))
        }
        var figures: [String: Figures] = [:]
        var findings: [Finding] = []
        var round = 0
        repeat {
            for (target, (mutator, random)) in zip(targets, mutators) {
                // Other tests are to go on meanwhile.
                await Task.yield()
                let position = Int(random.below(UInt64(max(1, target.samples.count))))
                let sample = target.samples.dropFirst(position).first ?? []
                let input =
                    switch target.form {
                    case .message: mutator.message(from: sample)
                    case .text: mutator.text(from: sample)
                    case .bytes: mutator.bytes(from: sample)
                    }
                let (outcome, time) = await feed(input, to: target)
                figures[target.name, default: Figures()].count(outcome, time)
                guard case .violated(let message) = outcome, findings.count < 20 else { continue }
                findings.append(Finding(target: target.name, message: message, input: input))
            }
            round += 1
        } while !isOver(round)
        return (figures, findings)
    }

    /// Feeds one input.
    func feed(_ input: [UInt8], to target: FuzzTarget) async -> (outcome: FuzzTarget.Outcome, time: Nanoseconds) {
        journal?.write(target.name, input)
        let start = processorTime()
        let outcome = await target.read(input)
        let time = Nanoseconds(rawValue: processorTime() - start)
        guard time <= Self.maximumTime || journal == nil else {
            return (.violated("took \(time.seconds) s of processor time"), time)
        }
        return (outcome, time)
    }

    /// What this process has used of its processors, in nanoseconds: a machine that is busy otherwise makes none slower.
    private func processorTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// A file with the input that is being read, which outlives the process.
struct FuzzJournal: Sendable {
    private let descriptor: Int32

    /// - Returns: `nil` if the file cannot be made.
    init?(path: String) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { return nil }
    }

    /// A line with the length, the target and the input's digits; what stands behind it is from a longer one before.
    func write(_ target: String, _ input: [UInt8]) {
        let head = Array("\(target) \(input.count)\n".utf8)
        (head + input).withUnsafeBytes { _ = pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }
}

extension [UInt8] {
    /// Two digits for each byte.
    var hexadecimal: String {
        let digits = Array<UInt8>("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The bytes that digits stand for; `nil` if they are none.
    init?(hexadecimal text: some StringProtocol) {
        let digits = Array<UInt8>(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for position in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[position..<position + 2], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        self = bytes
    }
}
