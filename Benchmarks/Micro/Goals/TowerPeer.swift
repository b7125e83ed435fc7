// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// The program of `Benchmarks/Peers/Tower`: it runs a variant when it is told to, so that its samples lie between ours.
final class TowerPeer {
    private let process = Process()
    private let questions = Pipe()
    private let answers = Pipe()
    private var calls: [String: Int] = [:]

    /// Starts the program.
    /// - Returns: `nil` if it does not start or is another program.
    init?(path: String) {
        process.executableURL = URL(fileURLWithPath: path)
        process.standardInput = questions
        process.standardOutput = answers
        guard (try? process.run()) != nil, ask("list")?.contains("one-owner") == true else { return nil }
    }

    deinit {
        // The end of its input ends it.
        try? questions.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// CPU nanoseconds of one call.
    /// - Parameter nanoseconds: How long the sample lasts.
    func sample(_ variant: String, lasting nanoseconds: Double) -> Double {
        let count = calls[variant] ?? calibrated(variant, nanoseconds)
        return measure(variant, count).nanoseconds
    }

    /// Heap allocations of one call.
    func allocations(_ variant: String) -> Double { measure(variant, 1_000).allocations }

    private func calibrated(_ variant: String, _ nanoseconds: Double) -> Int {
        _ = measure(variant, 1_000)
        let count = max(Int(nanoseconds / max(measure(variant, 10_000).nanoseconds, 1)), 1)
        calls[variant] = count
        return count
    }

    private func measure(_ variant: String, _ count: Int) -> (nanoseconds: Double, allocations: Double) {
        let numbers = ask("\(variant) \(count)")?.split(separator: " ").compactMap { Double($0) } ?? []
        guard numbers.count == 2 else { fatalError("the Tower peer does not run \(variant)") }
        return (numbers[0], numbers[1])
    }

    private func ask(_ question: String) -> String? {
        guard (try? questions.fileHandleForWriting.write(contentsOf: Data("\(question)\n".utf8))) != nil else {
            return nil
        }
        var line: [UInt8] = []
        while let byte = try? answers.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
    }
}
