// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What was measured of one benchmark; `nil` where nothing was.
struct Figures: Sendable {
    var name: String
    /// CPU nanoseconds an operation, the median of the samples.
    var nanoseconds: Double
    /// The same less what stands inside, the median over pairs of samples.
    var netNanoseconds: Double?
    /// Nanoseconds that went by for each operation, where several threads shared them.
    var wallNanoseconds: Double?
    /// Instructions an operation.
    var instructions: Double?
    /// The same less what stands inside.
    var netInstructions: Double?
    /// Heap allocations an operation.
    var allocations: Double?

    /// The heads of the columns.
    static let heading = [
        "benchmark".padded(40), "CPU ns".padded(10), "net".padded(10), "wall".padded(10), "instr".padded(10),
        "net".padded(10), "allocs",
    ].joined()

    /// The figures for a person.
    var line: String {
        func column(_ value: Double?, _ places: Int) -> String { (value?.text(places) ?? "").padded(10) }
        return name.padded(40) + column(nanoseconds, 1) + column(netNanoseconds, 1) + column(wallNanoseconds, 1)
            + column(instructions, 0) + column(netInstructions, 0) + column(allocations, 2)
    }

    private var json: String {
        func number(_ value: Double?, _ places: Int) -> String { value?.text(places) ?? "null" }
        // Names hold nothing that JSON escapes.
        return """
            {"name":"\(name)","ns":\(number(nanoseconds, 2)),"netNs":\(number(netNanoseconds, 2)),\
            "wallNs":\(number(wallNanoseconds, 2)),"instructions":\(number(instructions, 1)),\
            "netInstructions":\(number(netInstructions, 1)),"allocations":\(number(allocations, 3))}
            """
    }

    /// Writes all figures as one JSON document.
    static func write(_ figures: [Figures], to path: String) {
        let text = "{\"benchmarks\":[\n" + figures.map(\.json).joined(separator: ",\n") + "\n]}\n"
        if path == "-" {
            print(text, terminator: "")
            return
        }
        guard let file = fopen(path, "w") else {
            print("cannot write \(path)")
            exit(1)
        }
        fputs(text, file)
        fclose(file)
    }
}

extension Double {
    /// The number with at most so many decimals.
    func text(_ places: Int) -> String {
        let scale = (0..<places).reduce(1.0) { product, _ in product * 10 }
        let rounded = (self * scale).rounded() / scale
        return places == 0 ? "\(Int(rounded))" : "\(rounded)"
    }
}

extension String {
    /// The text, with spaces up to a width.
    func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(1, width - count))
    }
}
