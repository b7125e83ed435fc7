// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// Counts the instructions and heap allocations of a client's process by running it under valgrind, twice, and taking
/// the difference: what starting, connecting and ending need cancels out.
///
/// The server runs as ever. Instructions of the client are those of user space; what the kernel does for it is seen in
/// the CPU time only.
struct InstructionCounter {
    private static let (few, many) = (256, 1_280)

    private let valgrind: String
    private let program: String

    /// Prepares a copy of this program; `nil` where there is no valgrind.
    init?() {
        guard let valgrind = Program.find("valgrind"), let strip = Program.find("strip") else { return nil }
        // Valgrind stumbles over the debugging information of newer compilers; a copy without any is as good.
        let copy = FileManager.default.temporaryDirectory
            .appending(path: "benchmarks-e2e-\(ProcessInfo.processInfo.processIdentifier)-stripped").path
        guard let own = Bundle.main.executablePath, Program.output(strip, ["-o", copy, own]) != nil else { return nil }
        self.valgrind = valgrind
        self.program = copy
    }

    /// Removes the copy.
    func removeCopy() {
        try? FileManager.default.removeItem(atPath: program)
    }

    /// Instructions and allocations a request; `nil` if they could not be counted.
    /// - Parameter arguments: Those of the `load` command, but for the count.
    func count(_ arguments: [String]) -> (instructions: Double, allocations: Double)? {
        guard
            let instructions = difference(
                ["--tool=callgrind", "--callgrind-out-file=/dev/null"],
                arguments,
                mark: "Collected :"
            ),
            let allocations = difference(
                ["--tool=memcheck", "--leak-check=no", "--undef-value-errors=no"],
                arguments,
                mark: "total heap usage:"
            )
        else { return nil }
        return (instructions, allocations)
    }

    private func difference(_ tool: [String], _ arguments: [String], mark: String) -> Double? {
        guard let least = total(tool, arguments, Self.few, mark), let most = total(tool, arguments, Self.many, mark)
        else {
            return nil
        }
        return most >= least ? (most - least) / Double(Self.many - Self.few) : nil
    }

    /// The total, in lines like `==1== Collected : 123` and `==1==   total heap usage: 1,234 allocs, …`.
    private func total(_ tool: [String], _ arguments: [String], _ requests: Int, _ mark: String) -> Double? {
        let arguments = tool + [program] + arguments + ["--count", "\(requests)"]
        guard let output = Program.output(valgrind, arguments, limit: 120),
            let line = output.split(separator: "\n").last(where: { $0.contains(mark) }),
            let found = line.range(of: mark)
        else { return nil }
        return line[found.upperBound...].split(separator: " ").first.flatMap { Double($0.filter { $0 != "," }) }
    }
}
