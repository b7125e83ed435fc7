// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// Counts instructions and heap allocations by running this program again under valgrind, twice, and taking the
/// difference: what starting up and a run itself need cancels out.
///
/// The counts are exact and repeatable, which times on a shared machine are not. Standing in front of `malloc` from
/// Swift is no way: the compiler reserves the name, and the linker does not export it.
struct ValgrindCounter: Sendable {
    /// How much work is counted, in nanoseconds without valgrind, which takes some fifty times as long.
    private static let work = 3_000_000.0

    /// What is counted.
    private enum Quantity {
        case instructions, allocations

        var arguments: [String] {
            switch self {
            case .instructions: ["--tool=callgrind", "--callgrind-out-file=/dev/null"]
            case .allocations: ["--tool=memcheck", "--leak-check=no", "--undef-value-errors=no"]
            }
        }

        /// The total, in lines like `==1== Collected : 123` and `==1==   total heap usage: 1,234 allocs, …`.
        func total(in output: String) -> Double? {
            let mark = self == .instructions ? "Collected :" : "total heap usage:"
            guard let line = output.split(separator: "\n").last(where: { $0.contains(mark) }),
                let found = line.range(of: mark)
            else { return nil }
            let number = line[found.upperBound...].split(separator: " ").first
            return number.flatMap { Double($0.filter { $0 != "," }) }
        }
    }

    private let valgrind: String
    private let program: String

    /// Prepares a copy of this program; `nil` where there is no valgrind, or it cannot count what is known.
    init?() {
        guard let valgrind = Self.find("valgrind"), let strip = Self.find("strip") else { return nil }
        // Valgrind stumbles over the debugging information of newer compilers; a copy without any is as good.
        let copy = FileManager.default.temporaryDirectory
            .appendingPathComponent("benchmarks-\(ProcessInfo.processInfo.processIdentifier)").path
        guard let own = Bundle.main.executablePath, Self.run(strip, ["-o", copy, own]) != nil else { return nil }
        self.valgrind = valgrind
        self.program = copy
        // The proof that the counts mean what they say: one object an operation.
        guard allocations("proof/one-allocation", nanoseconds: 100) == 1 else {
            removeCopy()
            return nil
        }
    }

    /// Removes the copy.
    func removeCopy() {
        try? FileManager.default.removeItem(atPath: program)
    }

    /// Instructions an operation; `nil` if they could not be counted.
    /// - Parameter nanoseconds: How long an operation takes, roughly.
    func instructions(_ name: String, nanoseconds: Double) -> Double? { count(.instructions, name, nanoseconds) }

    /// Heap allocations an operation; `nil` if they could not be counted.
    /// - Parameter nanoseconds: How long an operation takes, roughly.
    func allocations(_ name: String, nanoseconds: Double) -> Double? { count(.allocations, name, nanoseconds) }

    private func count(_ quantity: Quantity, _ name: String, _ nanoseconds: Double) -> Double? {
        let few = Int(min(max(Self.work / max(nanoseconds, 1), 20), 1_000))
        let many = few * 6
        guard let least = total(quantity, name, few), let most = total(quantity, name, many), most >= least else {
            return nil
        }
        return (most - least) / Double(many - few)
    }

    private func total(_ quantity: Quantity, _ name: String, _ iterations: Int) -> Double? {
        Self.run(valgrind, quantity.arguments + [program, "--repeat", name, "\(iterations)"])
            .flatMap(quantity.total)
    }

    private static func find(_ tool: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        return path.split(separator: ":").map { "\($0)/\(tool)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program to its end.
    /// - Returns: What it wrote, errors included; `nil` if it could not be started or failed.
    private static func run(_ path: String, _ arguments: [String]) -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        guard (try? process.run()) != nil else { return nil }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
    }
}
