// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// Counts instructions and heap allocations by running this program again under callgrind, which writes down what it
/// counted at the borders that the run puts around each benchmark.
///
/// The counts are repeatable to an instruction or two, which times on a shared machine are not; the kernel's work is not
/// in them, and valgrind reads clocks by a system call. Standing in front of `malloc` from Swift is no way: the compiler
/// reserves the name, and the linker does not export it.
struct ValgrindCounter: Sendable {
    /// What one operation needs.
    struct Counts: Sendable {
        var instructions: Double
        var allocations: Double

        /// The smaller of both: what is left of an earlier benchmark, the timers' task above all, may run in one of them.
        func least(_ other: Counts?) -> Counts {
            guard let other else { return self }
            return Counts(
                instructions: min(instructions, other.instructions),
                allocations: min(allocations, other.allocations)
            )
        }
    }

    private static let proof = "proof/one-allocation"
    /// What allocates, by its name in the C library.
    private static let allocators: Set = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"]

    private let valgrind: String
    private let folder: URL
    private let program: URL

    /// Prepares a copy of this program; `nil` where there is no valgrind.
    init?() {
        guard let valgrind = Self.find("valgrind"), let strip = Self.find("strip"), let own = Bundle.main.executablePath
        else { return nil }
        self.valgrind = valgrind
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("benchmarks-\(ProcessInfo.processInfo.processIdentifier)")
        // Valgrind stumbles over the debugging information of newer compilers, and needs the names of functions.
        program = folder.appendingPathComponent("benchmarks")
        guard (try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)) != nil,
            Self.run(strip, ["--strip-debug", "-o", program.path, own])
        else { return nil }
    }

    /// Removes the copy.
    func removeCopy() {
        try? FileManager.default.removeItem(at: folder)
    }

    /// Counts benchmarks.
    /// - Returns: The counts of each; `nil` if they could not be counted, or are wrong where they are known.
    func count(_ names: [String]) -> [String: Counts]? {
        let names = names + [Self.proof]
        let output = folder.appendingPathComponent("counts")
        let arguments = [
            "--tool=callgrind", "--dump-before=*benchmarkSectionBorder*", "--callgrind-out-file=\(output.path)",
            program.path, "--counted-run",
        ]
        guard Self.run(valgrind, arguments + names + names + names) else { return nil }
        var counts: [String: Counts] = [:]
        let each = Double(CountedRun.iterations)
        for (position, name) in (names + names + names).enumerated() {
            // Before each section lies what leads up to it.
            guard let text = try? String(contentsOfFile: "\(output.path).\(2 * position + 2)", encoding: .utf8),
                let total = Self.total(text)
            else { return nil }
            let section = Counts(instructions: total / each, allocations: Self.allocations(text) / each)
            counts[name] = section.least(counts[name])
        }
        // The proof that the counts mean what they say: one object an operation.
        guard let proof = counts[Self.proof], (proof.allocations * 100).rounded() == 100 else { return nil }
        return counts
    }

    /// The instructions of a section, from the line `totals: 123`.
    private static func total(_ text: String) -> Double? {
        let line = text.split(separator: "\n").last { $0.hasPrefix("totals:") || $0.hasPrefix("summary:") }
        return line?.split(separator: " ").last.flatMap { Double($0) }
    }

    /// How often a section called an allocator: a line `cfn=(7) malloc`, or `cfn=(7)` once the number is known, and after
    /// it `calls=3 …`.
    private static func allocations(_ text: String) -> Double {
        var known: Set<Substring> = []
        var (isAllocator, count) = (false, 0.0)
        for line in text.split(separator: "\n") {
            if line.hasPrefix("cfn=") || line.hasPrefix("fn=") {
                let words = line.split(separator: " ", maxSplits: 1)
                let number = words[0].drop { $0 != "(" }
                if words.count == 2, allocators.contains(String(words[1])) { known.insert(number) }
                isAllocator = line.hasPrefix("cfn=") && known.contains(number)
            } else if isAllocator, line.hasPrefix("calls=") {
                count += line.dropFirst(6).split(separator: " ").first.flatMap { Double($0) } ?? 0
                isAllocator = false
            }
        }
        return count
    }

    private static func find(_ tool: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        return path.split(separator: ":").map { "\($0)/\(tool)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program to its end.
    /// - Returns: Whether it was started and did not fail.
    private static func run(_ path: String, _ arguments: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
